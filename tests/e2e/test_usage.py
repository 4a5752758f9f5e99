"""What an account has used is counted once, and is what is stored."""
import json
import pathlib
import signal
import subprocess
import time

from kit import stack
from kit.hits import Sender
from kit.stack import postgres as sql

URL = "https://shop.example/"
PERSON = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
          "Firefox/128.0")
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def redis(*words):
    port = stack.address("PAWPRINT_REDIS_URL").rpartition(":")[2]
    return subprocess.run(["redis-cli", "-p", port, *words], check=True,
                          capture_output=True, text=True).stdout.strip()


def account_and_site(name, *options):
    """Both known; the site has had one hit, which is counted."""
    account = stack.pawprint("account", "create", "--name", name,
                             "--mail", "owner@example.com")["account"]
    site = stack.pawprint("site", "create", "--account", account,
                          "--name", name, *options)["site"]
    sender = Sender()
    stack.until("the site is known", lambda: send(
        sender, site, "first")[0] == 202)
    stack.until("its hit is counted", lambda: used(account) == 1)
    return account, site


def send(sender, site, one, agent=PERSON, **more):
    return sender.send({"site": site, "url": URL, "id": one, **more}, agent)


def show(account):
    return stack.pawprint("usage", "show", account)


def used(account):
    return show(account)["used"]


def not_accepted(account):
    return {(stage, reason): n for _, stage, reason, n
            in show(account)["not_accepted"]}


def rows(site):
    return stack.count(f"SELECT count() FROM events WHERE site_id = '{site}'")


def equal():
    """By account and window, in words, when it is not."""
    proved = stack.run_pawprint("prove", "usage", "--wait", "60")
    if proved.returncode != 0:
        table = subprocess.run(
            [stack.ROOT / "build/bin/pawprint", "prove", "usage"],
            capture_output=True, text=True,
            check=False).stdout
        raise AssertionError(proved.stdout + proved.stderr + "".join(
            line + "\n" for line in table.splitlines() if "DIFFERS" in line))
    return json.loads(proved.stdout)


def start_with(name, text):
    """What stands in `more` goes before the stack's environment."""
    place = stack.folder() / "more"
    place.write_text(text, encoding="ascii")
    stack.services("down", name)
    stack.services("up", name)
    place.unlink()


def test_page_views_and_custom_events_of_people_are_used_within_seconds():
    account, site = account_and_site("kinds")
    sender = Sender()
    for n in range(3):
        assert send(sender, site, f"view{n}")[0] == 202
    assert send(sender, site, "own", kind="custom", name="signup")[0] == 202
    assert send(sender, site, "slow", kind="vital", name="LCP",
                value=900)[0] == 202
    assert send(sender, site, "robot", agent=BOT)[0] == 202
    began = time.monotonic()
    stack.until("all is counted", lambda: sum(
        n for *_, n in show(account)["sites"]) == 7)
    took = time.monotonic() - began
    assert used(account) == 5
    kinds = {(kind, who): n for _, kind, who, n in show(account)["sites"]}
    assert kinds == {("pageview", "people"): 4, ("custom", "people"): 1,
                     ("vital", "people"): 1, ("pageview", "bot"): 1}, kinds
    assert took < 10, took
    return f"shown {took:.1f} s after the last was accepted"


def test_a_hit_that_is_sent_five_times_counts_once():
    account, site = account_and_site("five times")
    sender, before = Sender(), stack.metrics("enricher")[
        "pawprint_enricher_duplicates_total"]
    for _ in range(5):
        for n in range(20):
            assert send(sender, site, f"again{n}")[0] == 202
    stack.until("all are told", lambda: not_accepted(account).get(
        ("enricher", "duplicate")) == 80)
    stack.until("all are stored", lambda: rows(site) >= 21)
    assert used(account) == 21 and rows(site) == 21
    assert stack.metrics("enricher")[
        "pawprint_enricher_duplicates_total"] - before == 80
    other = account_and_site("the same ids")
    assert send(sender, other[1], "again0")[0] == 202
    stack.until("of another site it is another", lambda: used(other[0]) == 2)
    stack.pawprint("balance", "--wait", "30")
    equal()


def test_duplicates_are_one_event_also_while_the_enricher_is_killed():
    account, site = account_and_site("killed between")
    sender, sent = Sender(), 0
    for turn in range(3):
        for n in range(300):
            hits = [{"site": site, "url": URL, "id": f"{turn}-{n}"}] * 2
            assert sender.send(hits, PERSON)[0] == 202
        sent += 300
        stack.services("kill", "enricher")
        stack.services("up", "enricher")
    stack.until("all are counted", lambda: used(account) >= sent + 1)
    stack.until("all are told", lambda: not_accepted(account).get(
        ("enricher", "duplicate")) == sent)
    assert used(account) == sent + 1
    stack.until("all are stored", lambda: rows(site) >= sent + 1)
    assert stack.count("SELECT uniqExact(event_id) FROM events WHERE "
                       f"site_id = '{site}'") == sent + 1 == rows(site)
    stack.pawprint("balance", "--wait", "30")
    equal()


