"""Prometheus and Alertmanager of compose.observability.yaml, as they come with
it: whom they watch, what they reckon and whom they tell.

Only for the last sentence they get copies in which PawprintServiceGone, and
Alertmanager with each group of alerts, wait for seconds: a service that is
stopped would else be told after six minutes, and its end after five more.
"""
import contextlib
import json
import os
import re
import shutil
import time
import urllib.parse
import urllib.request

import yaml

from compose.kit import SERVICES, compose
from compose.test_journeys import AGENT, SHOP, rows, visited
from compose.test_rolling import scale
from e2e.test_usage_upgrade import Buyer
from kit import billing, rules as alerts, stack
from kit.hits import Sender
from ops.test_dashboards import queries

OURS = stack.ROOT / "compose/observability"
OPERATORS = "operators@pawprint.example"
VISITS = 100

# Queries of dashboards that have nothing to show when all is well.
NOTHING_WAITS = re.compile(r"time\(\) - \(\w+_waiting_since_seconds > 0\)")


def ask(server, path, **words):
    """What GET of the path answers, read as JSON."""
    url = (f"http://127.0.0.1:{stack.address(f'PAWPRINT_{server}_PORT')}{path}"
           f"?{urllib.parse.urlencode(words)}")
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def prometheus(path, **words):
    told = ask("PROMETHEUS", "/api/v1/" + path, **words)
    assert told["status"] == "success", told
    return told["data"]


def targets():
    return prometheus("targets", state="active")["activeTargets"]


def wait_until_all_are_up():
    stack.until("every service is up", lambda: sorted(
        one["labels"]["service"] for one in targets()
        if one["health"] == "up") == SERVICES)


def test_every_service_is_a_target_that_is_up_with_the_labels_that_rules_go_by():
    wait_until_all_are_up()
    for one in targets():
        labels = one["labels"]
        assert set(labels) == {"job", "service", "instance"}, labels
        assert labels["job"] == "pawprint", labels
        assert labels["instance"].endswith(":9090"), labels
    up = {one["metric"]["service"]: one["value"][1]
          for one in prometheus("query", query='up{job="pawprint"}')["result"]}
    assert up == dict.fromkeys(SERVICES, "1"), up


def ours():
    """(group, alert) of every rule that we have."""
    return sorted((group["name"], rule["alert"])
                  for path in (OURS / "rules").glob("*.yaml")
                  for group in yaml.safe_load(path.read_text())["groups"]
                  for rule in group["rules"])


def loaded():
    return [(group["name"], rule) for group in prometheus("rules")["groups"]
            for rule in group["rules"]]


def test_every_rule_is_loaded_and_none_fails_when_it_is_reckoned():
    assert sorted((name, rule["name"]) for name, rule in loaded()) == ours()
    stack.until("all were reckoned", lambda: all(
        rule["health"] != "unknown" for _, rule in loaded()))
    for _, rule in loaded():
        assert rule["health"] == "ok" and not rule.get("lastError"), rule
    return f"{len(ours())} rules"


def told_alertmanager(**labels):
    """Alerts that fire with these labels, as Alertmanager knows them."""
    return [one for one in ask("ALERTMANAGER", "/api/v2/alerts")
            if one["status"]["state"] == "active"
            and labels.items() <= one["labels"].items()]


def test_the_watchdog_reaches_alertmanager():
    one, = stack.until("it fires", lambda: told_alertmanager(
        alertname="PawprintWatchdog"))
    assert [to["name"] for to in one["receivers"]] == ["watchdog"], one


def test_of_a_stack_that_is_well_nothing_else_is_told():
    assert [one["labels"]["alertname"] for one in told_alertmanager()] == \
        ["PawprintWatchdog"]
    assert slack() == []


# --- dashboards ------------------------------------------------------------
def traffic():
    """What makes numbers: visits, one hit twice, a plan that is bought."""
    site, sent = visited(VISITS)
    for _ in range(2):
        assert Sender().send({"site": site, "url": SHOP, "id": "twice"}, AGENT,
                             "203.0.113.1")[0] == 202
    buyer = Buyer(billing.stripe())
    buyer.run_dry()
    buyer.becomes(402, "refused")
    buyer.pay([stack.collector()])
    stack.until("all is stored", lambda: rows(site) == sent + 1)


def numbers(expression):
    """How many series the query has that are a number now."""
    told = prometheus("query",
                      query=expression.replace("$__rate_interval", "5m"))
    return sum(one["value"][1] != "NaN" for one in told["result"])


