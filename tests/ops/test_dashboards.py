"""The dashboards of Grafana."""
import filecmp
import json
import pathlib
import subprocess
import tempfile

from ops import HERE, metrics, promql, tool
from ops.test_rules import nothing

FOLDER = HERE / "grafana/dashboards"


def queries():
    """Yields (dashboard, panel, expression)."""
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield path.stem, panel["title"], target["expr"]


def test_the_dashboards_are_what_their_table_makes_of_them():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([HERE / "grafana/make-dashboards", folder], check=True)
        names = {path.name for path in pathlib.Path(folder).iterdir()}
        there = {path.name for path in FOLDER.iterdir()}
        assert names == there, f"only in one of both: {names ^ there}"
        changed = filecmp.cmpfiles(folder, FOLDER, names, shallow=False)
        assert not changed[1] and not changed[2], f"run make-dashboards: {changed[1]}"


def test_every_metric_and_label_of_a_dashboard_is_one_that_a_service_has():
    nothing(f"{name}, {title}: {fault}" for name, title, expression in queries()
            for fault in promql.faults(expression))
    return f"{len(list(queries()))} queries"


def test_every_metric_of_a_service_is_on_its_dashboard():
    shown = {}
    for name, _, expression in queries():
        shown.setdefault(name, set()).update(
            promql.SUFFIXES.sub("", metric) for metric, _ in promql.selectors(expression))
    for name in metrics.services():
        assert name in shown, f"{name} has none"
    nothing(f"{name} is not on the dashboard of {family.service}"
            for name, family in metrics.all_metrics().items()
            if name not in shown[family.service])


def test_promtool_reads_every_query():
    rules = {f"query_{i}": expression.replace("$__rate_interval", "1m")
             for i, (_, _, expression) in enumerate(queries())}
    document = {"groups": [{"name": "queries", "rules": [
        {"record": name, "expr": expression} for name, expression in rules.items()]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(document, file)
        file.flush()
        code, said = tool("promtool", "check", "rules", file.name)
    assert code == 0, said
