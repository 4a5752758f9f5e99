"""Alert rules, from the hit to the message."""
import contextlib
import subprocess
import uuid

from kit import stack
from kit.hits import Sender

URL = "https://shop.example/"


def sql(text):
    done = subprocess.run(
        ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1",
         stack.address("PAWPRINT_POSTGRES_DSN"), "-c", text],
        check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def quick_meter():
    """One that looks at the rules each second, and at what is newest."""
    path = stack.folder() / "more"
    before = path.read_text(encoding="ascii") if path.exists() else None
    path.write_text((before or "") + "\nPAWPRINT_METER_ALERT_SECONDS=1\n"
                    "PAWPRINT_METER_ALERT_DELAY_SECONDS=0\n", encoding="ascii")
    stack.services("down", "meter")
    stack.services("up", "meter")
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="ascii")
        stack.services("down", "meter")
        stack.services("up", "meter")


def messages(alert):
    """Kinds, in the order in which they were decided."""
    return sql("SELECT kind FROM notification WHERE business_key LIKE "
               f"'alert/{alert}/%' ORDER BY notification_id").split()


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
            f"WHERE alert_id = {alert}") not in ("", l), 30)


def known_site(name):
    site = stack.new_site(name)
    stack.until("site known", lambda: Sender().send(
        {"site": site, "url": URL})[0] == 202, 20)
    return site


def test_a_broken_budget_is_told_once_and_its_end_once():
    with quick_meter():
        site = known_site("budget")
        alert = stack.pawprint("alert", "add", site, "lcp", "--least",
                               "20")["alert"]
        sends(site, 4000, 20)
        stack.until("it fires", lambda: messages(alert), 60)
        looked(alert, 3)
        assert messages(alert) == ["alert_fired"]
        sends(site, 900, 200)
        stack.until("it ends", lambda: len(messages(alert)) == 2, 60)
        looked(alert, 3)
        assert messages(alert) == ["alert_fired", "alert_resolved"]


def test_the_plans_maximum_is_refused_in_words():
    site = stack.new_site("one rule only")
    stack.pawprint("alert", "add", site, "no_data")
    refused = stack.run_pawprint("alert", "add", site, "drop")
    assert refused.returncode == 1
    assert "the plan" in refused.stderr and "1 alert rules" in refused.stderr


def test_no_data_fires_and_a_snooze_holds_the_message_back():
    with quick_meter():
        site = known_site("silent")
        alert = stack.pawprint("alert", "add", site, "no_data", "--window",
                               "1")["alert"]
        stack.pawprint("alert", "snooze", str(alert), "--hours", "1")
        sql(f"UPDATE site SET created_at = created_at - interval '1 day' "
            f"WHERE site_id = '{site}'")
        stack.until("it fires", lambda: sql(
            f"SELECT firing FROM alert_state WHERE alert_id = {alert}") == "t",
            120)
        assert messages(alert) == []
        stack.pawprint("alert", "snooze", str(alert), "--hours", "0")
        stack.until("it is told", lambda: messages(alert) == ["alert_fired"],
                    30)


def test_without_clickhouse_nothing_is_taken_for_zero():
    with quick_meter():
        site = known_site("nobody answers")
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
