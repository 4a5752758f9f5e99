"""The chart helm/pawprint-devstack, and that its values for pawprint reach what it runs."""
import subprocess

from helm import chart
from helm.test_5_kinds import MINORS, kubeconform

PRODUCT = chart.DEVSTACK / "pawprint.yaml"
KEPT = {"storage": {"size": "1Gi", "className": "standard"}}


def test_lint_finds_nothing_in_the_devstack():
    done = subprocess.run([chart.tool("helm"), "lint", "--strict", str(chart.DEVSTACK)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_object_of_the_devstack_is_valid_for_three_minors():
    for values in ({}, KEPT):
        for minor in MINORS:
            said, summary = kubeconform(chart.template(values, chart.DEVSTACK), minor)
            assert summary["valid"] == len(said) > 10, f"{minor}: {[entry for entry in said if entry['status'] != 'statusValid']}"


def test_a_misspelt_value_of_the_devstack_is_refused():
    for values in ({"kafkaa": {}}, {"kafka": {"imagee": "x"}}, {"storage": {"sise": "1Gi"}}):
        try:
            chart.template(values, chart.DEVSTACK)
        except chart.Refused as why:
            assert "additional properties" in str(why), why
        else:
            raise AssertionError(f"{values} was rendered")


def test_pods_of_the_devstack_keep_to_restricted_pod_security():
    for item, spec in chart.pods(chart.objects({}, chart.DEVSTACK)):
        name, security = item["metadata"]["name"], spec["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, name


def test_data_is_kept_when_a_size_is_said():
    kept = [item for item in chart.objects(KEPT, chart.DEVSTACK) if item["kind"] == "StatefulSet"]
    assert len(kept) == 5 and all(item["spec"]["volumeClaimTemplates"] for item in kept)
    assert not any("volumes" in spec for item, spec in chart.pods(kept))


def test_pawprint_finds_the_servers_of_the_devstack():
    services = {item["metadata"]["name"]: {port["port"] for port in item["spec"]["ports"]}
                for item in chart.objects({}, chart.DEVSTACK) if item["kind"] == "Service"}
    values = chart.merged(chart.default_values(), chart.read(PRODUCT))
    c = values["connections"]
    places = [*c["kafka"]["brokers"], c["clickhouse"]["url"].removeprefix("http://"),
              f"{c['postgres']['host']}:{c['postgres']['port']}", f"{c['redis']['host']}:{c['redis']['port']}",
              values["services"]["notifier"]["settings"]["PAWPRINT_SMTP_URL"].removeprefix("smtp://")]
    for place in places:
        host, port = place.split(":")
        assert int(port) in services.get(host, ()), f"{place}: {services}"


def test_pawprint_finds_its_secrets_in_the_devstack():
    made = {item["metadata"]["name"]: item["stringData"]
            for item in chart.objects({}, chart.DEVSTACK) if item["kind"] == "Secret"}
    items, asked = chart.objects(PRODUCT), set()
    for _, spec in chart.pods(items):
        asked |= {value for value in chart.environment(items, spec["containers"][0]).values() if isinstance(value, tuple) and value[0] != "field"}
        asked |= set(chart.files(spec).values())
    assert len(asked) == 7, asked  # six roles of Postgres, one of ClickHouse
    for secret, key in asked:
        assert key in made.get(secret, {}), f"{secret}: no {key}"
