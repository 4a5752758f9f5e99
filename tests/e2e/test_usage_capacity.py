"""An account over its plan is warned, then given time, and only then refused.

Time is what the database says, which a test may shift. What the meter does is
done here by tests/kit/capacity.c, so that nobody waits a minute for its clock.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse
import uuid

from kit import stack
from kit.hits import Sender
from kit.stack import postgres as sql

SOON_S = 2
RUNS = int(os.environ.get("CAPACITY_RUNS", "25"))
URL = "https://shop.example/"
PLANS = {"plans": [
    {"code": code, "display_name": code, "features": ["x"],
     "monthly_limit": limit, "max_alerts": 1, "grace_days": days,
     "price_ids": []}
    for code, limit, days in (("FREE", 5000, 7), ("PREMIUM", 250000, 7),
                              ("TINY", 3, 7), ("NOW", 3, 0))]}


def kit(*words):
    done = subprocess.run([stack.ROOT / "build/bin/capacity", *words],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def clock_is_right():
    """Again. Until then the meter's job took the present for long past."""
    sql("UPDATE installation SET clock_shift = '0'")
    kit("tick")
    stack.pawprint("usage", "reconcile", "--wait", "60")


def prepare():
    """Plans of the tests' own, and a clock that may be shifted."""
    path = stack.folder() / "plans.json"
    path.write_text(json.dumps(PLANS), encoding="ascii")
    os.environ["PAWPRINT_PLANS"] = str(path)
    sql("UPDATE installation SET is_test = true")


class Account:
    """One account with one site, and somebody who sends its hits."""

    def __init__(self, name, plan=None):
        prepare()
        self.id = stack.pawprint("account", "create", "--name", name,
                                 "--mail", "owner@example.com")["account"]
        self.site = stack.pawprint("site", "create", "--account", self.id,
                                   "--name", name)["site"]
        self.sender = Sender()
        if plan:
            self.plan(plan)
        stack.until("site known", lambda: self.send() == 202, 10)

    def plan(self, code):
        return stack.pawprint("account", "plan", self.id, code)["state"]

    def send(self, sender=None, address=None):
        hit = {"site": self.site, "url": URL}
        return (sender or self.sender).send(hit, address=address)[0]

    def answer(self):
        """Status, headers and body of a hit."""
        return self.sender.request(
            "POST", "/e", json.dumps({"site": self.site, "url": URL}).encode(),
            {"Content-Type": "text/plain"})

    def becomes(self, status, what):
        """Seconds until hits are answered with that status."""
        began = time.monotonic()
        stack.until(what, lambda: self.send() == status, 10)
        return time.monotonic() - began

    def use(self, count, received_ago_s=0):
        """So many more are counted, received now or some time ago."""
        before = self.counted()
        if received_ago_s:
            self.receive(count, time.time() - received_ago_s)
        else:
            for _ in range(count):
                assert self.send() == 202
        stack.until("counted", lambda: self.counted() >= before + count)
        kit("run", self.id)

    def receive(self, count, at):
        """Page views, as a collector that received them at that time."""
        subprocess.run(
            [stack.ROOT / "build/bin/events",
             stack.address("PAWPRINT_KAFKA_BROKERS"), "pawprint.", str(count),
             uuid.uuid4().hex, "--site", self.site, "--account", self.id,
             "--received", str(int(at * 1000)), "--hits"],
            check=True, capture_output=True)

    def counted(self):
        """Of all windows."""
        return int(sql(
            f"SELECT usage_of('{self.id}', '-infinity', 'infinity')"))

    def hand_over(self):
        sql(f"""UPDATE notification SET handed_over_at = pp_now() WHERE
            account_id = '{self.id}' AND kind = 'capacity_depleted' AND
            handed_over_at IS NULL""")

    def exhaust(self):
        """Of a plan without grace: everything that has to come before 402."""
        self.hand_over()
        kit("tick")
        kit("confirm", self.id)
        assert self.state() == "rejecting", self.state()

    def state(self):
        return stack.pawprint("capacity", "show", self.id)["state"]

    def grace_ends_at(self):
        return float(sql(f"""SELECT extract(epoch FROM grace_ends_at) FROM
            account_capacity WHERE account_id = '{self.id}'"""))

    def why(self):
        return stack.pawprint("capacity", "explain", self.site)["why"]