def test_what_is_read_again_after_a_crash_is_no_duplicate():
    account, site = account_and_site("read again")
    start_with("enricher", "PAWPRINT_CRASH=E1:1\n")
    dies = stack.pid_of("enricher")
    for n in range(50):
        assert send(Sender(), site, f"twice{n}")[0] == 202
    stack.until("it dies before it has committed",
                lambda: not pathlib.Path(f"/proc/{dies}").exists())
    assert used(account) == 1
    stack.services("up", "enricher")
    stack.until("all are counted", lambda: used(account) == 51)
    assert ("enricher", "duplicate") not in not_accepted(account)
    equal()


def test_what_redis_has_forgotten_is_corrected_by_what_is_stored():
    account, site = account_and_site("forgotten")
    sender = Sender()
    for n in range(10):
        assert send(sender, site, f"lost{n}")[0] == 202
    stack.until("counted", lambda: used(account) == 11)
    for n in range(10):
        assert redis("DEL", f"seen:{site}:lost{n}") == "1"
        assert send(sender, site, f"lost{n}")[0] == 202
    stack.until("counted twice", lambda: used(account) == 21)
    done = stack.pawprint("usage", "reconcile", "--wait", "60")
    assert done["drift"] == 10, done
    assert used(account) == 11
    assert sql("SELECT sum(n) FROM usage_bucket WHERE account_id = "
               f"'{account}'") == "21", "what was counted stays"
    assert stack.pawprint("usage", "reconcile", "--wait", "60")["drift"] == 0
    equal()


def test_what_is_not_accepted_is_counted_by_reason():
    account, site = account_and_site("refused", "--origins", "shop.example")
    sender = Sender()
    for n in range(4):
        status, _ = sender.send({"site": site, "url": "https://x.example/",
                                 "id": f"foreign{n}"}, PERSON)
        assert status == 403
    assert sender.send({"site": site, "url": 7}, PERSON)[0] == 400
    before = int(sql("SELECT coalesce(sum(n), 0) FROM usage_refused WHERE "
                     "site_id = '' AND reason = 'unknown_site'"))
    assert send(sender, "nosuchsite", "nobody")[0] == 404
    stack.until("the reason is shown", lambda: not_accepted(account).get(
        ("collector", "foreign_origin")) == 4, 20)
    stack.until("of no site, too", lambda: int(sql(
        "SELECT sum(n) FROM usage_refused WHERE site_id = '' AND reason = "
        "'unknown_site'")) > before, 20)
    stack.pawprint("site", "pause", site)
    stack.until("it is paused", lambda: send(sender, site, "paused")[0] == 404)
    stack.until("counted as well", lambda: not_accepted(account).get(
        ("collector", "unknown_site"), 0) >= 1, 20)
    assert used(account) <= 2, "before it was paused, at most"


def test_without_postgres_the_meter_waits_and_loses_nothing():
    account, site = account_and_site("no postgres")
    stack.stop_server("postgres", signal.SIGINT)
    try:
        sender = Sender()
        for n in range(200):
            assert send(sender, site, f"away{n}")[0] == 202
        stack.until("it waits", lambda: stack.metrics("meter")[
            "pawprint_meter_lag_records"] >= 200, 20)
    finally:
        stack.bring_back()
    stack.until("all are counted", lambda: used(account) == 201)
    equal()


def test_without_clickhouse_it_counts_and_corrects_nothing():
    account, site = account_and_site("no clickhouse")
    before = sql("SELECT count(*) FROM usage_correction")
    stack.stop_server("clickhouse")
    try:
        sender = Sender()
        for n in range(50):
            assert send(sender, site, f"dark{n}")[0] == 202
        stack.until("counted", lambda: used(account) == 51, 20)
        assert stack.run_pawprint("usage", "reconcile").returncode != 0
        assert stack.run_pawprint("prove", "usage").returncode != 0
        assert used(account) == 51
    finally:
        stack.bring_back()
    stack.until("stored", lambda: rows(site) == 51)
    assert stack.pawprint("usage", "reconcile", "--wait", "60")["drift"] == 0
    assert sql("SELECT count(*) FROM usage_correction") == before
    equal()


