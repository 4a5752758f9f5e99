"""The block `connections` reaches every pod, job and scaler that needs it."""
import random
import re
import string

from helm import chart

CASES = 12


def word(rng):
    return "".join(rng.choices(string.ascii_lowercase, k=8))


def a_secret(rng, *keys):
    return {"existingSecret": word(rng), **{key: word(rng) for key in keys}}


def any_connections(rng):
    """A block of connections as one might have it, with names that are found nowhere else."""
    return {
        "kafka": {"brokers": [f"{word(rng)}.example:{rng.randrange(10000, 60000)}" for _ in range(rng.randrange(1, 4))],
                  "tls": rng.random() < 0.7,
                  "sasl": {"mechanism": rng.choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", ""]),
                           **a_secret(rng, "usernameKey", "passwordKey")}},
        "schemaRegistry": {"url": rng.choice(["", f"https://{word(rng)}.example:{rng.randrange(10000, 60000)}"]),
                           **rng.choice([{}, a_secret(rng, "urlKey")])},
        "clickhouse": {"url": f"{rng.choice(['http', 'https'])}://{word(rng)}.example:{rng.randrange(10000, 60000)}",
                       "database": word(rng), "user": word(rng), **a_secret(rng, "passwordKey")},
        "postgres": {"host": f"{word(rng)}.example", "port": rng.randrange(10000, 60000), "database": word(rng),
                     "sslmode": rng.choice(["require", "verify-ca", "verify-full"]), "existingSecret": word(rng),
                     "roles": {"owner": {"user": word(rng), "key": word(rng), "existingSecret": rng.choice(["", word(rng)])}}},
        "redis": {"host": f"{word(rng)}.example", "port": rng.randrange(10000, 60000), **rng.choice([{}, a_secret(rng, "urlKey")])},
        "ca": a_secret(rng, "key") if rng.random() < 0.7 else {},
        "authorities": a_secret(rng, "key") if rng.random() < 0.5 else {},
        "prometheus": {"url": f"http://{word(rng)}.example:9090"},
    }


class Pod:
    """What the first container of a pod is given."""

    def __init__(self, items, spec):
        self.name = spec["containers"][0]["name"]
        self.env = chart.environment(items, spec["containers"][0])
        self.files = chart.files(spec)

    def has(self, setting, value):
        assert self.env.get(setting) == value, f"{self.name}: {setting} is {self.env.get(setting)}, not {value}"

    def has_file(self, setting, source):
        path = self.env.get(setting)
        assert self.files.get(path) == source, f"{self.name}: {setting} names {path}: {self.files.get(path)}, not {source}"


def security(kafka):
    transport = "ssl" if kafka["tls"] else "plaintext"
    return f"sasl_{transport}" if kafka["sasl"]["mechanism"] else transport


def check_kafka(pod, c):
    kafka, sasl = c["kafka"], c["kafka"]["sasl"]
    pod.has("PAWPRINT_KAFKA_BROKERS", ",".join(kafka["brokers"]))
    pod.has("PAWPRINT_KAFKA_SECURITY", security(kafka))
    if sasl["mechanism"]:
        pod.has("PAWPRINT_KAFKA_SASL_MECHANISM", sasl["mechanism"])
        pod.has_file("PAWPRINT_KAFKA_USERNAME_FILE", (sasl["existingSecret"], sasl["usernameKey"]))
        pod.has_file("PAWPRINT_KAFKA_PASSWORD_FILE", (sasl["existingSecret"], sasl["passwordKey"]))
    if kafka["tls"] and c["ca"]:
        pod.has_file("PAWPRINT_KAFKA_CA_FILE", (c["ca"]["existingSecret"], c["ca"]["key"]))


def check_registry(pod, c):
    registry = c["schemaRegistry"]
    if registry["url"] and "existingSecret" in registry:
        pod.has_file("SCHEMA_REGISTRY_URL_FILE", (registry["existingSecret"], registry["urlKey"]))
    elif registry["url"]:
        pod.has("SCHEMA_REGISTRY_URL", registry["url"])


def check_clickhouse(pod, c):
    server = c["clickhouse"]
    pod.has("PAWPRINT_CLICKHOUSE_URL", server["url"])
    pod.has("PAWPRINT_CLICKHOUSE_DATABASE", server["database"])
    pod.has("PAWPRINT_CLICKHOUSE_USER", server["user"])
    pod.has_file("PAWPRINT_CLICKHOUSE_PASSWORD_FILE", (server["existingSecret"], server["passwordKey"]))


def check_postgres(pod, c):
    server = c["postgres"]
    role = server["roles"].get("owner" if pod.name == "pawprint" else pod.name) or {
        "user": f"pawprint_{pod.name}", "key": f"postgres-{pod.name}"}
    dsn = dict(part.split("=", 1) for part in pod.env["PAWPRINT_POSTGRES_DSN"].split(" "))
    want = {"host": server["host"], "port": str(server["port"]), "dbname": server["database"], "user": role["user"],
            "sslmode": server["sslmode"]}
    assert want.items() <= dsn.items(), f"{pod.name}: {dsn} lacks something of {want}"
    pod.has("PGPASSWORD", (role.get("existingSecret") or server["existingSecret"], role["key"]))
    if server["sslmode"].startswith("verify"):
        if c["ca"]:
            assert pod.files.get(dsn["sslrootcert"]) == (c["ca"]["existingSecret"], c["ca"]["key"]), f"{pod.name}: {dsn}"
        else:
            assert dsn["sslrootcert"] == "/etc/ssl/certs/ca-certificates.crt", f"{pod.name}: {dsn}"