def exhausted(name):
    account = Account(name, "NOW")
    account.use(3)
    account.exhaust()
    account.becomes(402, "refused")
    return account


def redis(*words):
    where = urllib.parse.urlsplit(stack.address("PAWPRINT_REDIS_URL"))
    with socket.create_connection((where.hostname, where.port)) as link:
        link.sendall(" ".join(words).encode() + b"\r\n")
        link.settimeout(2)
        return link.recv(4096).decode()


def test_an_account_over_its_plan_gets_grace_then_402_and_an_upgrade_at_once():
    account = Account("all the way", "TINY")
    assert account.state() == "ok"
    account.use(3)
    assert account.state() == "grace"
    assert account.send() == 202
    kinds = sql(f"SELECT kind, facts->>'used' >= '3', facts->>'limit' FROM "
                f"notification WHERE account_id = '{account.id}'")
    assert kinds == "capacity_depleted|t|3", kinds
    assert "the mail about it was handed over" in account.why() or \
        "They are refused from" in account.why(), account.why()
    account.hand_over()
    kit("tick")
    assert "They are refused from" in account.why(), account.why()
    try:
        sql("UPDATE installation SET clock_shift = '8 days'")
        kit("tick")
        assert account.send() == 202  # no count of ClickHouse says so yet
        kit("confirm", account.id)
        assert account.state() == "rejecting"
        refused_s = account.becomes(402, "refused")
        assert refused_s < SOON_S, refused_s
        status, headers, body = account.answer()
        assert status == 402
        assert headers["X-Pawprint-Result"] == "capacity_exhausted"
        assert 0 < int(headers["Retry-After"]) <= 31 * 86400 + 10
        assert json.loads(body) == {"result": "capacity_exhausted"}
        assert "402 capacity_exhausted until" in account.why(), account.why()
        assert account.plan("PREMIUM") == "ok"
        taken_s = account.becomes(202, "taken")
        assert taken_s < SOON_S, taken_s
    finally:
        clock_is_right()
    log = [step["transition"] for step in
           stack.pawprint("capacity", "show", account.id)["log"]]
    assert log == ["T1", "T1b", "T3", "T4"], log
    return f"402 after {refused_s:.2f} s, 202 after {taken_s:.2f} s"


def test_a_batch_tells_which_hits_were_refused_and_takes_the_others():
    account, other = exhausted("of a batch"), Account("beside it")
    hits = [{"site": account.site, "url": URL}, {"site": other.site, "url": URL}]
    status, body = account.sender.send(hits)
    assert status == 202, body
    assert body == {"result": "accepted", "accepted": 1, "refused": [
        {"index": 0, "reason": "capacity_exhausted"}]}, body
    assert account.sender.send(hits[:1])[0] == 402
    pixel = account.sender.request(
        "GET", f"/p.gif?site={account.site}&url={URL}")
    assert pixel[0] == 402 and pixel[2][:3] == b"GIF", pixel


def test_who_asks_from_outside_finds_the_newest_answer_for_fifteen_minutes():
    account = exhausted("asked from outside")
    key = f"capacity:{account.id}"
    stack.until("refused, in Redis", lambda: "\n0\r" in redis(
        "HMGET", key, "has_enough_capacity"), 5)
    assert 0 < int(redis("TTL", key)[1:]) <= 900
    account.plan("PREMIUM")
    stack.until("taken, in Redis", lambda: "\n1\r" in redis(
        "HMGET", key, "has_enough_capacity"), SOON_S)


def test_a_blocked_account_is_answered_403_and_a_closed_one_404_at_once():
    account = Account("blocked")
    stack.pawprint("account", "block", account.id, "--reason", "sends spam")
    blocked_s = account.becomes(403, "blocked")
    assert blocked_s < SOON_S, blocked_s
    assert account.answer()[1]["X-Pawprint-Result"] == "account_blocked"
    assert "sends spam" in account.why(), account.why()
    stack.pawprint("account", "unblock", account.id)
    assert account.becomes(202, "unblocked") < SOON_S
    stack.pawprint("account", "close", account.id)
    assert account.becomes(404, "closed") < SOON_S
    assert "is closed" in account.why(), account.why()
    assert stack.run_pawprint("account", "close", account.id).returncode == 1
    stack.pawprint("account", "restore", account.id)
    assert account.becomes(202, "restored") < SOON_S


