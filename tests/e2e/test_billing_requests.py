"""Every request that billing sends is one that Stripe's OpenAPI knows."""
import re
import uuid

from e2e import NotRun
from kit import billing, stack
from stripe import journeys

ID = re.compile(r"(?<=/)(price_\w+|[a-z_]+_\w{24})")

# Objects whose events begin with another word.
THIN = {"customer.subscription": "subscription"}

# What it asks in the story below, and it has to be all of these.
ASKED = {
    "POST /v1/customers", "POST /v1/checkout/sessions",
    "POST /v1/checkout/sessions/ID/expire", "POST /v1/billing_portal/sessions",
    "GET /v1/customers/ID", "GET /v1/subscriptions", "GET /v1/subscriptions/ID",
    "GET /v1/checkout/sessions/ID", "GET /v1/subscription_schedules/ID",
    "GET /v1/invoices", "GET /v1/invoices/ID", "GET /v1/charges/ID",
    "GET /v1/events",
    "GET /v1/prices/ID",
}


# All that a checkout may ask for beside.
OPTIONS = {"PAWPRINT_CHECKOUT_PROMOTION_CODES": "on",
           "PAWPRINT_CHECKOUT_TAX": "on", "PAWPRINT_STRIPE_PORTAL": "bpc_fake"}
FLOWS = ("update", "cancel", "payment_method")


def thin(stripe, kind, verb, name):
    """An event that only names its object."""
    about = THIN.get(kind, kind)
    stripe.fake("/send", body={
        "id": f"evt_{uuid.uuid4().hex}", "object": "v2.core.event",
        "type": f"v1.{kind}.{verb}", "created": "2026-01-01T00:00:00.000Z",
        "livemode": False, "related_object": {
            "id": name, "type": about, "url": f"/v1/{about}s/{name}"}})


def live_a_life(url, stripe):
    """What makes billing ask everything that it ever asks."""
    customer = billing.Customer(url)
    # Two wishes: the first session is ended for the second.
    customer.checkout("PREMIUM", "year")
    session = customer.checkout()
    done = stripe.fake(f"/checkout/{session}/complete")
    customer.wait_for("BASIC")
    for flow in ({}, *({"flow": one} for one in FLOWS)):
        customer.call("POST", "/v1/billing/portal", flow)
    who = journeys.Traveller(stripe, done["customer"])
    who.subscription = done["subscription"]
    who.change(journeys.PREMIUM)
    customer.wait_for("PREMIUM")
    who.downgrade_later(journeys.BASIC)
    charge = stripe.get("/charges", customer=done["customer"])["data"][0]["id"]
    schedule = who.current()["schedule"]
    for kind, verb, name in (
            ("customer.subscription", "updated", done["subscription"]),
            ("invoice", "paid", done["invoice"]),
            ("charge", "refunded", charge),
            ("checkout.session", "completed", session),
            ("subscription_schedule", "updated", schedule)):
        thin(stripe, kind, verb, name)
    stripe.post("/prices/price_basic_month", metadata={"seen": name})
    stripe.v1("DELETE", f"/subscriptions/{done['subscription']}")
    customer.wait_for("FREE")


class Watch:
    """What billing asks the fake from now on; the test's own requests tell of
    a client."""

    def __init__(self, stripe):
        self.stripe = stripe
        self.past = {name: len(self.all(name)) for name in ("requests",
                                                            "refused")}

    def all(self, name):
        return self.stripe.look("/" + name)[name]

    def new(self, name):
        return [one for one in self.all(name)[self.past[name]:]
                if not (one["client"] or "").startswith("Python")]

    def asked(self):
        return {f"{one['method']} {ID.sub('ID', one['path'])}"
                for one in self.new("requests")}


def test_stripe_mock_accepts_every_request_of_billing():
    stripe = billing.stripe()
    if not stripe.look()["mirror"]:
        raise NotRun("there is no stripe-mock")
    watch = Watch(stripe)
    with billing.running(PAWPRINT_CHECKOUT_TRIAL_DAYS="14") as url:
        billing.Customer(url).checkout()
    with billing.running(**OPTIONS) as url:
        try:
            live_a_life(url, stripe)
            stack.until("billing asked everything",
                        lambda: watch.asked() >= ASKED, 30)
        except (AssertionError, OSError) as why:
            raise AssertionError(
                f"not asked: {ASKED - watch.asked()}; refused: "
                f"{watch.new('refused')}") from why
        assert watch.new("refused") == [], watch.new("refused")
        assert watch.asked() == ASKED, watch.asked() - ASKED
        asked = watch.new("requests")
        # The fake itself refuses, too, such as a wrong name within an object.
        # Customers of other tests' fakes it doesn't know: that is no mistake.
        wrong = [one for one in asked
                 if one["error"] not in (None, "resource_missing")]
        assert wrong == [], wrong
        return f"{len(asked)} requests of {len(ASKED)} kinds"


def test_stripe_mock_refuses_a_wrong_word():
    """So the check above is alive."""
    stripe = billing.stripe()
    if not stripe.look()["mirror"]:
        raise NotRun("there is no stripe-mock")
    before = len(stripe.look("/refused")["refused"])
    stripe.post("/billing_portal/sessions", locale="klingon",
                customer=stripe.post("/customers")["id"])
    found = stripe.look("/refused")["refused"][before:]
    assert [one["target"] for one in found] == ["/v1/billing_portal/sessions"]
