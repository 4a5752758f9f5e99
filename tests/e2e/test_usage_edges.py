"""What lies at the edge of counting and of refusing; docs/metering-cases.md
numbers it.

Accounts, clock and the meter's steps are those of test_usage_capacity.py.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import time
import urllib.request
import uuid

from e2e.test_limits import ports
from e2e.test_usage import BOT, PERSON, equal, not_accepted, show, used
from e2e.test_usage_capacity import URL, Account, exhausted, kit, sql
from kit import stack
from kit.hits import Sender

BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN") or stack.ROOT / "build/bin")
HOUR_S = 3600
DAY_S = 86400
METERS, KILLS = 3, 12
QUARTER_S = 900


class Program:
    """One more of a service, beside the stack's, with settings of its own."""

    def __init__(self, name, shift_s=0, **more):
        self.log = stack.folder() / "log" / f"{name}-{uuid.uuid4().hex[:8]}"
        preload = {"CLOCK_SHIFT_S": str(shift_s), "LD_PRELOAD":
                   str(stack.ROOT / "build/kit/clock.so")} if shift_s else {}
        dsn = stack.address("PAWPRINT_POSTGRES_DSN").replace(
            "pawprint@", f"pawprint_{name}@")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [BIN / name], stdout=log, stderr=log,
                env={**os.environ, "PAWPRINT_POSTGRES_DSN": dsn,
                     "PAWPRINT_COLLECTOR_PORT": "0",
                     "PAWPRINT_COLLECTOR_ADDRESS": "127.0.0.1",
                     "PAWPRINT_INTERNAL_PORT": "0", **preload, **more})

    def url(self):
        """Of a collector, when it listens and is ready."""
        internal, port = stack.until("it listens", lambda: ports(self.log), 20)

        def is_ready():
            try:
                with urllib.request.urlopen(
                        f"http://127.0.0.1:{internal}/readyz"):
                    return True
            except OSError:
                return False

        stack.until("it is ready", is_ready, 20)
        return f"http://127.0.0.1:{port}"

    def says(self, event):
        return f'"event":"{event}"' in self.log.read_text(encoding="utf-8")

    def signal(self, how):
        self.process.send_signal(how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
        self.process.wait(30)


def depleted_mails(account):
    return int(sql(f"""SELECT count(*) FROM notification WHERE account_id =
        '{account.id}' AND kind = 'capacity_depleted'"""))


def usage_between(account, since, until):
    return int(sql(f"""SELECT usage_of('{account.id}', to_timestamp({since}),
        to_timestamp({until}))"""))


def rows(account):
    return stack.count("SELECT count() FROM events WHERE site_id = "
                       f"'{account.site}'")


def counted_account(name, plan=None):
    """Its first hit is counted."""
    account = Account(name, plan)
    stack.until("the first is counted", lambda: account.counted() == 1)
    return account


def taken_until(account, status):
    """How many hits are taken until one is answered so, with that one."""
    taken, answer = 0, None
    end = time.monotonic() + 10
    while answer != status:
        assert time.monotonic() < end, (answer, status)
        answer = account.send()
        taken += answer == 202
    return taken


# --- which window an event belongs to -----------------------------------------


def test_an_event_that_happened_before_the_window_counts_when_it_was_received():
    account, now_ms = counted_account("late clients"), int(time.time() * 1000)
    for days in (3, 40):
        status, _ = account.sender.send({
            "site": account.site, "url": URL, "id": f"days{days}",
            "at": now_ms - days * DAY_S * 1000, "sent_at": now_ms}, PERSON)
        assert status == 202
    stack.until("counted", lambda: used(account.id) == 3)
    stack.until("stored", lambda: rows(account) == 3)
    ages = dict(stack.clickhouse(
        "SELECT event_id, round(dateDiff('second', event_at, received_at) / "
        f"86400) FROM events WHERE site_id = '{account.site}'"))
    assert ages["days3"] == "3", ages
    assert ages["days40"] == "7", ages  # no client's clock is believed further
    equal()


def test_what_came_in_the_last_moment_of_a_window_is_no_usage_of_the_next():
    account = counted_account("last moment", "TINY")
    begins = int(time.time()) // QUARTER_S * QUARTER_S
    # Its window begins with this quarter of an hour, also if it is over soon.
    sql(f"""DELETE FROM account_capacity WHERE account_id = '{account.id}';
        UPDATE billing_profile SET anchor_at = to_timestamp({begins})
        WHERE account_id = '{account.id}'""")
    account.receive(5, begins - 0.001)
    stack.until("all is counted", lambda: account.counted() == 6)
    kit("run", account.id)
    assert usage_between(account, begins - 31 * DAY_S, begins) == 5
    assert account.state() == "ok"
    assert depleted_mails(account) == 0, "of a window that is over"
    stack.until("stored", lambda: rows(account) == 6)
    equal()


def test_what_is_stored_again_is_not_metered():
    account = counted_account("stored again")
    for _ in range(20):
        assert account.send() == 202
    stack.until("counted and stored", lambda: used(account.id) == 21
                and rows(account) == 21)
    stack.services("down", "writer")
    try:
        stack.post(f"DELETE FROM events WHERE site_id = '{account.site}'")
        stack.pawprint("writer", "rewind", "--from", "beginning", "--yes")
    finally:
        stack.services("up", "writer")
    stack.until("stored again", lambda: rows(account) == 21)
    stack.until("all is stored again", lambda: stack.metrics("writer")[
        "pawprint_writer_lag_records"] == 0)
    assert used(account.id) == 21
    equal()


# --- whose event it is --------------------------------------------------------


def test_a_deleted_site_keeps_its_usage_and_new_hits_are_no_usage():
    account = Account("deleted site", "TINY")
    account.use(3)
    before = account.counted()
    stack.until("all is counted", lambda: account.counted() == 4)
    stack.pawprint("site", "delete", account.site)
    account.becomes(404, "deleted")
    assert [account.send() for _ in range(5)] == [404] * 5
    stack.until("told", lambda: not_accepted(account.id).get(
        ("collector", "unknown_site"), 0) >= 5, 20)
    assert account.state() == "grace", "no quota comes back"
    assert account.counted() - before <= 1


def test_a_site_that_moves_leaves_its_usage_with_whom_it_was_received_for():
    giver, taker = counted_account("giver"), counted_account("taker")
    of_giver = 1 + taken_until(giver, 202)
    sql(f"UPDATE site SET account_id = '{taker.id}' WHERE site_id = "
        f"'{giver.site}'")
    # Each tells the collectors what the site's row says by then.
    stack.pawprint("site", "pause", giver.site)
    of_giver += taken_until(giver, 404)
    stack.pawprint("site", "resume", giver.site)
    of_taker = 1 + taken_until(giver, 202)
    for _ in range(4):
        of_taker += taken_until(giver, 202)
    stack.until("counted for the other", lambda: used(taker.id) == of_taker)
    assert used(giver.id) == of_giver
    equal()


def test_bots_bad_hits_and_what_is_too_much_are_no_usage_and_are_shown():
    account = Account("no usage")
    stack.until("the first is counted", lambda: used(account.id) == 1)
    hit = {"site": account.site, "url": URL}
    with Program("collector", PAWPRINT_LIMIT_SITE="3/m") as limited:
        sender = Sender(limited.url())
        statuses = [sender.send(hit, BOT)[0] for _ in range(8)]
    assert statuses.count(202) == 3 and statuses.count(429) == 5, statuses
    assert account.sender.send({**hit, "kind": "nonsense"}, PERSON)[0] == 400
    stack.until("refusals are told", lambda: not_accepted(account.id).get(
        ("collector", "rate_limited")) == 5, 20)
    stack.until("bots are counted apart", lambda: [
        n for *_, kind, who, n in show(account.id)["sites"]
        if who == "bot"] == [3])
    assert used(account.id) == 1
    equal()


# --- meters -------------------------------------------------------------------


def test_meters_killed_at_random_count_each_event_once():
    account, dice = Account("killed meters"), random.Random(24)
    events = 0
    stack.services("down", "meter")
    meters = [Program("meter", PAWPRINT_METER_FLUSH_MS="50")
              for _ in range(METERS)]
    try:
        for _ in range(KILLS):
            account.receive(500, time.time())
            events += 500
            time.sleep(dice.random() * 0.7)
            victim = dice.randrange(METERS)
            meters[victim].signal(dice.choice((signal.SIGKILL,
                                               signal.SIGTERM)))
            meters[victim].process.wait(30)
            meters[victim] = Program("meter", PAWPRINT_METER_FLUSH_MS="50")
        stack.until("all is counted",
                    lambda: account.counted() >= events + 1, 60)
        time.sleep(1)  # one too many would come by now
        assert account.counted() == events + 1
    finally:
        for one in meters:
            one.__exit__()
        stack.services("up", "meter")
    equal()
    return f"{events} events, {KILLS} kills of {METERS} meters"


def test_a_meter_that_wakes_late_writes_nothing():
    account = Account("late meter")
    stack.services("down", "meter")
    with Program("meter", PAWPRINT_METER_FLUSH_MS="5000") as late:
        stack.until("the first is counted", lambda: used(account.id) == 1, 60)
        account.receive(100, time.time())
        time.sleep(0.5)  # it has read them, and has not written yet
        late.signal(signal.SIGSTOP)
        stack.services("up", "meter")
        stack.until("another has counted", lambda: account.counted() == 101,
                    90)
        late.signal(signal.SIGCONT)
        account.receive(100, time.time())
        stack.until("all is counted", lambda: account.counted() >= 201, 60)
        time.sleep(6)  # longer than a flush of the late one
        assert account.counted() == 201
        assert late.process.poll() is None
    equal()


# --- clocks -------------------------------------------------------------------


def test_a_collector_whose_clock_is_an_hour_off_refuses_nobody_too_early():
    taken, refused = Account("right", "TINY"), exhausted("depleted")
    taken.use(3)
    taken.hand_over()
    kit("tick")
    for shift_s in (HOUR_S, -HOUR_S):
        with Program("collector", shift_s) as wrong:
            sender = Sender(wrong.url())
            for _ in range(20):
                assert taken.send(sender) == 202
                assert refused.send(sender) == 402
    assert taken.state() == "grace"
    graces = sql(f"SELECT graces FROM account_capacity WHERE account_id = "
                 f"'{taken.id}'")
    assert graces == "1" and depleted_mails(taken) == 1
    stack.until("a clock that is ahead is told", lambda: stack.metrics("meter")[
        "pawprint_meter_clock_off_total"] >= 20, 20)
    # What it dated into the future is no difference for the proof.
    stack.until("all is counted", lambda: taken.counted() >= 44)


def test_a_refusal_ends_by_the_collectors_clock_alone():
    account = exhausted("a month later")
    stack.services("down", "relay", "meter")
    try:
        with Program("collector", 32 * DAY_S) as later:
            assert account.send(Sender(later.url())) == 202
        assert account.send() == 402
    finally:
        stack.services("up", "relay", "meter")


# --- mails of a refusal -------------------------------------------------------


def test_who_is_taken_again_is_told_how_many_events_were_refused():
    account = exhausted("told afterwards")
    for _ in range(7):
        assert account.send() == 402
    # The one before them showed that it is refused.
    stack.until("all are told", lambda: not_accepted(account.id).get(
        ("collector", "capacity_exhausted"), 0) >= 8, 20)
    account.plan("PREMIUM")
    facts = json.loads(sql(f"""SELECT facts FROM notification WHERE account_id =
        '{account.id}' AND kind = 'capacity_restored'"""))
    assert facts["refused"] >= 8, facts
    assert facts["refused_from_at"] < facts["refused_until"], facts
    return f"{facts['refused']} refused"
