"""Subscriptions: their statuses, what moves them from one to the next, and
when. [Stripe docs, How subscriptions work; Subscription invoices; Trials]

    incomplete --paid--> active --payment fails--> past_due --paid--> active
        |23 h                                          |retries are over
    incomplete_expired                     canceled, unpaid or still past_due
    trialing --trial ends--> active, past_due, paused or canceled
"""
from stripe.clock import DAY, HOUR, period_end
from stripe.errors import declined, invalid

ENDED = ("canceled", "incomplete_expired")
UPDATED = "customer.subscription.updated"
MISSING_METHOD = ("create_invoice", "pause", "cancel")
INCOMPLETE_FOR = 23 * HOUR


class Subscriptions:
    def __init__(self, world, invoices):
        self.world, self.invoices = world, invoices
        self.released = lambda one: None  # set by Schedules
        invoices.paid, invoices.failed = self.paid, self.failed
        invoices.gave_up = self.gave_up

    def now(self, one):
        return self.world.clock.now(one["customer"])

    def price(self, one):
        return one["items"][0]["price"]

    # --- beginning ---------------------------------------------------------

    def item(self, price, quantity):
        return {"id": self.world.new_id("si"), "object": "subscription_item",
                "price": price, "quantity": quantity, "metadata": {}}

    def make(self, customer, price, quantity=1, trial_days=0, metadata=None,
             behavior="allow_incomplete", missing_method="create_invoice"):
        """A new subscription and its first invoice; tells of both."""
        world, name = self.world, customer["id"]
        if price["recurring"] is None:
            raise invalid("The price is not recurring", "items[0][price]")
        now = world.clock.now(name)
        trial_end = now + trial_days * DAY if trial_days else None
        one = world.add(
            "subscription", "sub", name, status="incomplete", start_date=now,
            items=[self.item(price, quantity)], currency=price["currency"],
            metadata=metadata or {}, cancel_at_period_end=False, cancel_at=None,
            canceled_at=None, ended_at=None, schedule=None, pending_update=None,
            pause_collection=None, latest_invoice=None, days_until_due=None,
            collection_method="charge_automatically", default_payment_method=None,
            trial_start=now if trial_days else None, trial_end=trial_end,
            trial_settings={"end_behavior":
                            {"missing_payment_method": missing_method}},
            cancellation_details={"comment": None, "feedback": None,
                                  "reason": None})
        if trial_end:
            self.begin_trial(one)
        else:
            self.begin_paying(one, customer, behavior)
        return one

    def begin_period(self, one, start, end):
        one.update(current_period_start=start, current_period_end=end)
        self.world.at(end, one["customer"], self.end_period, one, end)

    def begin_trial(self, one):
        world, end = self.world, one["trial_end"]
        one.update(status="trialing", billing_cycle_anchor=end)
        self.begin_period(one, one["trial_start"], end)
        world.emit("customer.subscription.created", one)
        first = self.invoices.make(one, "subscription_create", 0)
        self.invoices.attempt(first)
        world.at(max(end - 3 * DAY, self.now(one)), one["customer"],
                 self.warn_of_trial_end, one)

    def begin_paying(self, one, customer, behavior):
        now, price = one["start_date"], self.price(one)
        if behavior == "error_if_incomplete" and customer["_payment"] != "ok":
            del self.world.kinds["subscription"][one["id"]]
            raise declined()
        one["billing_cycle_anchor"] = now
        self.begin_period(one, now, period_end(
            now, now, price["recurring"]["interval"]))
        self.world.emit("customer.subscription.created", one)
        first = self.invoices.make(one, "subscription_create", self.cost(one))
        if behavior != "default_incomplete" and self.invoices.attempt(first) \
                and one["status"] == "incomplete":  # the money is on its way
            self.world.change(one, UPDATED, status="active")
        if one["status"] == "incomplete":
            self.world.at(now + INCOMPLETE_FOR, one["customer"],
                          self.expire, one)

    def cost(self, one):
        return sum(item["price"]["unit_amount"] * item["quantity"]
                   for item in one["items"])

    # --- what payments do --------------------------------------------------

    def of(self, invoice):
        return self.world.get("subscription", invoice["subscription"])

    def paid(self, invoice):
        one = self.of(invoice)
        if one["pending_update"] and one["latest_invoice"] == invoice["id"]:
            self.apply_pending(one)
        elif one["status"] in ("incomplete", "past_due", "unpaid"):
            self.world.change(one, UPDATED, status="active")

    def failed(self, invoice):
        one = self.of(invoice)
        if one["status"] in ("active", "trialing") and \
                not one["pending_update"]:
            self.world.change(one, UPDATED, status="past_due")

    def gave_up(self, invoice):
        """After the last retry."""
        one, then = self.of(invoice), self.world.settings["after_retries"]
        if one["status"] != "past_due":
            return
        if then == "cancel":
            self.end(one, "canceled", "payment_failed")
        elif then == "unpaid":
            self.world.change(one, UPDATED, status="unpaid")

    # --- what time does ----------------------------------------------------

    def warn_of_trial_end(self, one):
        if one["status"] == "trialing":
            self.world.emit("customer.subscription.trial_will_end", one)

    def expire(self, one):
        """Nobody paid the first invoice."""
        if one["status"] != "incomplete":
            return
        self.invoices.void(self.world.get("invoice", one["latest_invoice"]))
        self.end(one, "incomplete_expired")

    def end_period(self, one, end):
        if one["status"] in ENDED or one["current_period_end"] != end:
            return
        if one["cancel_at_period_end"]:
            self.end(one, "canceled", "cancellation_requested")
        elif one["status"] == "trialing":
            self.end_trial(one)
        elif one["status"] != "paused":
            self.renew(one)

    def end_trial(self, one):
        customer = self.world.get("customer", one["customer"])
        missing = one["trial_settings"]["end_behavior"]["missing_payment_method"]
        if customer["_payment"] == "none" and missing == "pause":
            self.world.change(one, "customer.subscription.paused",
                              status="paused")
        elif customer["_payment"] == "none" and missing == "cancel":
            self.end(one, "canceled", "cancellation_requested")
        else:
            self.renew(one, status="active")

    def renew(self, one, **fields):
        """The next period, and its invoice."""
        start, price = one["current_period_end"], self.price(one)
        before = {name: one[name] for name in
                  ("current_period_start", "current_period_end", "status")}
        self.begin_period(one, start, period_end(
            one["billing_cycle_anchor"], start, price["recurring"]["interval"]))
        one.update(fields)
        self.world.emit(UPDATED, one, before)
        self.bill(one)

    def bill(self, one):
        """The invoice of a period that begins."""
        paused = one["pause_collection"]
        draft = one["status"] == "unpaid" or \
            bool(paused) and paused["behavior"] == "keep_as_draft"
        invoice = self.invoices.make(one, "subscription_cycle", self.cost(one),
                                     draft=draft)
        if paused and not draft:
            self.invoices.void(invoice, {
                "void": "voided"}.get(paused["behavior"], "marked_uncollectible"))
        elif not draft:
            self.invoices.attempt(invoice)

    # --- what people do ----------------------------------------------------

    def alive(self, one):
        if one["status"] in ENDED:
            raise invalid("A canceled subscription can only update its "
                          "cancellation_details and metadata.")

    def end(self, one, status, reason=None):
        """There is nothing after this."""
        now = self.now(one)
        one["cancellation_details"]["reason"] = reason
        kind = UPDATED if status == "incomplete_expired" else \
            "customer.subscription.deleted"
        self.world.change(one, kind, status=status, ended_at=now,
                          canceled_at=one["canceled_at"] or now)
        self.released(one)

    def cancel_later(self, one, wanted):
        """At the end of the period; False takes it back."""
        self.world.change(
            one, UPDATED, cancel_at_period_end=wanted,
            canceled_at=self.now(one) if wanted else None,
            cancel_at=one["current_period_end"] if wanted else None)

    def cancel_at(self, one, instant):
        """At an instant of its own, or never when that is None."""
        self.world.change(one, UPDATED, cancel_at=instant,
                          canceled_at=self.now(one) if instant else None)
        if instant:
            self.world.at(instant, one["customer"], self.end_at, one, instant)

    def end_at(self, one, instant):
        if one["status"] not in ENDED and one["cancel_at"] == instant:
            self.end(one, "canceled", "cancellation_requested")

    def change_price(self, one, price, quantity=None, behavior=None,
                     proration="create_prorations"):
        """Now. What it costs is told, not computed: half of the new price."""
        items = [{**one["items"][0], "price": price,
                  "quantity": quantity or one["items"][0]["quantity"]}]
        dearer = price["unit_amount"] > self.price(one)["unit_amount"]
        if behavior == "pending_if_incomplete" and dearer:
            self.ask_first(one, items)
            return
        new_interval = price["recurring"] != self.price(one)["recurring"]
        self.world.change(one, UPDATED, items=items)
        if new_interval and one["status"] in ("active", "past_due"):
            now = self.now(one)
            one["billing_cycle_anchor"] = now
            self.begin_period(one, now, period_end(
                now, now, price["recurring"]["interval"]))
            self.world.emit(UPDATED, one, {})
            self.bill(one)
        elif dearer and one["status"] == "active" and \
                proration == "always_invoice":
            self.invoices.attempt(self.invoices.make(
                one, "subscription_update", self.cost(one) // 2))

    def ask_first(self, one, items):
        """The change holds only once its invoice is paid."""
        until = self.now(one) + INCOMPLETE_FOR
        one["pending_update"] = {
            "expires_at": until, "billing_cycle_anchor": None,
            "subscription_items": items, "trial_end": None,
            "trial_from_plan": None}
        invoice = self.invoices.make(one, "subscription_update",
                                     items[0]["price"]["unit_amount"] // 2)
        self.world.emit(UPDATED, one, {"pending_update": None})
        self.invoices.attempt(invoice)
        self.world.at(until, one["customer"], self.drop_pending, one, until)

    def apply_pending(self, one):
        items = one["pending_update"]["subscription_items"]
        self.world.change(one, "customer.subscription.pending_update_applied",
                          items=items, pending_update=None)
        self.world.emit(UPDATED, one, {})

    def drop_pending(self, one, until):
        pending = one["pending_update"]
        if pending and pending["expires_at"] == until:
            self.invoices.void(self.world.get("invoice", one["latest_invoice"]))
            self.world.change(
                one, "customer.subscription.pending_update_expired",
                pending_update=None)

    def pause_collection(self, one, wanted):
        """{"behavior": ..., "resumes_at": ...} or None: the status stays."""
        if wanted and wanted["resumes_at"]:
            self.world.at(wanted["resumes_at"], one["customer"],
                          self.resume_collection, one, wanted)
        self.world.change(one, UPDATED, pause_collection=wanted)

    def resume_collection(self, one, wanted):
        if one["pause_collection"] == wanted and one["status"] not in ENDED:
            self.world.change(one, UPDATED, pause_collection=None)

    def resume(self, one):
        """POST .../resume, of one that its trial's end has paused."""
        if one["status"] != "paused":
            raise invalid("Only paused subscriptions can be resumed")
        now, customer = self.now(one), self.world.get("customer", one["customer"])
        if customer["_payment"] != "ok":
            raise declined("This customer has no attached payment source.",
                           "resource_missing")
        self.begin_period(one, now, period_end(
            now, now, self.price(one)["recurring"]["interval"]))
        one["billing_cycle_anchor"] = now
        self.world.change(one, "customer.subscription.resumed", status="active")
        self.world.emit(UPDATED, one, {"status": "paused"})
        self.bill(one)

    def end_trial_now(self, one):
        if one["status"] != "trialing":
            raise invalid("The subscription is not in its trial", "trial_end")
        now = self.now(one)
        one.update(trial_end=now, current_period_end=now,
                   billing_cycle_anchor=now)
        self.end_trial(one)
