"""Invoices: made, paid or not, tried again; charges, refunds, disputes.

What a customer's payments come to is told by its field _payment: ok, declined,
requires_action, processing (as bank debits are for days) or none.
"""
from stripe.clock import DAY
from stripe.errors import declined, invalid

PAYMENTS = ("ok", "declined", "requires_action", "processing", "none")
URL = "https://invoice.stripe.com/i/fake/"


class Invoices:
    def __init__(self, world):
        self.world = world
        self.paid = self.failed = self.gave_up = None  # set by Subscriptions

    def set_payment(self, customer, how):
        """The customer's means of payment, as the portal would change it."""
        if how not in PAYMENTS:
            raise invalid(f"payment is one of {', '.join(PAYMENTS)}", "method")
        world, had = self.world, customer["_payment"]
        customer["_payment"] = how
        if (had == "none") == (how == "none"):
            return
        method = None
        if how != "none":
            method = world.add("payment_method", "pm", customer["id"],
                               type="card", metadata={})
        name = customer["invoice_settings"]["default_payment_method"]
        world.change(customer, "customer.updated", invoice_settings={
            "default_payment_method": method and method["id"]})
        about = method or world.get("payment_method", name)
        world.emit("payment_method." + ("attached" if method else "detached"),
                   about)

    def make(self, subscription, reason, cents, draft=False):
        """An invoice of now; open and not yet tried unless it stays a draft."""
        world, customer = self.world, subscription["customer"]
        number = len(world.all("invoice", customer=customer)) + 1
        one = world.add(
            "invoice", "in", customer, subscription=subscription["id"],
            status="draft", billing_reason=reason, amount_due=cents,
            amount_paid=0, amount_remaining=cents, total=cents,
            currency=subscription["currency"], attempted=False, attempt_count=0,
            next_payment_attempt=None, number=f"FAKE-{number:04d}",
            hosted_invoice_url=None, charge=None, metadata={},
            collection_method="charge_automatically",
            period_start=subscription["current_period_start"],
            period_end=subscription["current_period_end"],
            _metadata=dict(subscription["metadata"]))
        subscription["latest_invoice"] = one["id"]
        world.emit("invoice.created", one)
        if not draft:
            one.update(status="open", hosted_invoice_url=URL + one["id"])
            world.emit("invoice.finalized", one)
        return one

    def attempt(self, one):
        """Tries to take the money; True when it came (or is on its way)."""
        customer = self.world.get("customer", one["customer"])
        how = customer["_payment"] if one["amount_due"] else "ok"
        one.update(attempted=True, attempt_count=one["attempt_count"] + 1)
        if how == "ok":
            self.settle(one)
        elif how == "processing":
            return True
        else:
            self.refuse(one, how)
        return how == "ok"

    def settle(self, one):
        world = self.world
        if one["amount_due"]:
            one["charge"] = world.add(
                "charge", "ch", one["customer"], amount=one["amount_due"],
                currency=one["currency"], invoice=one["id"], status="succeeded",
                paid=True, refunded=False, amount_refunded=0,
                disputed=False)["id"]
        one.update(status="paid", amount_paid=one["amount_due"],
                   amount_remaining=0, next_payment_attempt=None)
        world.emit("invoice.paid", one)
        world.emit("invoice.payment_succeeded", one)
        self.paid(one)

    def refuse(self, one, how):
        world = self.world
        self.plan_retry(one)
        world.emit("invoice.payment_failed", one)
        if how == "requires_action":
            world.emit("invoice.payment_action_required", one)
        self.failed(one)
        if one["attempt_count"] > len(world.settings["retry_days"]):
            self.gave_up(one)

    def plan_retry(self, one):
        days = self.world.settings["retry_days"][one["attempt_count"] - 1:]
        one["next_payment_attempt"] = None
        if days and one["billing_reason"] != "subscription_create":
            customer = one["customer"]
            at = self.world.clock.now(customer) + days[0] * DAY
            one["next_payment_attempt"] = at
            self.world.at(at, customer, self.retry, one, at)

    def retry(self, one, at):
        if one["status"] == "open" and one["next_payment_attempt"] == at:
            self.attempt(one)

    def pay(self, one):
        """POST /v1/invoices/{id}/pay."""
        if one["status"] == "paid":
            raise invalid("Invoice is already paid")
        if one["status"] not in ("open", "draft"):
            raise invalid(f"This invoice is {one['status']}")
        if one["status"] == "draft":
            one["status"] = "open"
            self.world.emit("invoice.finalized", one)
        if not self.attempt(one):
            raise declined()

    def void(self, one, kind="voided"):
        status = "void" if kind == "voided" else "uncollectible"
        one.update(status=status, next_payment_attempt=None)
        self.world.emit("invoice." + kind, one)

    # --- afterwards --------------------------------------------------------

    def last_charge(self, customer):
        charges = self.world.all("charge", customer=customer)
        if not charges:
            raise invalid("The customer has paid nothing yet")
        return charges[0]

    def dispute(self, customer, reason="fraudulent"):
        """The bank asks for the last payment's money back."""
        charge = self.last_charge(customer)
        charge["disputed"] = True
        one = self.world.add("dispute", "du", charge=charge["id"],
                             amount=charge["amount"], reason=reason,
                             currency=charge["currency"],
                             status="needs_response", _customer=customer)
        self.world.emit("charge.dispute.created", one)
        return one

    def close_dispute(self, one, status):
        if status not in ("won", "lost"):
            raise invalid("status is won or lost", "status")
        self.world.change(one, "charge.dispute.closed", status=status)

    def refund(self, customer):
        charge = self.last_charge(customer)
        self.world.change(charge, "charge.refunded", refunded=True,
                          amount_refunded=charge["amount"])
        return charge
