"""Checkout sessions and what becomes of them; customers; portal sessions."""
from stripe.clock import DAY, HOUR
from stripe.errors import declined, invalid, missing


class Checkout:
    """`url`: where the fake's own pages for a browser are."""

    def __init__(self, world, subscriptions, invoices):
        self.world, self.invoices = world, invoices
        self.subscriptions = subscriptions
        self.url = "http://127.0.0.1"

    def new_customer(self, email=None, name=None, metadata=None):
        customer = self.world.add(
            "customer", "cus", email=email, name=name, metadata=metadata or {},
            invoice_settings={"default_payment_method": None}, currency=None,
            description=None, balance=0, delinquent=False, _payment="none")
        self.world.emit("customer.created", customer)
        return customer

    def customer(self, name, param="customer"):
        """One that there is; a deleted one is none."""
        one = self.world.get("customer", name, param)
        if one.get("deleted"):
            raise missing("customer", name, param)
        return one

    def delete_customer(self, customer):
        for one in self.world.all("subscription", customer=customer["id"]):
            if one["status"] not in ("canceled", "incomplete_expired"):
                self.subscriptions.end(one, "canceled", "cancellation_requested")
        self.world.emit("customer.deleted", customer)
        customer["deleted"] = True

    # --- checkout ----------------------------------------------------------

    def open(self, price, quantity, customer=None, expires_at=None, **fields):
        world = self.world
        now = world.clock.now(customer)
        expires_at = expires_at or now + DAY
        if not now + 30 * 60 - 60 <= expires_at <= now + 24 * HOUR + 60:
            raise invalid("The `expires_at` timestamp must be at least 30 "
                          "minutes and at most 24 hours from Checkout Session "
                          "creation.", "expires_at")
        if customer is not None:
            self.customer(customer)
        one = world.add(
            "checkout.session", "cs_test", mode="subscription", status="open",
            payment_status="unpaid", expires_at=expires_at, subscription=None,
            customer=customer, invoice=None, currency=price["currency"],
            amount_total=price["unit_amount"] * quantity, _price=price["id"],
            _quantity=quantity, **fields)
        one["created"] = now
        one["url"] = f"{self.url}/_fake/pay/{one['id']}"
        world.at(expires_at, customer, self.expire, one)
        return one

    def expire(self, one):
        if one["status"] == "open":
            one["url"] = None
            self.world.change(one, "checkout.session.expired", status="expired")

    def expire_now(self, one):
        if one["status"] != "open":
            raise invalid("Only Checkout Sessions with a status in [\"open\"] "
                          "can be expired.")
        self.expire(one)

    def complete(self, one, payment="ok"):
        """What the customer does at Stripe's page; payment as in invoices."""
        if one["status"] != "open":
            raise invalid(f"The session is {one['status']}")
        if payment == "declined":
            raise declined()
        customer = self.customer(one["customer"]) \
            if one["customer"] else self.new_customer(one["customer_email"])
        self.invoices.set_payment(customer, payment)
        subscription = self.subscriptions.make(
            customer, self.world.get("price", one["_price"]), one["_quantity"],
            **one["_subscription"])
        paid = "unpaid" if payment == "processing" else "paid"
        if subscription["status"] == "trialing":
            paid = "no_payment_required"
        one.update(url=None, customer=customer["id"],
                   subscription=subscription["id"], status="complete",
                   invoice=subscription["latest_invoice"], payment_status=paid)
        self.world.emit("checkout.session.completed", one)
        return one

    def settle(self, one, outcome):
        """The end of a payment that takes days."""
        invoice = self.world.get("invoice", one["invoice"])
        customer = self.world.get("customer", one["customer"])
        if one["payment_status"] != "unpaid" or invoice["status"] != "open":
            raise invalid("No payment of this session is under way")
        if outcome == "succeeded":
            customer["_payment"] = "ok"
            one["payment_status"] = "paid"
            self.invoices.settle(invoice)
        else:
            customer["_payment"] = "declined"
            self.invoices.refuse(invoice, "declined")
        self.world.emit("checkout.session.async_payment_" + outcome, one)

    # --- portal ------------------------------------------------------------

    def open_portal(self, customer, **fields):
        self.customer(customer)
        one = self.world.add("billing_portal.session", "bps", customer, **fields)
        one["url"] = f"{self.url}/_fake/portal/{one['id']}"
        self.world.emit("billing_portal.session.created", one)
        return one