def check_redis(pod, c):
    server = c["redis"]
    if "existingSecret" in server:
        pod.has_file("PAWPRINT_REDIS_URL_FILE", (server["existingSecret"], server["urlKey"]))
    else:
        pod.has("PAWPRINT_REDIS_URL", f"redis://{server['host']}:{server['port']}/0")


CHECKS = {"kafka": check_kafka, "registry": check_registry, "clickhouse": check_clickhouse, "postgres": check_postgres,
          "redis": check_redis}


def check_scalers(items, c):
    kafka, sasl = c["kafka"], c["kafka"]["sasl"]
    word_for = {"": "none", "PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}
    secrets = {(entry["parameter"], entry["name"], entry["key"])
               for item in items if item["kind"] == "TriggerAuthentication" for entry in item["spec"]["secretTargetRef"]}
    asked = set()
    for item in (item for item in items if item["kind"] == "ScaledObject"):
        trigger = item["spec"]["triggers"][0]
        asked.add(trigger["type"])
        meta = trigger["metadata"]
        if trigger["type"] == "prometheus":
            assert meta["serverAddress"] == c["prometheus"]["url"]
            continue
        assert meta["bootstrapServers"] == ",".join(kafka["brokers"])
        assert (meta["tls"] == "enable") == kafka["tls"] and meta["sasl"] == word_for[sasl["mechanism"]], meta
        if sasl["mechanism"]:
            assert {("username", sasl["existingSecret"], sasl["usernameKey"]),
                    ("password", sasl["existingSecret"], sasl["passwordKey"])} <= secrets, secrets
        if kafka["tls"] and c["ca"]:
            assert ("ca", c["ca"]["existingSecret"], c["ca"]["key"]) in secrets, secrets
        assert bool(secrets) == ("authenticationRef" in trigger)
    assert asked == {"kafka", "prometheus"}


def allowed_ports(items, labels):
    """TCP ports that policies let a pod of these labels reach."""
    result = set()
    for item in (item for item in items if item["kind"] == "NetworkPolicy"):
        if item["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
            for rule in item["spec"].get("egress", []):
                result |= {str(port["port"]) for port in rule["ports"] if port["protocol"] == "TCP"}
    return result


def check_ports(items, item, needs, c):
    port = lambda address: re.search(r":(\d+)$", address)[1]
    want = {"kafka": [port(broker) for broker in c["kafka"]["brokers"]], "redis": [str(c["redis"]["port"])],
            "clickhouse": [port(c["clickhouse"]["url"])], "postgres": [str(c["postgres"]["port"])],
            "registry": [port(c["schemaRegistry"]["url"])] if c["schemaRegistry"]["url"] else []}
    spec = item["spec"] if item["kind"] == "Pod" else item["spec"]["template"]
    labels = (item if item["kind"] == "Pod" else spec)["metadata"]["labels"]
    open_ports = allowed_ports(items, labels) - {"53", "25", "443", "465", "587", "8080"}
    wanted = {number for need in needs for number in want.get(need, [])}
    assert open_ports == wanted, f"{item['metadata']['name']}: may reach {open_ports}, needs {wanted}"


def values_with(c, jobs):
    def lag(**more):
        return {"scale": {"lag": {"enabled": True, **more}}}

    services = {"enricher": lag(**{"from": "group"}), "writer": lag(**{"from": "metric"})}
    base = chart.read(chart.ROOT / "tests/helm/values/default.yaml")
    return chart.merged(base, {"connections": c, "services": services, "jobs": {"mode": jobs}})


def test_connections_reach_every_pod_job_scaler_and_policy_that_needs_them():
    programs, seen = chart.programs(), set()
    for seed in range(CASES):
        c = any_connections(random.Random(seed))
        items = chart.objects(values_with(c, ("hook", "job")[seed % 2]))
        for item, spec in chart.pods(items):
            pod = Pod(items, spec)
            seen.add(f"{item['kind']} {pod.name} {spec['containers'][0].get('args', [''])[0]}")
            for need in programs[pod.name]["needs"]:
                if need in CHECKS:
                    CHECKS[need](pod, c)
            if c["authorities"]:
                assert pod.files.get("/etc/ssl/certs/ca-certificates.crt") == (c["authorities"]["existingSecret"], c["authorities"]["key"])
            check_ports(items, item, programs[pod.name]["needs"], c)
        check_scalers(items, c)
    assert len(seen) == 11, f"pods of {sorted(seen)}"
    return f"{CASES} random blocks, {len(seen)} kinds of pods"


def test_a_pod_is_given_no_secret_that_it_does_not_need():
    programs = chart.programs()
    items = chart.objects_of("ha")
    owner = {"pawprint-kafka": "kafka", "pawprint-clickhouse": "clickhouse", "pawprint-redis": "redis"}
    for _, spec in chart.pods(items):
        pod = Pod(items, spec)
        for name, _ in pod.files.values():
            assert name not in owner or owner[name] in programs[pod.name]["needs"], f"{pod.name} has {name}"


def test_no_secret_stands_in_what_is_rendered():
    for path in chart.VALUES:
        for item in chart.objects(path):
            assert item["kind"] != "Secret", f"{path.name}: {item['metadata']['name']}"