def test_a_closed_account_is_restored_within_72_hours_as_it_was():
    account = Account("closed", "TINY")
    account.use(3)
    account.hand_over()
    kit("tick")
    deadline = account.grace_ends_at()
    stack.pawprint("account", "close", account.id)
    assert account.becomes(404, "closed") < SOON_S
    try:
        sql("UPDATE installation SET clock_shift = '71 hours'")
        kit("tick")
        stack.pawprint("account", "restore", account.id)
        assert account.becomes(202, "restored") < SOON_S
        assert account.state() == "grace"
        stood_s = account.grace_ends_at() - deadline
        assert 71 * 3600 <= stood_s < 71 * 3600 + 60, stood_s
        stack.pawprint("account", "close", account.id)
        sql("UPDATE installation SET clock_shift = '144 hours'")
        done = stack.run_pawprint("account", "restore", account.id)
        assert done.returncode == 1 and "last 72 hours" in done.stderr, done
        assert account.becomes(404, "closed for good") < SOON_S
    finally:
        clock_is_right()
    return f"its grace stood {stood_s / 3600:.1f} h"


def test_a_collector_that_starts_anew_refuses_from_its_first_answer():
    account = exhausted("before a restart")
    stack.services("kill", "collector")
    stack.services("up", "collector")
    account.sender.close()
    statuses = [account.send() for _ in range(20)]
    assert statuses == [402] * 20, statuses


def test_with_redis_or_postgres_away_nobody_is_refused_who_was_taken():
    refused, taken = exhausted("refused"), Account("taken")
    for server in ("redis", "postgres"):
        stack.stop_server(server, signal.SIGKILL)
        try:
            for _ in range(20):
                assert taken.send() == 202
                assert refused.send() == 402
        finally:
            stack.bring_back()
    stack.until("Postgres is back", lambda: stack.run_pawprint(
        "account", "plan", refused.id, "PREMIUM").returncode == 0, 30)
    refused.becomes(202, "taken again")


def test_with_kafka_away_nothing_is_taken_for_exhausted():
    refused, taken = exhausted("refused, no Kafka"), Account("taken, no Kafka")
    stack.stop_server("kafka")
    try:
        assert taken.send() == 503
        assert refused.send() == 402
    finally:
        stack.bring_back()
    stack.until("taken again", lambda: taken.send() == 202, 60)


def test_a_refused_account_is_taken_with_its_new_window_though_all_else_stands_still():
    account = Account("new window")
    sql(f"""UPDATE billing_profile SET anchor_at = clock_timestamp() +
        interval '25 seconds' - interval '1 month'
        WHERE account_id = '{account.id}'""")
    account.plan("NOW")
    # The present quarter of an hour counts for the next window, which begins
    # within it: what this one is depleted by came a quarter before.
    account.use(4, received_ago_s=900)
    account.exhaust()
    account.becomes(402, "refused")
    until = float(sql(f"""SELECT extract(epoch FROM reject_until) FROM
        account_capacity WHERE account_id = '{account.id}'"""))
    stack.services("down", "relay")
    try:
        assert 0 < until - time.time() < 26, until - time.time()
        stack.until("taken", lambda: account.send() == 202, 40)
        late_s = time.time() - until
        assert 0 <= late_s < 1, late_s
    finally:
        stack.services("up", "relay")
    return f"{1000 * late_s:.0f} ms after the window's end"


def with_metering(mode):
    path = stack.folder() / "more"
    before = path.read_text(encoding="ascii") if path.exists() else None
    if mode:
        path.write_text((before or "") + f"\nMETERING={mode}\n",
                        encoding="ascii")
    stack.services("down", "collector")
    stack.services("up", "collector")
    if before is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(before, encoding="ascii")


def test_metering_that_only_observes_takes_all_and_counts_what_it_would_not():
    account = exhausted("observed")
    counted = "pawprint_collector_would_refuse_hits_total"
    try:
        with_metering("observe")
        account.sender.close()
        assert [account.send() for _ in range(5)] == [202] * 5
        assert stack.metrics("collector")[counted] == 5
        with_metering("off")
        account.sender.close()
        assert [account.send() for _ in range(5)] == [202] * 5
        assert stack.metrics("collector")[counted] == 0
    finally:
        with_metering(None)
    account.sender.close()
    assert account.send() == 402


