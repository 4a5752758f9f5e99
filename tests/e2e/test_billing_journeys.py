"""Customers' journeys through Stripe end in Pawprint where they end at Stripe,
whether webhooks come as they should or in any order, twice or not at all."""
import concurrent.futures
import contextlib
import random
import time

from kit import billing, stack
from stripe import journeys

CHAOS = {"seed": 20, "shuffle_ms": 1000, "duplicate": 0.2, "drop": 0.1}
CALM = {"shuffle_ms": 0, "duplicate": 0, "drop": 0}
REST_S = 0.5  # at most, between two steps, so that webhooks come meanwhile


def states():
    """Of each event that billing knows."""
    rows = stack.postgres("SELECT event_id, state FROM stripe_event")
    return dict(line.split("|") for line in rows.splitlines())


def lost(stripe):
    """Ids of events that nobody delivered."""
    found, page = [], {"has_more": True}
    while page["has_more"]:
        last = {"starting_after": found[-1]} if found else {}
        page = stripe.get("/events", limit=100, delivery_success="false", **last)
        found += [one["id"] for one in page["data"]]
    return set(found)


class Watch:
    """What has become of the events since now."""

    def __init__(self, stripe):
        self.stripe = stripe
        self.past = set(states()) | lost(stripe)

    def told(self):
        return {name: state for name, state in states().items()
                if name not in self.past}

    def lost(self):
        return lost(self.stripe) - self.past

    def is_all_done(self):
        """Each has come to billing, by webhook or by its sweep, and is done."""
        if self.stripe.look()["pending"]:
            return False
        told = self.told()
        assert "dead" not in told.values()
        return self.lost() <= set(told) and \
            set(told.values()) <= {"done", "ignored"}

    def wait(self):
        stack.until("all is told and done", self.is_all_done, 120)


class Guest:
    """Somebody on a journey whom billing knows as its customer."""

    def __init__(self, url, stripe, name, rest):
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


@contextlib.contextmanager
def stage():
    """The stack's fake with its own settings, and billing's URL."""
    stripe = billing.stripe()
    with billing.running() as url:
        try:
            stripe.fake("/settings", after_retries="unpaid")
            yield stripe, url
        finally:
            stripe.fake("/chaos", **CALM)
            stripe.fake("/settings", after_retries="cancel")


def check(guests, watch):
    """All have arrived where they had to; says what it took."""
    watch.wait()
    found = [(one.name, one.found(), one.wanted) for one in guests]
    wrong = [one for one in found if one[1] != one[2]]
    assert wrong == [], wrong
    return (f"{len(guests)} customers, {len(watch.told())} events, "
            f"{len(watch.lost())} lost")


def test_every_journey_ends_as_at_stripe_when_each_webhook_comes_at_once():
    """Each step is done before the next, so the last has to count, too."""
    with stage() as (stripe, url):
        watch = Watch(stripe)
        guests = [Guest(url, stripe, name, watch.wait)
                  for name in journeys.JOURNEYS]
        for one in guests:
            one.go()
        return check(guests, watch)


def test_every_journey_ends_as_at_stripe_in_any_order_of_webhooks():
    """Late, twice or not at all."""
    with stage() as (stripe, url):
        watch = Watch(stripe)
        guests = [Guest(url, stripe, name,
                        lambda: time.sleep(random.uniform(0, REST_S)))
                  for name in journeys.JOURNEYS for _ in range(2)]
        stripe.fake("/chaos", **CHAOS)
        with concurrent.futures.ThreadPoolExecutor(len(guests)) as pool:
            list(pool.map(Guest.go, guests))
        stripe.fake("/chaos", **CALM)
        return check(guests, watch)
