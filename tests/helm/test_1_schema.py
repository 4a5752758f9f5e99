"""What is not a value is refused, at every level."""
import concurrent.futures
import json
import subprocess

from helm import chart

WRONG = "misspelt_"


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def everything():
    """The richest set of values, and every map that a service may have."""
    values = chart.merged(chart.default_values(), chart.read(chart.ROOT / "tests/helm/values/everything.yaml"))
    for service in values["services"].values():
        for name in ("settings", "secrets", "image", "rollout", "disruption", "resources"):
            service.setdefault(name, {})
        service["secrets"].setdefault("keys", {})
        service["resources"].setdefault("limits", {})
    return values


def levels(value, schema, root, path=()):
    """The path of every map whose keys are the chart's."""
    schema = resolve(schema, root)
    if isinstance(value, dict) and schema.get("additionalProperties") is False:
        yield path
        for key, inner in value.items():
            yield from levels(inner, schema["properties"][key], root, path + (key,))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from levels(inner, schema["items"], root, path + (i,))


def at(values, path):
    for key in path:
        values = values[key]
    return values


def test_the_schema_is_made_from_the_settings_in_the_documents():
    made = subprocess.run([chart.ROOT / "helm/make-schema"], capture_output=True, text=True, check=True).stdout
    there = (chart.CHART / "values.schema.json").read_text()
    assert made == there, "helm/make-schema >helm/pawprint/values.schema.json brings it up to date"


def test_every_level_of_the_schema_takes_only_what_it_names():
    open_levels = []

    def look(schema, path):
        if isinstance(schema, dict):
            if schema.get("type") == "object" and schema.get("additionalProperties") not in (False, {"type": "string"}):
                open_levels.append(path)
            for key, inner in schema.items():
                look(inner, f"{path}/{key}")
        elif isinstance(schema, list):
            for i, inner in enumerate(schema):
                look(inner, f"{path}/{i}")

    look(json.loads((chart.CHART / "values.schema.json").read_text()), "")
    assert not open_levels, open_levels


def test_helm_refuses_a_misspelt_key_at_any_level():
    chart.template(everything())  # as it is, it is taken
    root = json.loads((chart.CHART / "values.schema.json").read_text())
    paths = list(levels(everything(), root, root))

    def one(path):
        values = everything()
        level = at(values, path)
        level[WRONG + (next(iter(level), "key"))] = next(iter(level.values()), "x")
        return WRONG in chart.refused(values)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        taken = [path for path, good in zip(paths, pool.map(one, paths)) if not good]
    assert not taken, f"taken, or refused without saying what: {taken}"
    assert len(paths) > 100, f"only {len(paths)} levels were found"
    return f"{len(paths)} levels"


def test_a_value_of_a_wrong_kind_or_range_is_refused():
    cases = [
        ("services.collector.replicas", "two"),
        ("services.collector.settings.PAWPRINT_TRUSTED_HOPS", 11),
        ("services.collector.settings.METERING", "maybe"),
        ("services.writer.settings.PAWPRINT_KAFKA_BROKERS", "elsewhere:9092"),
        ("services.enricher.settings.PAWPRINT_TOPIC_PREFIX", "another."),
        ("services.meter.scale.lag.min", 0),
        ("services.relay.scale", {"cpu": {"enabled": True}}),
        ("services.billing.settings.PAWPRINT_STRIPE_KEY", "sk_test_in_the_open"),
        ("connections.kafka.brokers", ["kafka"]),
        ("connections.postgres.sslmode", "prefer"),
        ("services.collector.image.digest", "sha256:short"),
        ("jobs.mode", "later"),
    ]
    for path, value in cases:
        values = everything()
        *way, last = path.split(".")
        at(values, way)[last] = value
        why = chart.refused(values)
        assert last in why or way[-1] in why, f"{path}: {why}"
    return f"{len(cases)} values"