def more_collectors(count):
    """Further collectors on ports of their own, and where they are."""
    started, urls = [], []
    for _ in range(count):
        with socket.socket() as free, socket.socket() as internal:
            free.bind(("127.0.0.1", 0))
            internal.bind(("127.0.0.1", 0))
            ports = free.getsockname()[1], internal.getsockname()[1]
        log = open(stack.folder() / "log/more-collectors", "ab")
        with log:
            started.append(subprocess.Popen(
                [stack.ROOT / "build/bin/collector"], stdout=log, stderr=log,
                env={**os.environ, "PAWPRINT_COLLECTOR_ADDRESS": "127.0.0.1",
                     "PAWPRINT_COLLECTOR_PORT": str(ports[0]),
                     "PAWPRINT_INTERNAL_PORT": str(ports[1])}))
        urls.append(f"http://127.0.0.1:{ports[0]}")
    return started, urls


def status_of(account, sender):
    try:
        return account.send(sender)
    except (OSError, http.client.HTTPException):
        return 0  # it is not up yet


def test_an_upgrade_is_effective_in_three_collectors_within_two_seconds():
    account = Account("three collectors", "NOW")
    account.use(3)
    slowest = 0
    started, urls = more_collectors(2)
    senders = [account.sender, *map(Sender, urls)]
    try:
        for _ in range(RUNS):
            account.exhaust()
            for sender in senders:
                stack.until("refused by each", lambda s=sender: status_of(
                    account, s) == 402, 20)
            account.plan("PREMIUM")
            began = time.monotonic()
            for sender in senders:
                stack.until("taken by each", lambda s=sender: status_of(
                    account, s) == 202, 10)
            slowest = max(slowest, time.monotonic() - began)
            assert slowest < SOON_S, slowest
            assert account.plan("NOW") == "grace"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
    return f"{RUNS} runs, the slowest {1000 * slowest:.0f} ms"


def test_a_catalogue_that_was_edited_counts_once_it_is_applied():
    account = Account("edited catalogue", "TINY")
    account.use(3)
    edited = json.loads(json.dumps(PLANS))
    edited["plans"][2]["monthly_limit"] = 100
    path = stack.folder() / "plans.json"
    path.write_text(json.dumps(edited), encoding="ascii")
    kit("run", account.id)
    assert account.state() == "grace"
    stack.pawprint("capacity", "apply")
    assert account.state() == "ok"
    path.write_text(json.dumps(PLANS), encoding="ascii")
    assert stack.pawprint("capacity", "apply", "--dry-run")["depleted"] >= 1
    assert account.state() == "ok"
    assert stack.pawprint("capacity", "apply")["depleted"] >= 1
    assert account.state() == "grace"


def test_overrides_and_credits_are_for_one_account_and_say_why():
    account = Account("special", "NOW")
    account.use(3)
    assert account.state() == "grace"
    stack.pawprint("capacity", "credit", account.id, "--events", "10",
                   "--reason", "sorry")
    shown = stack.pawprint("capacity", "show", account.id)
    assert (shown["state"], shown["limit"]) == ("ok", 13), shown
    stack.pawprint("capacity", "override", account.id, "--limit", "unlimited",
                   "--reason", "ours")
    assert stack.pawprint("capacity", "show", account.id)["limit"] == -1
    stack.pawprint("capacity", "override", account.id, "--limit", "0",
                   "--grace-days", "31", "--reason", "test")
    assert stack.pawprint("capacity", "show", account.id)["limit"] == 10
    stack.pawprint("capacity", "override", account.id, "--remove",
                   "--reason", "over")
    assert stack.pawprint("capacity", "show", account.id)["limit"] == 13
    for wrong in (("account", "plan", account.id, "NO_SUCH"),
                  ("account", "plan", "nobody", "FREE"),
                  ("account", "block", account.id),
                  ("capacity", "credit", account.id, "--events", "-1",
                   "--reason", "x"),
                  ("capacity", "override", account.id, "--grace-days", "32",
                   "--reason", "x")):
        assert stack.run_pawprint(*wrong).returncode != 0, wrong
    assert stack.pawprint("capacity", "show", account.id)["limit"] == 13
