"""Customers' journeys through Stripe end in Pawprint where they end at Stripe,
in whatever order the webhooks come, twice or not at all."""
import concurrent.futures
import random
import subprocess
import time

from kit import billing, stack
from stripe import journeys

TRAVELLERS = 2  # of each journey
REST_S = 0.4    # at most, between two steps, so that webhooks come meanwhile
CHAOS = {"seed": 20, "shuffle_ms": 1000, "duplicate": 0.2, "drop": 0.1}
CALM = {"shuffle_ms": 0, "duplicate": 0, "drop": 0}


def rest():
    time.sleep(random.uniform(0, REST_S))


class Guest:
    """Somebody on a journey whom billing knows as its customer."""

    def __init__(self, url, stripe, name):
        self.name = name
        self.travel, self.wanted = journeys.JOURNEYS[name]
        self.customer = billing.Customer(url, name)
        session = stripe.get(
            f"/checkout/sessions/{self.customer.checkout()}")
        stripe.post(f"/checkout/sessions/{session['id']}/expire")
        self.who = journeys.Traveller(stripe, session["customer"],
                                      self.customer.account, rest)

    def go(self):
        self.travel(self.who)

    def found(self):
        profile = self.customer.profile()
        return profile["plan"], profile["status"]


def states():
    """Of each event that billing knows."""
    done = subprocess.run(
        ["psql", "-qAtX", stack.address("PAWPRINT_POSTGRES_DSN"), "-c",
         "SELECT event_id, state FROM stripe_event"],
        check=True, capture_output=True, text=True)
    return dict(line.split("|") for line in done.stdout.splitlines())


def events(stripe, **wanted):
    """Ids of what has happened at Stripe."""
    found, page = [], {"has_more": True}
    while page["has_more"]:
        last = {"starting_after": found[-1]} if found else {}
        page = stripe.get("/events", limit=100, **wanted, **last)
        found += [one["id"] for one in page["data"]]
    return set(found)


def is_all_done(stripe, before):
    """What has happened at Stripe since has come to billing, and is done."""
    if stripe.look()["pending"]:
        return False
    known = states()
    here = {known.get(name) for name in events(stripe) - before}
    assert "dead" not in here
    return here <= {"done", "ignored"}


def test_every_journey_ends_in_pawprint_as_at_stripe():
    stripe = billing.stripe()
    before = events(stripe)
    with billing.running() as url:
        try:
            stripe.fake("/settings", after_retries="unpaid")
            guests = [Guest(url, stripe, name) for name in journeys.JOURNEYS
                      for _ in range(TRAVELLERS)]
            stripe.fake("/chaos", **CHAOS)
            with concurrent.futures.ThreadPoolExecutor(len(guests)) as pool:
                list(pool.map(Guest.go, guests))
            stripe.fake("/chaos", **CALM)
            stack.until("all is told and done", lambda: is_all_done(stripe, before))
        finally:
            stripe.fake("/chaos", **CALM)
            stripe.fake("/settings", after_retries="cancel")
        wrong = [(one.name, one.found(), one.wanted) for one in guests
                 if one.found() != one.wanted]
        assert wrong == [], wrong
        told = events(stripe) - before
        lost = told & events(stripe, delivery_success="false")
        return f"{len(guests)} customers, {len(told)} events, {len(lost)} lost"