def test_without_redis_nothing_is_guessed():
    account, site = account_and_site("no redis")
    stack.stop_server("redis")
    try:
        sender = Sender()
        for _ in range(2):
            for n in range(50):
                assert send(sender, site, f"blind{n}")[0] == 202
        time.sleep(1)
        assert used(account) == 1, "the enricher waits"
    finally:
        stack.bring_back()
    stack.until("counted once", lambda: used(account) == 51)
    equal()


def test_what_is_behind_is_no_difference():
    account, site = account_and_site("behind")
    stack.services("down", "writer")
    try:
        for n in range(30):
            assert send(Sender(), site, f"late{n}")[0] == 202
        stack.until("counted", lambda: used(account) == 31)
        done = stack.run_pawprint("usage", "reconcile", "--wait", "1")
        assert done.returncode == 1 and "not yet" in done.stderr, done
        assert used(account) == 31
    finally:
        stack.services("up", "writer")
    assert stack.pawprint("usage", "reconcile", "--wait", "60")["drift"] == 0


def test_an_erased_site_keeps_what_was_used():
    account, site = account_and_site("no refund")
    for n in range(20):
        assert send(Sender(), site, f"gone{n}")[0] == 202
    stack.until("counted and stored",
                lambda: used(account) == 21 and rows(site) == 21)
    stack.pawprint("erase", "site", site, "--yes", "--grace", "1000")
    assert rows(site) == 0
    assert stack.pawprint("usage", "reconcile", "--wait", "60")["drift"] == 0
    assert used(account) == 21
    equal()


def test_an_event_too_many_is_found_and_corrected_by_the_job():
    account, _ = account_and_site("drift")
    # The job leaves the present quarter out: half an hour on it is over.
    sql("UPDATE installation SET is_test = true, clock_shift = '30 minutes'")
    try:
        start_with("meter", "PAWPRINT_METER_RECONCILE_SECONDS=1\n")
        # Only now: the one before would correct it, and take its count along.
        sql("UPDATE usage_bucket SET n = n + 1 WHERE account_id = "
            f"'{account}'")
        began = time.monotonic()
        stack.until("it is corrected", lambda: used(account) == 1, 30)
        took = time.monotonic() - began
        # Accounts of tests before this one may be corrected in the same turn.
        stack.until("it is shown", lambda: stack.metrics("meter")[
            "pawprint_meter_corrections_total"] >= 1, 10)
        assert sql("SELECT n FROM usage_correction WHERE account_id = "
                   f"'{account}'") == "-1"
        stack.until("and nothing more", lambda: stack.metrics("meter")[
            "pawprint_meter_drift_events"] == 0, 30)
    finally:
        sql("UPDATE installation SET clock_shift = '0', is_test = false")
        # Else no job would be done before this time comes.
        sql("DELETE FROM job_run WHERE scheduled_for > pp_now()")
        start_with("meter", "")
    return f"after {took:.1f} s"


def test_a_topic_that_ends_before_what_was_counted_stops_it_loudly():
    stack.services("down", "meter")
    kept = sql("SELECT next_offset FROM usage_offset WHERE topic = 'events.v1' "
               "AND partition = 0")
    sql("UPDATE usage_offset SET next_offset = 1000000000 WHERE topic = "
        "'events.v1' AND partition = 0")
    env = stack.folder() / "env"
    try:
        done = subprocess.run(
            ["bash", "-c", f"set -a; . {env}; PAWPRINT_INTERNAL_PORT=0; "
             "PAWPRINT_POSTGRES_DSN=${PAWPRINT_POSTGRES_DSN/pawprint@/"
             "pawprint_meter@}; exec ${PAWPRINT_BIN:-build/bin}/meter"],
            cwd=stack.ROOT, capture_output=True, text=True, timeout=60,
            check=False)
        last = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 1, done
        assert "made anew or has lost records" in json.dumps(last), last
    finally:
        sql(f"UPDATE usage_offset SET next_offset = {kept} WHERE topic = "
            "'events.v1' AND partition = 0")
        stack.services("up", "meter")
    equal()


def test_the_whole_topic_counted_again_gives_the_same_numbers():
    before = equal()
    stack.services("down", "meter")
    sql("TRUNCATE usage_bucket, usage_correction; DELETE FROM usage_offset "
        "WHERE topic = 'events.v1'")
    stack.services("up", "meter")
    stack.until("all is counted", lambda: stack.metrics("meter")[
        "pawprint_meter_lag_records"] == 0)
    stack.pawprint("usage", "reconcile", "--wait", "60")
    after = equal()
    assert after["stored"] == before["stored"]
    return f"{after['counted']} events"
