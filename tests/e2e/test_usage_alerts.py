"""Alert rules, from the hit to the message."""
import contextlib
import os
import signal
import subprocess
import uuid

from kit import rules, stack
from kit.hits import Sender
from kit.rules import messages, sql

URL = "https://shop.example/"


def quick_meter(**settings):
    """One that looks at the rules each second, and at what is newest."""
    return stack.with_settings("meter", **{
        "PAWPRINT_METER_ALERT_SECONDS": 1,
        "PAWPRINT_METER_ALERT_DELAY_SECONDS": 0,
        "PAWPRINT_METER_STAFF_SECONDS": 1, **settings})


@contextlib.contextmanager
def second_meter():
    """A replica beside the stack's."""
    port = stack.free_port()
    with (stack.folder() / "log/meter").open("ab") as log:
        process = subprocess.Popen(
            [stack.ROOT / "build/bin/meter"], stdout=log, stderr=log,
            env={**os.environ, "PAWPRINT_INTERNAL_PORT": str(port),
                 "PAWPRINT_METER_ALERT_SECONDS": "1",
                 "PAWPRINT_METER_ALERT_DELAY_SECONDS": "0",
                 "PAWPRINT_POSTGRES_DSN": stack.address(
                     "PAWPRINT_POSTGRES_DSN").replace(
                         "pawprint@", "pawprint_meter@")})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def sends(site, value, count):
    hits = [{"site": site, "url": URL, "kind": "vital", "name": "LCP",
             "value": value, "id": uuid.uuid4().hex} for _ in range(count)]
    status, body = Sender().send(hits)
    assert status == 202 and body["accepted"] == count, body


def looked(alert, times):
    """The meter has looked at it so often from now on."""
    for _ in range(times):
        last = sql("SELECT coalesce(max(evaluated_at)::text, '') FROM "
                   f"alert_state WHERE alert_id = {alert}")
        stack.until("looked at", lambda l=last: sql(
            "SELECT coalesce(max(evaluated_at)::text, '') FROM alert_state "
            f"WHERE alert_id = {alert}") not in ("", l), 60)


def known(site):
    stack.until("site known", lambda: Sender().send(
        {"site": site, "url": URL})[0] == 202, 60)


def test_a_broken_budget_is_told_once_and_its_end_once_by_two_meters():
    with quick_meter(), second_meter() as other:
        owner = uuid.uuid4().hex[:12] + "@example.com"
        account = stack.pawprint("account", "create", "--name", "Budget",
                                 "--mail", owner)["account"]
        site = stack.pawprint("site", "create", "--account", account, "--name",
                              "budget")["site"]
        known(site)
        alert = stack.pawprint("alert", "add", site, "lcp", "--least",
                               "20")["alert"]
        sends(site, 4000, 20)
        stack.until("it fires", lambda: messages(alert), 120)
        looked(alert, 5)
        assert messages(alert) == ["alert_fired"]
        sends(site, 900, 200)
        stack.until("it ends", lambda: len(messages(alert)) == 2, 120)
        looked(alert, 5)
        assert messages(alert) == ["alert_fired", "alert_resolved"]
        workers = sql("SELECT count(DISTINCT worker) FROM job_run WHERE job = "
                      "'alerts' AND worker LIKE '%:' || "
                      f"'{other.pid}' AND state = 'done'")
        assert workers == "1"  # it took its turns
        stack.until("both mails", lambda: len(rules.mails(owner)) >= 2, 60)
    assert rules.subjects(owner) == [
        "Alert: LCP over its budget (budget)",
        "Resolved: LCP over its budget (budget)"]


def test_the_plans_maximum_is_refused_in_words_until_there_is_room():
    site = stack.new_site("one rule only")
    account = sql(f"SELECT account_id FROM site WHERE site_id = '{site}'")
    first = stack.pawprint("alert", "add", site, "no_data")["alert"]
    refused = stack.run_pawprint("alert", "add", site, "drop")
    assert refused.returncode == 1
    assert "the plan Free has 1 alert rules" in refused.stderr, refused.stderr
    stack.pawprint("alert", "remove", str(first))
    stack.pawprint("alert", "add", site, "drop")
    assert stack.run_pawprint("alert", "add", site, "spike").returncode == 1
    stack.pawprint("account", "plan", account, "BASIC")
    for _ in range(4):
        stack.pawprint("alert", "add", site, "spike")
    assert stack.run_pawprint("alert", "add", site, "spike").returncode == 1
    stack.pawprint("account", "plan", account, "FREE")  # what is there stays
    assert len(stack.pawprint("alert", "list", site)) == 5


def test_without_clickhouse_nothing_is_taken_for_zero():
    with quick_meter():
        site = stack.new_site("nobody answers")
        known(site)
        alert = stack.pawprint("alert", "add", site, "no_data")["alert"]
        looked(alert, 1)
        stack.stop_server("clickhouse")
        try:
            sql(f"UPDATE site SET created_at = created_at - interval '1 day' "
                f"WHERE site_id = '{site}'")
            looked(alert, 2)
            assert messages(alert) == []
        finally:
            stack.bring_back()


