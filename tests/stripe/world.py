"""What the fake Stripe holds: objects by kind, events, timers, settings.

Whoever calls holds `lock`. Names of fields that begin with _ are ours and
never leave (see shapes.py).
"""
import copy
import heapq
import itertools
import json
import pathlib
import random
import threading

from stripe.clock import Clock
from stripe.errors import missing

PLANS = pathlib.Path(__file__).resolve().parents[2] / "schemas/plans.json"
API_VERSION = "2026-07-29.dahlia"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CENTS = {"month": 900, "year": 9000}  # where the catalogue names no amount
ANY = random.SystemRandom()

SETTINGS = {
    "api_version": API_VERSION,  # of events, and of requests that name none
    "retry_days": [3, 5, 7],     # after the first failure, each payment again
    "after_retries": "cancel",   # or "unpaid", "past_due"
    "livemode": False,
}


class World:
    def __init__(self, clock=None, plans=PLANS):
        self.lock = threading.RLock()
        self.plans = plans
        self.clock = clock or Clock()
        self.listener = lambda event: None  # the sender's
        self.reset()

    def reset(self):
        """As new, except for who listens."""
        self.clock.reset()
        self.kinds, self.timers = {}, []
        self.order = itertools.count()
        self.settings = copy.deepcopy(SETTINGS)
        self.request = (None, None)  # id and idempotency key of what is served
        self.add_prices(json.loads(pathlib.Path(self.plans).read_text("utf-8")))

    # --- objects -----------------------------------------------------------

    def new_id(self, prefix):
        """Never one of an earlier life: whoever is tested may remember those."""
        return prefix + "_" + "".join(ANY.choices(LETTERS, k=24))

    def add(self, kind, prefix, customer=None, **fields):
        """A new object of that kind; its id is made unless it is given."""
        one = {"id": fields.pop("id", None) or self.new_id(prefix),
               "object": kind, "created": self.clock.now(customer),
               "livemode": self.settings["livemode"], **fields}
        if customer is not None:
            one["customer"] = customer
        self.kinds.setdefault(kind, {})[one["id"]] = one
        return one

    def all(self, kind, **wanted):
        """The newest first, like every list of Stripe's."""
        return [one for one in reversed(self.kinds.get(kind, {}).values())
                if all(one.get(name) == value
                       for name, value in wanted.items())]

    def get(self, kind, name, param="id"):
        one = self.kinds.get(kind, {}).get(name)
        if one is None:
            raise missing(kind.rpartition(".")[2], name, param)
        return one

    def find(self, name):
        """Whatever has that id, or None."""
        return next((kind[name] for kind in self.kinds.values()
                     if name in kind), None)

    def forget(self, customer):
        """As if it had never been there: 404 from now on."""
        for kind in ("customer", "subscription", "invoice",
                     "subscription_schedule"):
            for one in self.all(kind):
                if customer in (one["id"], one.get("customer")):
                    del self.kinds[kind][one["id"]]
        self.timers = [one for one in self.timers if one[3] != customer]
        heapq.heapify(self.timers)

    def add_prices(self, catalogue):
        """Those that the catalogue of plans names, PLAN_month and PLAN_year."""
        for rank, plan in enumerate(catalogue["plans"]):
            if not plan["price_ids"]:
                continue
            product = self.add("product", "prod", active=True, metadata={},
                               id="prod_" + plan["code"].lower(),
                               name=plan["display_name"])
            offers = {one["price_id"]: one
                      for one in plan.get("offers", {}).values()}
            for name in plan["price_ids"]:
                interval = "year" if name.endswith("_year") else "month"
                offer = offers.get(name, {
                    "amount": CENTS[interval] * 3 ** (rank - 1),
                    "currency": "usd"})
                self.add_price(product["id"], interval, offer["amount"],
                               offer["currency"], id=name,
                               lookup_key=name.removeprefix("price_"))

    def add_price(self, product, interval, cents, currency="usd", **fields):
        return self.add("price", "price", active=True, product=product,
                        type="recurring", unit_amount=cents, currency=currency,
                        recurring={"interval": interval, "interval_count": 1,
                                   "usage_type": "licensed"},
                        **{"lookup_key": None, "metadata": {}, **fields})

    # --- events ------------------------------------------------------------

    def emit(self, kind, about, previous=None):
        """An event with the object as it is now, to whoever listens."""
        customer = about["id"] if about["object"] == "customer" else \
            about.get("customer") or about.get("_customer")
        event = self.add("event", "evt", type=kind, _about=copy.deepcopy(about),
                         _previous=previous, _delivered=False,
                         _customer=customer,
                         api_version=self.settings["api_version"],
                         request=dict(zip(("id", "idempotency_key"),
                                          self.request)))
        event["created"] = self.clock.now(customer)
        self.listener(event)
        return event

    def change(self, one, kind=None, **fields):
        """Sets fields and, where one differs, says so by an event."""
        previous = {name: copy.deepcopy(one.get(name)) for name in fields
                    if one.get(name) != fields[name]}
        one.update(fields)
        if previous and kind:
            shown = {name: value for name, value in previous.items()
                     if not name.startswith("_")}
            self.emit(kind, one, shown)
        return bool(previous)

    # --- time --------------------------------------------------------------

    def at(self, instant, customer, action, *words, rank=1):
        """Calls action(*words) when it is then for the customer; of those at
        one instant the lower rank goes first."""
        heapq.heappush(self.timers, (instant, rank, next(self.order), customer,
                                     action, words))

    def next_timer(self, customer=None):
        """(seconds until it is due, timer), of one customer or of all."""
        mine = [one for one in self.timers
                if customer is None or one[3] == customer]
        return min(((one[0] - self.clock.now(one[3]), one) for one in mine),
                   default=(None, None), key=lambda pair: (pair[0], pair[1][1:3]))

    def advance(self, seconds, customer=None):
        """Lets time pass for one customer or all; what is due then happens,
        each thing at its own instant."""
        goal = self.clock.now(customer) + seconds
        while True:
            wait, timer = self.next_timer(customer)
            if timer is None or self.clock.now(customer) + wait > goal:
                break
            self.clock.reach(self.clock.now(customer) + wait, customer)
            self.timers.remove(timer)
            heapq.heapify(self.timers)
            timer[4](*timer[5])
        self.clock.reach(goal, customer)
