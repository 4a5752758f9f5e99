"""What compose.yaml says is what the chart says, and nobody has more rights than
he needs. Needs no engine: `python3 -m compose files` in tests/."""
import json
import re
import subprocess
import tempfile

import yaml

from kit import stack

OURS = ["billing", "collector", "enricher", "meter", "notifier", "relay",
        "reports", "writer"]
ONCE = ["migrate", "topics", "roles"]


def load(path):
    return yaml.safe_load((stack.ROOT / path).read_text(encoding="utf-8"))


def compose():
    return load("compose/compose.yaml")["services"]


def added():
    """Services that other files add to those of compose.yaml."""
    there = compose()
    return {name: one for what in ("dev", "observability", "e2e") for name, one
            in load(f"compose/compose.{what}.yaml")["services"].items()
            if name not in there}


def chart(name):
    """A service's values in the chart, over the defaults."""
    values = load("helm/pawprint/values.yaml")
    return {**values["defaults"], **(values["services"][name] or {})}


def bytes_of(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|m|g)", text).groups()
    return int(number) * {"Mi": 1 << 20, "m": 1 << 20, "g": 1 << 30}[unit]


def test_every_service_of_the_chart_is_there():
    there = load("helm/pawprint/values.yaml")["services"]
    assert sorted(there) == OURS and set(OURS) <= set(compose())


def test_grace_periods_are_those_of_the_chart():
    for name in OURS:
        wanted = f"{chart(name)['terminationGracePeriodSeconds']}s"
        assert compose()[name]["stop_grace_period"] == wanted, name


def test_limits_of_memory_are_those_of_the_chart():
    for name in OURS:
        wanted = bytes_of(chart(name)["resources"]["limits"]["memory"])
        assert bytes_of(compose()[name]["mem_limit"]) == wanted, name


def test_internal_ports_are_the_same_everywhere():
    image = (stack.ROOT / "compose/Dockerfile").read_text(encoding="utf-8")
    scraped = load("compose/observability/prometheus.yaml")["scrape_configs"][0]
    assert "PAWPRINT_INTERNAL_PORT=9090" in image
    assert scraped["dns_sd_configs"][0]["port"] == 9090
    assert sorted(scraped["dns_sd_configs"][0]["names"]) == OURS
    pods = (stack.ROOT / "helm/pawprint/templates/_connections.tpl").read_text(
        encoding="utf-8")
    assert 'PAWPRINT_INTERNAL_PORT: "9090"' in pods


def test_nobody_has_more_rights_than_he_needs():
    for name, one in [*compose().items(), *added().items()]:
        assert one["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in one["security_opt"], name
        assert "mem_limit" in one and "privileged" not in one, name
        for port in one.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)
    for name in OURS + ONCE:
        assert compose()[name]["read_only"] is True, name
        assert "cap_add" not in compose()[name], name
    for name, one in added().items():
        assert one["read_only"] is True and "cap_add" not in one, name


def test_everybody_says_how_he_is_and_nothing_starts_before_its_stores_are_made():
    services = compose()
    for name in set(services) - set(ONCE) - {"pawprint"}:
        assert "test" in services[name]["healthcheck"], name
    depended = {what for one in services.values()
                for what in one.get("depends_on", {})}
    assert set(ONCE) <= depended, "a one-shot that nobody waits for"
    for name in OURS:
        assert set(services[name]["depends_on"]) == {"roles", "topics"}, name


def test_the_list_of_what_an_image_holds_has_the_package_of_every_library():
    program = stack.ROOT / "build/bin/collector"
    with tempfile.TemporaryDirectory() as tree:
        subprocess.run([stack.ROOT / "compose/closure", program, tree], check=True)
        made = [subprocess.run([stack.ROOT / "compose/sbom", "--tree", tree, "collector"], check=True,
                               capture_output=True, text=True).stdout for _ in range(2)]
    assert made[0] == made[1], "it differs each time"
    listed = {part["name"] for part in json.loads(made[0])["components"]}
    linked = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout)
    assert linked
    for library in linked:
        found = subprocess.run(["dpkg-query", "-S", "*/" + library.rsplit("/", 1)[1]], capture_output=True, text=True, check=True)
        owners = {line.split(":")[0] for line in found.stdout.splitlines()}
        assert owners & listed, f"{library}: none of {owners}"
