"""Billing, killed while customers travel and Stripe's webhooks go astray.

A seed is twelve journeys at once (tests/stripe/journeys.py) whose webhooks come
shuffled, twice, or not at all, while two processes of billing are killed, at
named points too. At the end each account has the plan that Stripe has, a
comparison finds nothing, and whatever Stripe got a 200 for was written down.
"""
import concurrent.futures
import json
import random
import signal
import subprocess
import threading
import time

from e2e.test_billing_journeys import Guest, Watch, states
from kit import billing, stack
from stripe import journeys

POINTS = [f"B{n}" for n in range(1, 12)]
KILLS_S = 12  # how long they go on, at least
CALM = {"shuffle_ms": 0, "duplicate": 0, "drop": 0}


class Process:
    """One of billing, on a port that stays its own."""

    def __init__(self, number):
        self.port, self.process = billing.free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = stack.folder() / "log" / f"billing-{number}"

    def start(self, crash=""):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [stack.ROOT / "build/bin/billing"], stdout=log, stderr=log,
                env={**billing.environment(self.port, {}),
                     "PAWPRINT_LIMIT_BILLING_READ": "off",
                     "PAWPRINT_BILLING_AWAY_MS": "1000",
                     "PAWPRINT_CRASH": crash})

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, how=signal.SIGKILL):
        if self.runs():
            self.process.send_signal(how)
            self.process.wait(60)

    def await_ready(self):
        stack.until("billing answers", lambda: billing.is_ready(self.url))


class Bench:
    def __init__(self, _engine):
        self.stripe, self.dice, self.kills = billing.stripe(), None, 0
        self.processes = [Process(n) for n in range(2)]
        secret = (stack.folder() / "stripe/secrets").read_text(
            encoding="ascii").split()[1]
        self.stripe.fake("/endpoint", secrets=[secret],
                         url=self.processes[0].url + "/webhooks/stripe")
        self.stripe.fake("/settings", after_retries="unpaid")

    def close(self):
        for one in self.processes:
            one.kill(signal.SIGTERM)

    def all_run(self):
        for one in self.processes:
            if not one.runs():
                one.start()
            one.await_ready()

    def kill_on(self, stop):
        """Those that died at a point by themselves are started, too."""
        points = POINTS * 2
        self.dice.shuffle(points)
        end = time.monotonic() + KILLS_S
        while not stop.is_set() or time.monotonic() < end:
            victim = self.dice.choice(self.processes)
            victim.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
            crash = ""
            if points and self.dice.random() < 0.8:
                crash = f"{points.pop()}:{self.dice.randint(1, 4)}"
            victim.start(crash)
            time.sleep(0.2 + self.dice.random() * 0.6)
            for one in self.processes:
                if not one.runs():
                    self.kills += 1
                    one.start()

    def travel(self, guests):
        """All journeys at once, while processes die."""
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(len(guests) + 1) as pool:
            killer = pool.submit(self.kill_on, stop)
            for one in [pool.submit(guest.go) for guest in guests]:
                one.result()
            stop.set()
            killer.result()

    def answered(self, watch):
        """Events for which Stripe got a 200, since the seed began."""
        return {one["event"] for one in
                self.stripe.look("/deliveries")["deliveries"]
                if one["event"] and one["event"] not in watch.past and
                any(answer[1] == 200 for answer in one["answers"])}

    def run(self, seed):
        self.dice, self.kills = random.Random(seed), 0
        self.all_run()
        watch = Watch(self.stripe)
        rests = random.Random(seed)
        guests = [Guest(self.processes[0].url, self.stripe, name,
                        lambda: time.sleep(rests.uniform(0, 2)))
                  for name in journeys.JOURNEYS]
        self.stripe.fake("/chaos", seed=seed, shuffle_ms=1500, duplicate=0.2,
                         drop=0.1, retry_ms=300, attempts=4)
        try:
            self.travel(guests)
        finally:
            self.stripe.fake("/chaos", **CALM)
            for one in self.processes:  # a point that was not met yet is left
                one.kill()
            self.all_run()
        watch.wait()
        return self.check(guests, watch)

    def check(self, guests, watch):
        wrong = [(one.name, one.found(), one.wanted) for one in guests
                 if one.found() != one.wanted]
        assert not wrong, wrong
        answered, written = self.answered(watch), set(states())
        assert answered <= written, answered - written
        done = stack.run_pawprint("billing", "sync", "all", "--dry-run")
        found = json.loads(done.stdout)
        assert found["differed"] == found["failures"] == 0, done
        return (f"{len(watch.told())} events, {len(watch.lost())} never came, "
                f"{self.kills} deaths at points, "
                f"{found['customers']} customers as at Stripe")
