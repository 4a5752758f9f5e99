"""Billing, killed while customers travel and Stripe's webhooks go astray.

A seed is twelve journeys (tests/stripe/journeys.py) whose webhooks come
shuffled, twice, or not at all, half of them all in the same second by Stripe's
clock, while two processes of billing are killed, at named points too. At the
end each account has the plan that the journey has in order, a comparison finds
nothing, and whatever Stripe got a 200 for was written down. Many seeds travel
at once; what one does and what its webhooks meet comes from its own number.
"""
import concurrent.futures
import json
import random
import threading
import time

from crash.pair import CALM, Pair
from e2e.test_billing_journeys import Guest, lost
from kit import billing, stack
from stripe import journeys

BATCH = 25    # seeds at once
KILLS_S = 10  # how long they go on, at least
REST_S = 3    # at most, between two steps of a journey
DESKS = 8     # guests that are let in at once


class SeedsFailed(AssertionError):
    """What is wrong, by seed."""

    def __init__(self, seeds):
        super().__init__(seeds)
        self.seeds = seeds


class Traveller:
    """A guest of a seed, with dice of his own."""

    def __init__(self, url, stripe, seed, name):
        self.seed, self.dice = seed, random.Random(f"{seed} {name}")
        self.guest = Guest(url, stripe, name, self.rest)
        self.id = self.guest.who.customer
        self.account = self.guest.customer.account
        # Webhooks of one second are not of one moment: some are done before
        # the next step, and its own must count, too.
        if self.dice.random() < 0.5:
            stripe.fake("/clock", customer=self.id, stand=True)
        stripe.fake("/chaos", customer=self.id, seed=f"{seed} {name}")

    def rest(self):
        time.sleep(self.dice.uniform(0, REST_S))

    def wrong(self):
        found = self.guest.found()
        return None if found == self.guest.wanted else \
            f"{self.guest.name}: {found}, not {self.guest.wanted}"


def events():
    """(event, customer, state) of each that billing knows."""
    return [line.split("|") for line in stack.postgres(
        "SELECT event_id, customer_id, state FROM stripe_event").splitlines()]


def ties():
    """Events that Stripe's clock can't tell from another of the same object."""
    return int(stack.postgres(
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM "
        "stripe_event WHERE type LIKE 'customer.subscription.%' GROUP BY "
        "object_id, created_at) s WHERE n > 1"))


class Bench:
    def __init__(self, _engine):
        self.stripe = billing.stripe()
        self.pair = Pair(self.stripe, PAWPRINT_BILLING_AWAY_MS="1000",
                         PAWPRINT_BILLING_SWEEP_SECONDS="2")
        self.guests = []

    def close(self):
        self.pair.stop()

    def blame(self, found):
        """(customer, what is wrong) by the seeds whose they are."""
        seeds = {one.id: one.seed for one in self.guests}
        wrong = {}
        for customer, why in found:
            wrong.setdefault(seeds.get(customer, "of none"), []).append(why)
        if wrong:
            raise SeedsFailed(wrong)

    # --- a batch -----------------------------------------------------------

    def forget_all(self):
        """Those who travelled before, here and at Stripe: its fake looks
        through all it has for each answer."""
        self.pair.stop()
        self.stripe.fake("/reset")
        stack.postgres("TRUNCATE stripe_event; UPDATE billing_profile SET "
                       "stripe_customer_id = NULL")
        self.stripe.fake("/settings", after_retries="unpaid")

    def let_in(self, seeds):
        """The guests of the seeds, known to billing and to Stripe."""
        with concurrent.futures.ThreadPoolExecutor(DESKS) as pool:
            self.guests = list(pool.map(
                lambda who: Traveller(self.pair.url, self.stripe, *who),
                [(seed, name) for seed in seeds for name in journeys.JOURNEYS]))

    def kill_on(self, stop):
        end = time.monotonic() + KILLS_S
        while not stop.is_set() or time.monotonic() < end:
            self.pair.kill_one()
            time.sleep(0.2 + self.pair.dice.random() * 0.6)
            self.pair.start_dead()

    def travel(self):
        """All journeys at once, while processes die."""
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(len(self.guests) + 1) as pool:
            killer = pool.submit(self.kill_on, stop)
            try:
                for one in [pool.submit(who.guest.go) for who in self.guests]:
                    one.result()
                stack.until("webhooks have come", lambda: not
                            self.stripe.look()["pending"], 300)
            finally:
                stop.set()
            killer.result()

    def run(self, seeds):
        self.forget_all()
        self.pair.begin(random.Random(seeds[0]))
        self.let_in(seeds)
        self.stripe.fake("/chaos", shuffle_ms=1500, duplicate=0.2, drop=0.1,
                         retry_ms=300, attempts=4)
        try:
            self.travel()
        finally:
            self.stripe.fake("/chaos", **CALM)
            self.pair.settle()
        self.wait()
        return self.check()

    # --- what it came to ---------------------------------------------------

    def left(self):
        """(customer, what) of events that are not done; those that never came
        were fetched."""
        told = events()
        known = {one[0] for one in told}
        return [(customer, f"{name} is {state}") for name, customer, state in
                told if state not in ("done", "ignored")] + \
            [("", f"{name} never came")
             for name in lost(self.stripe) if name not in known]

    def wait(self):
        def is_quiet():
            time.sleep(0.3)
            return not self.stripe.look()["pending"] and not self.left()

        try:
            stack.until("all is told and done", is_quiet, 240)
        except AssertionError:
            self.blame(self.left())
            raise

    def check(self):
        found = [(one.id, one.wrong()) for one in self.guests]
        told, sent = events(), self.stripe.look("/deliveries")["deliveries"]
        known = {one[0] for one in told}
        found += [(one["customer"], f"{one['event']} got a 200 and is not there")
                  for one in sent if one["event"] not in known and
                  any(answer[1] == 200 for answer in one["answers"])]
        self.blame([one for one in found if one[1]])
        self.compare()
        tied = ties()
        assert tied > 0, "no two events of the same second"
        return (f"{len(told)} events, {tied} in the same second, "
                f"{len(lost(self.stripe))} never came, "
                f"{len(sent) - len(told)} twice, {self.pair.kills} kills at "
                f"{len(self.pair.met)} points and between, "
                f"{len(self.guests)} customers as at Stripe")

    def compare(self):
        """Nothing of a profile is other than Stripe has it."""
        found = stack.pawprint("billing", "sync", "all", "--dry-run")
        if found["customers"] == len(self.guests) and \
                found["differed"] == found["failures"] == 0:
            return
        wrong = []
        for one in self.guests:
            done = stack.run_pawprint("billing", "sync", "account", one.account,
                                      "--dry-run")
            if done.returncode or json.loads(done.stdout)["outcome"] != "same":
                wrong.append((one.id, done.stdout + done.stderr))
        self.blame(wrong)
        raise AssertionError(found)
