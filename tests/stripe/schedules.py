"""Schedules: what a subscription will be later, such as a downgrade at the
end of its period. [Stripe API, Subscription Schedules]
"""
from stripe.errors import invalid

LIVE = ("not_started", "active")


class Schedules:
    def __init__(self, world, subscriptions):
        self.world, self.subscriptions = world, subscriptions
        subscriptions.released = self.subscription_ended

    def phase(self, start, end, price):
        return {"start_date": start, "end_date": end, "metadata": {},
                "items": [{"price": price, "quantity": 1}]}

    def from_subscription(self, subscription):
        """One phase: the period that runs."""
        self.subscriptions.alive(subscription)
        if subscription["schedule"]:
            raise invalid("You cannot migrate a subscription that is already "
                          "attached to a schedule", "from_subscription")
        world, start = self.world, subscription["current_period_start"]
        one = world.add(
            "subscription_schedule", "sub_sched", subscription["customer"],
            subscription=subscription["id"], status="active",
            end_behavior="release", released_at=None, canceled_at=None,
            completed_at=None, released_subscription=None, metadata={},
            current_phase={"start_date": start,
                           "end_date": subscription["current_period_end"]},
            phases=[self.phase(start, subscription["current_period_end"],
                               self.subscriptions.price(subscription)["id"])])
        world.emit("subscription_schedule.created", one)
        world.change(subscription, "customer.subscription.updated",
                     schedule=one["id"])
        return one

    def set_phases(self, one, phases, end_behavior="release"):
        if one["status"] not in LIVE:
            raise invalid(f"The schedule is {one['status']}")
        end = phases[0]["end_date"] or one["current_phase"]["end_date"]
        phases[0]["end_date"] = end
        self.world.change(one, "subscription_schedule.updated", phases=phases,
                          end_behavior=end_behavior)
        if len(phases) > 1: # before the period that begins then is billed
            self.world.at(end, one["customer"], self.next_phase, one, end, rank=0)

    def next_phase(self, one, end):
        if one["status"] not in LIVE or one["phases"][0]["end_date"] != end:
            return
        subscription = self.world.get("subscription", one["subscription"])
        price = self.world.get("price", one["phases"][1]["items"][0]["price"])
        items = [{**subscription["items"][0], "price": price}]
        self.world.change(subscription, "customer.subscription.updated",
                          items=items)
        self.release(one)

    def release(self, one):
        """The subscription goes on without it."""
        if one["status"] not in LIVE:
            raise invalid(f"The schedule is {one['status']}")
        subscription = self.world.get("subscription", one["subscription"])
        now = self.world.clock.now(one["customer"])
        self.world.change(one, "subscription_schedule.released",
                          status="released", released_at=now, subscription=None,
                          released_subscription=subscription["id"],
                          current_phase=None)
        self.world.change(subscription, "customer.subscription.updated",
                          schedule=None)

    def cancel(self, one):
        """The subscription ends with it."""
        if one["status"] not in LIVE:
            raise invalid(f"The schedule is {one['status']}")
        subscription = self.world.get("subscription", one["subscription"])
        self.subscriptions.end(subscription, "canceled",
                               "cancellation_requested")

    def subscription_ended(self, subscription):
        name = subscription["schedule"]
        if name:
            self.world.change(
                self.world.get("subscription_schedule", name),
                "subscription_schedule.canceled", status="canceled",
                canceled_at=self.world.clock.now(subscription["customer"]))
