"""Twelve journeys of a customer through the fake Stripe, and where each ends.

A journey is a function of a Traveller. What it leaves behind is a pair: the plan
that is in force and the status of the subscription that decides it. It holds
whatever the order is in which the webhooks come.
"""
from stripe.clock import DAY

MONTH = 31 * DAY  # no month is longer
BASIC, PREMIUM = "price_basic_month", "price_premium_month"


class Traveller:
    """One customer at the fake; `customer` is an id that exists there. rest()
    is called before each step."""

    def __init__(self, client, customer, account=None, rest=lambda: None):
        self.client, self.customer, self.account = client, customer, account
        self.subscription, self.rest = None, rest

    def checkout(self, price, payment="ok", **data):
        """Through Stripe's page, and what it makes of it."""
        self.rest()
        about = {"account_id": self.account} if self.account else {}
        more = {"client_reference_id": self.account} if self.account else {}
        session = self.client.post(
            "/checkout/sessions", mode="subscription", customer=self.customer,
            line_items=[{"price": price, "quantity": 1}], metadata=about,
            success_url="https://app.example/done?s={CHECKOUT_SESSION_ID}",
            cancel_url="https://app.example/no",
            subscription_data={"metadata": about, **data}, **more)
        done = self.client.fake(f"/checkout/{session['id']}/complete",
                                payment=payment)
        self.subscription = done["subscription"]
        return done

    def current(self):
        return self.client.get(f"/subscriptions/{self.subscription}")

    def update(self, **params):
        self.rest()
        return self.client.post(f"/subscriptions/{self.subscription}", **params)

    def change(self, price):
        item = self.current()["items"]["data"][0]["id"]
        self.update(items=[{"id": item, "price": price}],
                    proration_behavior="always_invoice")

    def downgrade_later(self, price):
        self.rest()
        self.client.fake(f"/subscriptions/{self.subscription}/downgrade",
                         price=price)

    def pay_with(self, method):
        self.rest()
        self.client.fake(f"/customers/{self.customer}/payment", method=method)

    def wait(self, seconds):
        self.rest()
        self.client.fake("/clock", advance=seconds, customer=self.customer)


def subscribe(who):
    who.checkout(BASIC)


def upgrade(who):
    who.checkout(BASIC)
    who.change(PREMIUM)


def downgrade(who):
    who.checkout(PREMIUM)
    who.change(BASIC)


def scheduled_downgrade(who):
    who.checkout(PREMIUM)
    who.downgrade_later(BASIC)
    who.wait(MONTH)


def cancel(who):
    who.checkout(BASIC)
    who.update(cancel_at_period_end=True)
    who.wait(MONTH)


def resume(who):
    who.checkout(BASIC)
    who.update(cancel_at_period_end=True)
    who.update(cancel_at_period_end=False)
    who.wait(MONTH)


def trial_to_paid(who):
    who.checkout(PREMIUM, trial_period_days=14)
    who.wait(12 * DAY)
    who.wait(3 * DAY)


def trial_to_paused(who):
    who.checkout(BASIC, payment="none", trial_period_days=14, trial_settings={
        "end_behavior": {"missing_payment_method": "pause"}})
    who.wait(12 * DAY)  # the warning comes three days before the end
    who.wait(3 * DAY)


def failed_and_recovered(who):
    who.checkout(BASIC)
    who.pay_with("declined")
    who.wait(MONTH)
    who.pay_with("ok")
    who.wait(4 * DAY)  # the first retry is three days after the failure


def unpaid(who):
    """Where the setting is that a subscription stays, unpaid."""
    who.client.fake("/settings", after_retries="unpaid")
    who.checkout(BASIC)
    who.pay_with("declined")
    who.wait(MONTH + 16 * DAY)


def disputed(who):
    who.checkout(BASIC)
    dispute = who.client.fake(f"/customers/{who.customer}/dispute")
    who.client.fake(f"/disputes/{dispute['id']}/close", status="lost")


def two_subscriptions(who):
    """The better one counts, whichever came first."""
    who.checkout(PREMIUM)
    who.checkout(BASIC)


JOURNEYS = {
    "subscribe": (subscribe, ("BASIC", "active")),
    "upgrade": (upgrade, ("PREMIUM", "active")),
    "downgrade": (downgrade, ("BASIC", "active")),
    "scheduled downgrade": (scheduled_downgrade, ("BASIC", "active")),
    "cancel": (cancel, ("FREE", "canceled")),
    "resume": (resume, ("BASIC", "active")),
    "trial to paid": (trial_to_paid, ("PREMIUM", "active")),
    "trial to paused": (trial_to_paused, ("FREE", "paused")),
    "failed payment and recovery": (failed_and_recovered, ("BASIC", "active")),
    "unpaid": (unpaid, ("FREE", "unpaid")),
    "dispute": (disputed, ("BASIC", "active")),
    "two subscriptions": (two_subscriptions, ("PREMIUM", "active")),
}

RANK = ("FREE", "BASIC", "PREMIUM")
FULL = ("active", "trialing", "past_due")


def outcome(client, customer):
    """(plan, status) that the rules make of what Stripe holds now."""
    found = client.get("/subscriptions", customer=customer, status="all",
                       limit=100)["data"]
    plans = [(one["items"]["data"][0]["price"]["id"].split("_")[1].upper(),
              one["status"]) for one in found]
    live = [one for one in plans if one[1] in FULL]
    if live:
        return max(live, key=lambda one: RANK.index(one[0]))
    return "FREE", plans[0][1]
