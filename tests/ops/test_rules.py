"""The rules of Prometheus, their tests and their runbooks."""
import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile

import yaml

from ops import HERE, ROOT, metrics, promql, tool
from ops.cases import CASES

# Words of Kafka and ClickHouse that look like the name of an event.
NO_EVENTS = {"cleanup.policy", "retention.ms", "system.merges", "prometheus.yaml"}
FILES = sorted(HERE.glob("rules/*.yaml"))


@functools.cache
def rules():
    """Rule by the name of its alert, which no other has."""
    found = {}
    for path in FILES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                assert rule["alert"] not in found, f"two are called {rule['alert']}"
                found[rule["alert"]] = rule
    assert found
    return found


def nothing(faults):
    """Raises with all of them."""
    faults = list(faults)
    assert not faults, "\n  ".join(["", *faults])


def test_promtool_accepts_every_rule_and_the_configuration():
    for command in (["check", "rules", *FILES], ["check", "config", HERE / "prometheus.yaml"]):
        code, said = tool("promtool", *command)
        assert code == 0, said


def test_every_metric_and_label_of_a_rule_is_one_that_a_service_has():
    nothing(f"{name}: {fault}" for name, rule in rules().items()
            for fault in promql.faults(rule["expr"]))
    return f"{len(rules())} rules, {len(metrics.all_metrics())} metrics"


def test_every_service_has_rules_and_is_looked_for():
    config = yaml.safe_load((HERE / "prometheus.yaml").read_text())
    names = config["scrape_configs"][0]["dns_sd_configs"][0]["names"]
    assert sorted(names) == metrics.services(), "prometheus.yaml looks for others"
    gone = dict(promql.selectors(rules()["PawprintServiceGone"]["expr"]))
    text = rules()["PawprintServiceGone"]["expr"]
    nothing(f"{name} may be gone unseen" for name in metrics.services()
            if f'service="{name}"' not in text)
    assert gone
    nothing(f"{name} has no file of rules" for name in metrics.services()
            if not (HERE / f"rules/{name}.yaml").exists())


def test_every_alert_says_how_severe_it_is_and_whose():
    for name, rule in rules().items():
        assert rule["labels"]["severity"] in ("page", "ticket", "none"), name
        assert "service" in rule["labels"] or "up{" in rule["expr"] or rule["expr"] == "vector(1)", name


def anchors(path):
    return {line[3:].strip().lower() for line in path.read_text().splitlines()
            if line.startswith("## ")} if path.exists() else set()


