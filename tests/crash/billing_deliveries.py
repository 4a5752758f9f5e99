"""Ten thousand webhooks while billing and Postgres are killed.

A seed sends that many events of all kinds, some of them twice, at a pace that
takes a while, and kills two processes of billing and Postgres meanwhile. In the
end whatever Stripe got a 200 for has its row, each event was taken, and each
row is done, ignored or dead as it has to be: dead are those of customers that
Stripe does not know any more.
"""
import concurrent.futures
import os
import pathlib
import random
import signal
import threading
import time
import uuid

from crash.pair import CALM, Pair
from e2e.test_billing_events import KEPT, PASSED_OVER, SYNCS
from e2e.test_billing_journeys import Guest
from kit import billing, stack

EVENTS = int(os.environ.get("CRASH_EVENTS", "10000"))
A_SECOND = 100
DESKS = 8
GUESTS, STRANGERS = 24, 2
ENDS = ("done", "ignored", "ignored_livemode", "dead")


def children(pid):
    """Processes that Postgres made; the last that is gone lets another in."""
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(one) for one in text.split()]


def is_away(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()


class Bench:
    def __init__(self, _engine):
        self.stripe, self.dice, self.stops = billing.stripe(), None, 0
        self.pair = Pair(self.stripe, PAWPRINT_BILLING_AWAY_MS="1000",
                         PAWPRINT_BILLING_SWEEP_SECONDS="86400")
        self.customers, self.strangers = [], []
        self.wanted = {}  # of each event: how it ends

    def close(self):
        self.pair.stop()

    # --- who and what ------------------------------------------------------

    def let_in(self):
        guests = [Guest(self.pair.url, self.stripe, "subscribe", lambda: None)
                  for _ in range(GUESTS + STRANGERS)]
        for one in guests:
            one.go()
        stack.until("all have a plan", lambda: all(
            one.found() == one.wanted for one in guests))
        ids = [one.who.customer for one in guests]
        self.customers, self.strangers = ids[:GUESTS], ids[GUESTS:]
        for one in self.strangers:
            self.stripe.fake(f"/customers/{one}/forget")

    def happens(self, dice):
        """Something of any kind: one in fifty of the other mode, one about
        somebody whom Stripe forgot."""
        end, live = dice.choice(("done", "done", "ignored")), False
        if dice.random() < 0.02:
            end, live = "ignored_livemode", True
        elif dice.random() < 0.02:
            end = "dead"
        kinds = PASSED_OVER if end == "ignored" else KEPT if live else \
            dice.choice((SYNCS[:3], KEPT if end == "done" else SYNCS[:3]))
        about = {"id": f"x_{uuid.uuid4().hex[:8]}", "customer": dice.choice(
            self.strangers if end == "dead" else self.customers)}
        event = self.stripe.fake("/events", type=dice.choice(kinds),
                                 object=about, livemode=live)
        self.wanted[event["id"]] = end

    def send(self, seed, count):
        """Events, each at its time."""
        dice, begin = random.Random(seed), time.monotonic()
        for n in range(count):
            rest = begin + n * DESKS / A_SECOND - time.monotonic()
            time.sleep(max(0, rest))
            self.happens(dice)

    # --- deaths ------------------------------------------------------------

    def postgres_dies(self):
        """Its first process, told or not, or one that serves somebody."""
        pid = stack.pid_of("postgres")
        all_of_it = [pid, *children(pid)]
        victim, how = self.dice.choice((
            (pid, signal.SIGQUIT), (pid, signal.SIGKILL),
            (self.dice.choice(all_of_it[1:]), signal.SIGKILL)))
        os.kill(victim, how)
        self.stops += 1
        if victim == pid:
            stack.until("Postgres is gone", lambda: all(map(is_away, all_of_it)))
            time.sleep(self.dice.random())
            stack.bring_back()

    def kill_on(self, stop):
        turns = 0
        while not stop.is_set():
            turns += 1
            if turns % 3 == 0:
                self.postgres_dies()
            else:
                self.pair.kill_one()
            time.sleep(0.2 + self.dice.random() * 0.6)
            self.pair.start_dead()

    def live_through_it(self, seed):
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(DESKS + 1) as pool:
            killer = pool.submit(self.kill_on, stop)
            try:
                for one in [pool.submit(self.send, f"{seed} {n}",
                                        EVENTS // DESKS)
                            for n in range(DESKS)]:
                    one.result()
            finally:
                stop.set()
            killer.result()

    # --- a seed ------------------------------------------------------------

    def run(self, seed):
        self.dice, self.stops, self.wanted = random.Random(seed), 0, {}
        self.stripe.fake("/reset")
        self.pair.begin(self.dice)
        self.let_in()
        self.stripe.fake("/chaos", seed=seed, shuffle_ms=500, duplicate=0.1,
                         retry_ms=100, retry_most_ms=1000, attempts=1000)
        try:
            self.live_through_it(seed)
        finally:
            self.stripe.fake("/chaos", **CALM)
            stack.bring_back()
            self.pair.settle()
        self.wait()
        return self.check()

    def wait(self):
        """For all to be taken and to end. The attempts of a day come at once,
        but for one that is being made."""
        def all_end():
            time.sleep(0.3)
            stack.postgres(
                "UPDATE stripe_event SET attempts = greatest(attempts, 11), "
                "next_at = pp_now() WHERE state = 'failed' AND next_at > "
                "pp_now() + interval '3 seconds'")
            return not self.stripe.look()["pending"] and \
                set(self.states().values()) <= set(ENDS)

        try:
            stack.until("all has come to an end", all_end, 300)
        except AssertionError as why:
            raise AssertionError(stack.postgres(
                "SELECT event_id, state, attempts, next_at - pp_now(), "
                "last_error FROM stripe_event WHERE state IN ('new', 'failed')"
                )) from why

    def states(self):
        """Of each event that the fake has sent; a seed before had its own."""
        names = {one["event"] for one in
                 self.stripe.look("/deliveries")["deliveries"]}
        rows = [line.split("|") for line in stack.postgres(
            "SELECT event_id, state FROM stripe_event").splitlines()]
        return {name: state for name, state in rows if name in names}

    def check(self):
        sent = self.stripe.look("/deliveries")["deliveries"]
        states = self.states()
        answered = {one["event"] for one in sent if
                    any(answer[1] == 200 for answer in one["answers"])}
        assert answered <= set(states), answered - set(states)
        assert {one["event"] for one in sent} == answered, "some never came"
        wrong = [(name, states[name], end) for name, end in self.wanted.items()
                 if states[name] != end]
        assert not wrong, wrong[:5]
        assert not set(states.values()) - set(ENDS)
        return self.sum_up(sent, states)

    def sum_up(self, sent, states):
        tries = [answer[1] for one in sent for answer in one["answers"]]
        found = list(states.values())
        ends = ", ".join(f"{found.count(state)} {state}" for state in ENDS)
        return (f"{len(sent)} deliveries of {len(states)} events, {len(tries)} "
                f"tries of which {tries.count(200)} got a 200 and "
                f"{tries.count(503)} a 503; {self.pair.kills} kills of billing, "
                f"{self.stops} of Postgres; {ends}")