def without_numbers():
    return [(name, title, expression) for name, title, expression in queries()
            if not numbers(expression)
            and not NOTHING_WAITS.search(expression)]


def test_after_traffic_every_query_of_the_dashboards_has_numbers():
    traffic()
    try:
        stack.until("each has one", lambda: not without_numbers(), 120)
    except AssertionError:
        raise AssertionError(without_numbers()) from None
    waits = sum(bool(NOTHING_WAITS.search(one[2])) for one in queries())
    return (f"{len(list(queries()))} queries; {waits} of them are of what "
            "waits, and may have none")


# --- somebody is told ------------------------------------------------------
def slack():
    """What came, oldest first, to which channel."""
    return [(told["channel"], told["attachments"][0]) for told in (
        json.loads(path.read_text(encoding="utf-8")) for path in
        sorted((stack.folder() / "slack").glob("*.json")))]


@contextlib.contextmanager
def in_a_hurry():
    """Both servers wait for seconds, where they wait for minutes."""
    folder = stack.folder() / "hurry"
    shutil.copytree(OURS / "rules", folder / "rules", dirs_exist_ok=True)
    path = folder / "rules/services.yaml"
    groups = yaml.safe_load(path.read_text())
    for rule in groups["groups"][0]["rules"]:
        if rule["alert"] == "PawprintServiceGone":
            rule["for"] = "10s"
    path.write_text(json.dumps(groups))  # which is YAML, too
    config = yaml.safe_load((OURS / "alertmanager.yaml").read_text())
    config["route"] |= {"group_wait": "1s", "group_interval": "5s"}
    (folder / "alertmanager.yaml").write_text(json.dumps(config))
    (folder / "compose.yaml").write_text(json.dumps({"services": {
        "prometheus": {"volumes": [
            f"{folder}/rules:/etc/prometheus/rules:ro"]},
        "alertmanager": {"volumes": [
            f"{folder}/alertmanager.yaml:/etc/alertmanager/alertmanager.yaml:ro"]},
    }}))
    before = stack.address("PAWPRINT_COMPOSE")
    words = ("up", "-d", "--wait", "--no-deps", "prometheus", "alertmanager")
    os.environ["PAWPRINT_COMPOSE"] = f"{before} -f {folder}/compose.yaml"
    try:
        compose(*words)
        # What it has not seen itself it does not take for gone.
        wait_until_all_are_up()
        yield
    finally:
        os.environ["PAWPRINT_COMPOSE"] = before
        compose(*words)


# Docker's DNS forgets a service that is stopped, so that it is Gone; where it
# does not, it is Down.
ABOUT = re.compile(r"(\w+) page: (PawprintService(?:Gone|Down))")


def told_of(word, service):
    """The message about a service that is away or back, if it came."""
    return next(((channel, one) for channel, one in slack()
                 if (found := ABOUT.fullmatch(one["title"]))
                 and found.group(1) == word and service in one["text"]), None)


def wait_for(word, service):
    """Until Slack and the mailbox have heard it; gives the alert's name."""
    began = time.monotonic()
    channel, one = stack.until(f"{word} is in Slack",
                               lambda: told_of(word, service), 240)
    name = ABOUT.fullmatch(one["title"]).group(2)
    print(f"       {name} of {service}: {word} in Slack after "
          f"{time.monotonic() - began:.0f} s", flush=True)
    assert channel == "#alerts", channel
    assert f"docs/runbooks/services.md#{name.lower()}" in one["text"], one
    assert one["title_link"].startswith(
        stack.address("PAWPRINT_ALERTMANAGER_URL")), one
    stack.until(f"{word} is in a mail", lambda: f"{word} page: {name}" in
                alerts.subjects(OPERATORS))
    return name


def test_a_service_that_is_stopped_is_told_in_slack_and_by_mail_and_so_is_its_end():
    with in_a_hurry():
        compose("stop", "writer")
        try:
            name = wait_for("FIRING", "writer")
            one, = told_alertmanager(alertname=name)
            assert one["labels"]["service"] == "writer", one
            link = one["annotations"]["runbook_url"]
            assert (stack.ROOT / link.split("#")[0]).exists(), link
        finally:
            compose("start", "writer")
        wait_for("RESOLVED", "writer")
        assert not told_alertmanager(alertname=name)


def writers():
    return sum(one["labels"]["service"] == "writer" and one["health"] == "up"
               for one in targets())


def test_a_second_writer_is_a_target_too_and_no_more_when_it_is_gone():
    for count in (2, 1):
        scale(count)
        stack.until(f"{count} are targets", lambda: writers() == count)
