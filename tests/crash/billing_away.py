"""Stripe's API is away for an hour, and the webhooks come all the same.

A seed is twelve journeys (tests/stripe/journeys.py) and three customers who
leave, all in that hour. Until it is over no profile changes; then each account
becomes what it is at Stripe, and no event has spent an attempt. Billing runs as
it does at a customer's; CRASH_AWAY_S=60 makes the hour a minute, and its longest
pause shorter in proportion.
"""
import concurrent.futures
import json
import os
import random
import time

from crash.pair import CALM, Pair
from e2e.test_billing_journeys import Guest
from kit import billing, stack
from stripe import journeys

AWAY_S = int(os.environ.get("CRASH_AWAY_S", "3600"))
LEAVE = 3
PAUSE_MS = AWAY_S * 1000 // 12  # of an hour: the five minutes of the setting
FAULTS = ({"kind": "error", "status": 500}, {"kind": "error", "status": 429},
          {"kind": "error", "status": 401}, {"kind": "hangup"})


def leave(who):
    who.update(cancel_at_period_end=True)
    who.wait(journeys.MONTH)


def profiles():
    return stack.postgres("SELECT account_id, version, plan_code, "
                          "subscription_status FROM billing_profile ORDER BY 1")


def open_events():
    return int(stack.postgres("SELECT count(*) FROM stripe_event WHERE state IN "
                              "('new', 'failed')"))


class Bench:
    def __init__(self, _engine):
        self.stripe = billing.stripe()
        self.stripe.fake("/settings", after_retries="unpaid")
        self.pair = Pair(self.stripe, PAWPRINT_BILLING_SWEEP_SECONDS="3600",
                         PAWPRINT_BILLING_AWAY_MS=str(max(500, PAUSE_MS)))

    def close(self):
        self.pair.stop()

    def go_away(self, dice):
        """For billing, which names no client, and not for the journeys."""
        self.stripe.call("DELETE", "/_fake/faults")
        self.stripe.call("POST", "/_fake/faults", json.dumps(
            {"client": "", **dice.choice(FAULTS)}).encode())

    def new_guests(self):
        guests = [Guest(self.pair.url, self.stripe, name, lambda: None)
                  for name in journeys.JOURNEYS]
        leaving = [Guest(self.pair.url, self.stripe, "upgrade", lambda: None)
                   for _ in range(LEAVE)]
        for one in leaving:
            one.go()
        stack.until("they have a plan", lambda: all(
            one.found() == one.wanted for one in leaving) and not open_events())
        for one in leaving:
            one.travel, one.wanted = leave, ("FREE", "canceled")
        return guests + leaving

    def run(self, seed):
        dice = random.Random(seed)
        self.pair.begin(dice)
        guests = self.new_guests()
        before = profiles()
        self.stripe.fake("/chaos", seed=seed, shuffle_ms=500, duplicate=0.2)
        try:
            looks = self.be_away(dice, guests, before)
        finally:
            self.stripe.call("DELETE", "/_fake/faults")
            self.stripe.fake("/chaos", **CALM)
        waiting, began = open_events(), time.monotonic()
        stack.until("all is done", lambda: not open_events(), 60 + AWAY_S / 6)
        took = time.monotonic() - began
        self.check(guests)
        return (f"{AWAY_S} s away: {looks} looks, nothing changed; then "
                f"{waiting} events were done within {took:.0f} s, "
                f"{len(guests)} customers as at Stripe")

    def be_away(self, dice, guests, before):
        """How often it was looked whether something changed."""
        end, looks = time.monotonic() + AWAY_S, 0
        self.go_away(dice)
        with concurrent.futures.ThreadPoolExecutor(len(guests)) as pool:
            for one in guests:
                one.who.rest = lambda: time.sleep(dice.random() * AWAY_S / 10)
            under_way = [pool.submit(one.go) for one in guests]
            while time.monotonic() < end:
                time.sleep(AWAY_S / 30)
                self.go_away(dice)
                assert profiles() == before, profiles()
                looks += 1
            for one in under_way:
                one.result()
        assert open_events() > 0, "no event came meanwhile"
        return looks

    def check(self, guests):
        wrong = [(one.name, one.found(), one.wanted) for one in guests
                 if one.found() != one.wanted]
        assert not wrong, wrong
        spent = stack.postgres("SELECT event_id, attempts, last_error FROM "
                               "stripe_event WHERE attempts > 2 OR state NOT IN "
                               "('done', 'ignored')")
        assert not spent, spent
        told = stack.postgres("SELECT count(*) FROM notification WHERE "
                              "business_key LIKE 'stripe/away/%' OR "
                              "business_key LIKE 'stripe/denied/%'")
        assert int(told) > 0, "staff were not told"
        found = stack.pawprint("billing", "sync", "all", "--dry-run")
        assert found["differed"] == found["failures"] == 0, found
