"""What is away refuses nobody who was taken, and afterwards all is counted.

Each server in each state of an account, while hits come all the time: whoever
is taken stays taken or is told to come again, whoever is refused stays refused.
Kafka hangs, or ends in order: one that is killed in the middle of transactions
now and then keeps the offsets of one pending for ever
(services/enricher/README.md), whoever asks.
"""
import contextlib
import http.client
import itertools
import os
import signal
import threading
import time

from e2e.test_usage import equal, used
from e2e.test_usage_capacity import Account, exhausted, kit, redis
from e2e.test_usage_edges import Program
from e2e.test_limits import ports
from kit import stack
from kit.hits import Sender

# Longer than a transaction of the enricher may take.
LONG_S, SHORT_S = 26, 5
AWAY = (
    # server, how it goes, for how long, answers of ok and grace meanwhile
    ("redis", signal.SIGKILL, SHORT_S, {202}),
    ("kafka", signal.SIGSTOP, SHORT_S, {202, 503}),
    ("kafka", signal.SIGSTOP, LONG_S, {202, 503}),
    ("postgres", signal.SIGQUIT, SHORT_S, {202}),
    ("clickhouse", signal.SIGKILL, SHORT_S, {202}),
)
STATES = ("ok", "grace", "rejecting")
TAKEN = [202, 202, 402]


def three_accounts():
    """One in each state."""
    fine, grace = Account("fine", "PREMIUM"), Account("in grace", "TINY")
    refused = exhausted("refused")
    grace.use(3)
    grace.hand_over()
    kit("tick")
    return dict(zip(STATES, (fine, grace, refused)))


class Visitors:
    """Who send hits for each account until they are told to stop.

    Those of the first are so many and so fast that the enricher is in the
    middle of a transaction whenever a server goes.
    """

    def __init__(self, accounts):
        self.answers = {state: [] for state in accounts}
        self.stopped = threading.Event()
        self.threads = [
            threading.Thread(target=self.visit, args=(state, account, pause_s))
            for state, account in accounts.items()
            for pause_s in ([0, 0, 0] if state == "ok" else [0.05])]

    def visit(self, state, account, pause_s):
        """From many networks, or there would be too many of one."""
        sender, numbers = Sender(), itertools.count()
        while not self.stopped.wait(pause_s):
            high, low = divmod(next(numbers) % 65536, 256)
            try:
                self.answers[state].append(
                    account.send(sender, f"10.{high}.{low}.1"))
            except (OSError, http.client.HTTPException) as why:
                self.answers[state].append(why)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def wrong(self, answers):
        """What nobody should have been told."""
        right = {"ok": answers, "grace": answers, "rejecting": {402}}
        return {state: odd for state, said in self.answers.items()
                if (odd := [one for one in said if one not in right[state]])}


def all_answered_as_before(accounts):
    return [account.send() for account in accounts.values()] == TAKEN


@contextlib.contextmanager
def away(server, how):
    if how == signal.SIGSTOP:
        os.kill(stack.pid_of(server), signal.SIGSTOP)
        yield
        os.kill(stack.pid_of(server), signal.SIGCONT)
    else:
        stack.stop_server(server, how)
        yield
        stack.bring_back()


def while_away(accounts, server, how, seconds, answers):
    """How many were asked. All that was taken is counted, or it fails."""
    before = {state: account.counted() for state, account in accounts.items()}
    with Visitors(accounts) as visitors:
        time.sleep(1)  # so that something is under way
        with away(server, how):
            time.sleep(seconds)
        stack.until(f"taken after {server}",
                    lambda: all_answered_as_before(accounts), 60)
    assert not visitors.wrong(answers), (server, visitors.wrong(answers))
    for state in ("ok", "grace"):
        taken = visitors.answers[state].count(202)
        stack.until(f"counted after {server}, {state}", lambda s=state, n=taken:
                    accounts[s].counted() >= before[s] + n, 90)
    assert accounts["rejecting"].counted() == before["rejecting"]
    states = {word: one.state() for word, one in accounts.items()}
    assert states == dict(zip(STATES, STATES)), (server, states)
    return sum(map(len, visitors.answers.values()))


def test_whatever_is_away_in_whatever_state_no_402_is_wrong_and_all_is_counted():
    accounts, asked = three_accounts(), 0
    for one in AWAY:
        asked += while_away(accounts, *one)
    equal()
    return (f"{asked} hits, {len(AWAY)} outages of {LONG_S} s at most in "
            f"{len(STATES)} states, 0 wrong")


def test_a_redis_that_was_flushed_refuses_nobody_and_is_filled_again():
    accounts = three_accounts()
    redis("FLUSHALL")
    for _ in range(20):
        assert all_answered_as_before(accounts)
    refused = accounts["rejecting"]
    refused.plan("PREMIUM")
    stack.until("in Redis again", lambda: "\n1\r" in redis(
        "HMGET", f"capacity:{refused.id}", "has_enough_capacity"), 5)


def test_a_collector_that_starts_without_kafka_and_redis_refuses_nobody():
    accounts = three_accounts()
    stack.stop_server("kafka")
    stack.stop_server("redis", signal.SIGKILL)
    try:
        with Program("collector") as blind:
            stack.until("it listens", lambda: ports(blind.log), 20)
            sender = Sender(f"http://127.0.0.1:{ports(blind.log)[1]}")
            answers = {account.send(sender) for account in accounts.values()}
    finally:
        stack.bring_back()
    assert answers <= {202, 503}, answers
    stack.until("as before", lambda: all_answered_as_before(accounts), 30)


def test_without_clickhouse_a_grace_goes_on_beyond_its_deadline():
    account = Account("unconfirmed", "NOW")
    account.use(3)
    account.hand_over()
    stack.stop_server("clickhouse", signal.SIGKILL)
    try:
        for _ in range(3):
            kit("tick")
            assert account.state() == "grace"
            assert account.send() == 202
        assert stack.run_pawprint("usage", "reconcile").returncode == 1
        assert account.state() == "grace"
    finally:
        stack.bring_back()
    stack.until("counted", lambda: used(account.id) == 7)
    equal()
