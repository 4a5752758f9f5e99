"""Rules and dashboards in the chart: those of Compose, as a Prometheus operator and Grafana want them."""
import json
import re

from helm import chart

OBSERVABILITY = chart.ROOT / "compose/observability"
OFF = {"billing", "meter", "notifier", "reports"}


def with_all(name):
    """What is rendered of a set of values and everything that watches."""
    on = {what: {"enabled": True} for what in ("serviceMonitor", "prometheusRule", "dashboards")}
    return chart.objects(chart.merged(chart.read(chart.ROOT / f"tests/helm/values/{name}.yaml"), {"monitoring": on, "networkPolicy": {"metricsFrom": [{"podSelector": {}}]}}))


def rules_in(items):
    found = [item for item in items if item["kind"] == "PrometheusRule"]
    assert len(found) == 1, found
    return {rule["alert"]: rule for group in found[0]["spec"]["groups"] for rule in group["rules"]}


def rules_of_compose():
    return {rule["alert"]: rule for path in OBSERVABILITY.glob("rules/*.yaml")
            for group in chart.read(path)["groups"] for rule in group["rules"]}


def dashboards_in(items):
    return {name: json.loads(text) for item in items if item["kind"] == "ConfigMap" and "grafana_dashboard" in item["metadata"]["labels"]
            for name, text in item["data"].items()}


def test_rules_are_those_of_compose_word_for_word():
    mine, source = rules_in(with_all("default")), rules_of_compose()
    assert set(mine) == set(source), set(mine) ^ set(source)
    for name, rule in source.items():
        assert {**mine[name], "expr": mine[name]["expr"].strip()} == {**rule, "expr": rule["expr"].strip()}, name
    return f"{len(source)} rules"


def test_of_services_that_are_off_there_is_no_rule_and_no_dashboard():
    items = with_all("minimal")
    mine, source = rules_in(items), rules_of_compose()
    assert set(source) - set(mine) == {name for name, rule in source.items() if rule["labels"].get("service") in OFF}
    gone = mine["PawprintServiceGone"]["expr"]
    ask = r'absent\(up\{job="pawprint", service="([a-z]+)"\}\)'
    assert re.fullmatch(rf"{ask}(\s+or {ask})*", gone), gone
    assert re.findall(ask, gone) == ["collector", "enricher", "relay", "writer"], gone
    assert set(dashboards_in(items)) == {f"pawprint-{name}.json" for name in ("overview", "collector", "enricher", "relay", "writer")}


def test_dashboards_are_those_of_compose():
    mine = dashboards_in(with_all("default"))
    source = {f"pawprint-{path.name}": json.loads(path.read_text()) for path in OBSERVABILITY.glob("grafana/dashboards/*.json")}
    assert mine == source and mine, set(mine) ^ set(source)


def test_the_monitor_gives_the_labels_that_rules_go_by():
    """What Prometheus would make of the labels of each service's pods, by the monitor's relabelings."""
    items = with_all("default")
    monitor = next(item for item in items if item["kind"] == "ServiceMonitor")["spec"]["endpoints"][0]
    services = set()
    for item in items:
        if item["kind"] in ("Deployment", "StatefulSet"):
            meta = {f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9]', '_', key)}": value
                    for key, value in item["spec"]["template"]["metadata"]["labels"].items()}
            for rule in monitor["relabelings"]:
                meta[rule["targetLabel"]] = meta[rule["sourceLabels"][0]] if "sourceLabels" in rule else rule["replacement"]
            assert meta["job"] == "pawprint"
            services.add(meta["service"])
    asked = set(re.findall(r'service="([a-z]+)"', rules_of_compose()["PawprintServiceGone"]["expr"]))
    assert services == asked, services ^ asked


def test_nothing_watches_unless_it_is_asked_for():
    items = chart.objects_of("default")
    assert not {item["kind"] for item in items} & {"ServiceMonitor", "PrometheusRule"} and not dashboards_in(items)