def sections(path):
    """Text by heading."""
    parts = re.split(r"^## (.*)$", path.read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_every_alert_has_a_runbook_with_symptom_check_and_cure():
    faults = []
    for name, rule in rules().items():
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        if anchor != name.lower() or anchor not in anchors(ROOT / path):
            faults.append(f"{name}: {path} has no section ## {name}")
            continue
        text = sections(ROOT / path)[name]
        faults += [f"{name}: its section has no {word}" for word in ("Symptom", "Check", "Cure")
                   if f"**{word}:**" not in text]
    nothing(faults)


def test_every_section_of_a_runbook_belongs_to_an_alert():
    nothing(f"{path.name}: {heading}" for path in sorted(ROOT.glob("docs/runbooks/*.md"))
            for heading in sections(path) if heading not in rules())


def words_of_runbooks(pattern):
    """(file, word) of each that stands between backticks in one."""
    return sorted({(path.name, found) for path in ROOT.glob("docs/runbooks/*.md")
                   for found in re.findall(rf"`({pattern})`", path.read_text())})


def test_every_command_of_a_runbook_is_one_that_there_is():
    program = pathlib.Path(os.environ["PAWPRINT_BIN"]) / "pawprint"
    said = subprocess.run([program, "--help"], text=True, check=True, stdout=subprocess.PIPE)
    usages = [re.match(r"  ([a-z]+(?: [a-z][a-z-]*)*)(.*)", line).groups()
              for line in said.stdout.split("Settings,")[0].splitlines()
              if re.match("  [a-z]", line)]
    faults = []
    for file, command in words_of_runbooks("pawprint [^`]+"):
        words = re.sub(" [^a-z-].*| --.*", "", command.removeprefix("pawprint "))
        options = set(re.findall(r"--[a-z-]+", command))
        if not any(words.startswith(name) and options <= set(re.findall(r"--[a-z-]+", rest))
                   for name, rest in usages):
            faults.append(f"{file}: {command}")
    nothing(faults)


@functools.cache
def logged_in(folder):
    found = set()
    for path in ROOT.glob(f"{folder}/*.c"):
        found.update(re.findall(r'pp_(?:info|warn|error|fatal)\(\s*"([a-z_.]+)"',
                                path.read_text()))
    return found


def test_every_event_of_a_log_that_a_runbook_names_is_one_of_its_service():
    nothing(f"{file}: {word}" for file, word in words_of_runbooks(r"[a-z_]+\.[a-z_]+")
            if word not in logged_in("common") | NO_EVENTS
            | logged_in(f"services/{file.removesuffix('.md')}"))


def test_every_setting_that_a_runbook_names_is_there():
    there = set(re.findall("`([A-Z_]+)`", (ROOT / "docs/configuration.md").read_text()))
    nothing(f"{file}: {word}" for file, word in words_of_runbooks("(?:PAWPRINT|SCHEMA)_[A-Z_]+")
            if word not in there)


def named_with_alarm(path, service):
    """Yields lists of metrics of which at least one should have an alert.

    `_a` and `_b` (alarm ...): both. A row of a table that says alarm: any.
    """
    text = re.sub(r"\s+", " ", path.read_text())
    full = {"": f"pawprint_{service}"}
    for names in re.findall(r"((?:`[a-z_{}]+`(?:, | and )?)+) \([^()]*\balarm\b", text):
        last = re.findall(r"`([a-z_]+)", names)
        both = " and " in names
        for name in last if both and len(last) == 2 else last[-2:] if both else last[-1:]:
            yield [name if name.startswith("pawprint") else full[""] + name]
    for row in path.read_text().splitlines():
        if row.startswith("| `") and "alarm" in row:
            names = re.findall(r"`([a-z_]+)", row.split("|")[1])
            first = names[0]
            yield [first] + [full[""] + n for n in names[1:]] + [
                first[:first.rindex("_")] + n for n in names[1:]] + [
                "_".join(first.split("_")[:3]) + n for n in names[1:]]


def test_whatever_a_service_says_to_alarm_on_has_an_alert():
    used = {name for rule in rules().values() for name, _ in promql.selectors(rule["expr"])}
    faults = [f"{name}: {family.help}" for name, family in metrics.all_metrics().items()
              if re.search("alarm|should be none", family.help) and name not in used]
    count = 0
    for service in metrics.services():
        for names in named_with_alarm(ROOT / f"services/{service}/README.md", service):
            count += 1
            if not used & set(names):
                faults.append(f"README of {service}: {names[0]}")
    nothing(faults)
    assert count >= 15, f"the READMEs name only {count}: are they read right?"
    return f"{count} places in READMEs"


def test_every_metric_stands_in_the_readme_of_its_service():
    faults = []
    for name, family in metrics.all_metrics().items():
        text = (ROOT / f"services/{family.service}/README.md").read_text()
        words = re.findall("`(_?[a-z_]+)", text)
        if not any(name == word or (word[0] == "_" and name.endswith(word)) for word in words):
            faults.append(f"{name} is not in the README of {family.service}")
    nothing(faults)


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    for fires in (True, False):
        tested = {case.alert for case in CASES if case.fires == fires}
        missing = set(rules()) - tested - ({"PawprintWatchdog"} if not fires else set())
        assert not missing, f"{'fires' if fires else 'quiet'}: {sorted(missing)}"
    nothing(f"a case is about {case.alert}, which is not there" for case in CASES
            if case.alert not in rules())


def filled(text, labels):
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)


def seconds(duration):
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))


def pending(case, rule):
    """Where a rule waits: that it does so, in a case at less than twice its wait."""
    before = f"{seconds(case.at) - seconds(rule['for'])}s"
    query = f'count(ALERTS{{alertname="{case.alert}", alertstate="pending"}})'
    return ({"eval_time": before, "alertname": case.alert, "exp_alerts": []},
            {"eval_time": before, "expr": query, "exp_samples": [{"value": 1, "labels": "{}"}]})


def promtool_test(case):
    rule = rules()[case.alert]
    expected = []
    if case.fires:
        expected = [{
            "exp_labels": case.labels | rule["labels"],
            "exp_annotations": {name: filled(text, case.labels)
                                for name, text in rule["annotations"].items()},
        }]
    alerts = [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected}]
    queries = []
    if case.fires and "for" in rule:
        alert, query = pending(case, rule)
        alerts.append(alert)
        queries.append(query)
    return {
        "name": f"{case.alert}: {'fires' if case.fires else 'quiet'} when {case.when}",
        "interval": case.step,
        "input_series": [{"series": name, "values": values}
                         for name, values in case.series.items()],
        "alert_rule_test": alerts,
        "promql_expr_test": queries,
    }


def run_cases(cases, path, step):
    document = {"rule_files": [str(path)], "evaluation_interval": step,
                "tests": [promtool_test(case) for case in cases]}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(document, file)  # which is YAML, too
        file.flush()
        code, said = tool("promtool", "test", "rules", file.name)
    return [] if code == 0 else [said]


def test_each_alert_fires_when_it_should_and_only_then():
    count, faults = 0, []
    for path in FILES:
        here = {rule["alert"] for group in yaml.safe_load(path.read_text())["groups"]
                for rule in group["rules"]}
        for step in sorted({case.step for case in CASES}):
            cases = [case for case in CASES if case.alert in here and case.step == step]
            if cases:
                faults += run_cases(cases, path, step)
            count += len(cases)
    nothing(faults)
    assert count == len(CASES)
    return f"{count} cases"