def test_what_is_not_yet_stored_is_not_taken_for_missing():
    with quick_meter():
        stack.services("down", "writer")
        try:
            site = stack.new_site("on its way")
            known(site)
            alert = stack.pawprint("alert", "add", site, "no_data")["alert"]
            sql(f"UPDATE site SET created_at = created_at - interval '1 day' "
                f"WHERE site_id = '{site}'")
            looked(alert, 3)
            assert messages(alert) == []
        finally:
            stack.services("up", "writer")
        looked(alert, 3)
        assert messages(alert) == []


# --- those who run Pawprint ---------------------------------------------------


def staff_told(what):
    """Mails to the staff's address whose subject says so."""
    return [mail for mail in rules.mails(stack.address("PAWPRINT_STAFF_MAIL"))
            if what in mail["Subject"]]


def words_of(mail):
    return " ".join(mail.get_body(("plain",)).get_content().split())


def looks(times):
    """Staff's rules have been looked at so often from now on."""
    def done():
        return int(sql("SELECT count(*) FROM job_run WHERE job = "
                       "'alerts.staff' AND state = 'done'"))
    before = done()
    stack.until("looked at", lambda: done() >= before + times, 120)


def test_staff_is_told_once_of_ten_times_the_limit():
    name = "Ten times " + uuid.uuid4().hex[:8]
    account = stack.pawprint("account", "create", "--name", name, "--mail",
                             "owner@example.com")["account"]
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "ten times")["site"]
    stack.pawprint("capacity", "override", account, "--limit", "3",
                   "--reason", "test")
    known(site)
    status, body = Sender().send([{"site": site, "url": URL}] * 32)
    assert (status, body["accepted"]) == (202, 32), body
    stack.until("counted", lambda: int(sql(
        f"SELECT usage_of('{account}', '-infinity', 'infinity')")) >= 33)
    for _ in range(3):  # into grace, then further
        subprocess.run([stack.ROOT / "build/bin/capacity", "run", account],
                       check=True, stdout=subprocess.DEVNULL)
    stack.until("told", lambda: staff_told(name), 60)
    mail, = staff_told(name)
    assert "Usage is ten times the limit" in mail["Subject"]
    words = words_of(mail)
    assert "Value: 33 " in words and "Limit: 3 " in words, words
    assert f"Account's id: {account} " in words, words


def test_staff_is_told_once_of_records_that_were_rejected():
    with quick_meter():
        looks(1)  # what is there already is not new
        before = len(staff_told("Records were rejected"))
        sql("UPDATE staff_alert_state SET since_at = NULL, told = false "
            "WHERE name = 'rejects'")
        for _ in range(2):
            subprocess.run(
                [stack.ROOT / "build/bin/produce",
                 stack.address("PAWPRINT_KAFKA_BROKERS"), "pawprint.",
                 "hits.v1"], input=b"no hit", check=True)
            looks(2)
        stack.until("told", lambda: len(staff_told(
            "Records were rejected")) > before, 60)
        looks(2)
    after = staff_told("Records were rejected")
    assert len(after) == before + 1, (before, len(after))
    assert "rejects list" in words_of(after[-1]), words_of(after[-1])


def test_staff_is_told_once_of_a_group_that_lags():
    lagging = "The writer lags behind"
    with quick_meter(PAWPRINT_METER_STAFF_LAG_RECORDS=5,
                     PAWPRINT_METER_STAFF_LAG_SECONDS=2):
        before = len(staff_told(lagging))
        site = stack.new_site("lagging")
        known(site)
        stack.services("down", "writer")
        try:
            Sender().send([{"site": site, "url": URL}] * 20)
            stack.until("told", lambda: len(staff_told(lagging)) > before, 90)
            looks(3)
            assert len(staff_told(lagging)) == before + 1
        finally:
            stack.services("up", "writer")
        assert "topic events.v1 keeps it" in words_of(staff_told(lagging)[-1])
        stack.until("it has caught up", lambda: sql(
            "SELECT value < 5 FROM staff_alert_state WHERE name = "
            "'lag/writer'") == "t", 60)
        assert len(staff_told(lagging)) == before + 1


def test_staff_is_told_once_of_an_account_that_uses_ten_times_its_median():
    name = "Median " + uuid.uuid4().hex[:8]
    account = stack.pawprint("account", "create", "--name", name, "--mail",
                             "owner@example.com")["account"]
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "median")["site"]
    known(site)
    sql("UPDATE account SET created_at = created_at - interval '9 days' "
        f"WHERE account_id = '{account}'")
    Sender().send([{"site": site, "url": URL}] * 24)
    stack.until("counted", lambda: int(sql(
        f"SELECT usage_of('{account}', '-infinity', 'infinity')")) >= 25)
    sql("UPDATE installation SET is_test = true, clock_shift = '15 minutes'")
    try:  # the quarter of an hour has ended
        with quick_meter(PAWPRINT_METER_STAFF_MEDIAN_EVENTS=25):
            stack.until("told", lambda: staff_told(name), 90)
            looks(3)
    finally:
        sql("UPDATE installation SET clock_shift = '0'")
        sql("DELETE FROM job_run WHERE scheduled_for > pp_now()")
    mail, = staff_told(name)
    assert "far more than usual" in mail["Subject"]
    assert "Value: 25 Limit: 25 " in words_of(mail), words_of(mail)
