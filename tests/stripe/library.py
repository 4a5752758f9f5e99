"""What Stripe's own library for Python makes of the fake's answers.

    library.py URL KEY WHAT    URL of the fake; WHAT is one of the functions

A process of its own: the library has the same name as this folder. It prints
what it found as JSON; the test judges.
"""
import json
import sys

import stripe

# Newer versions have the errors on top.
fault = getattr(stripe, "error", stripe)


def customer():
    made = stripe.Customer.create(email="ann@example.com", metadata={"a": "b"})
    stripe.Customer.modify(made.id, name="Ann")
    found = stripe.Customer.retrieve(made.id)
    return [type(found).__name__, found.email, found.name, found.metadata["a"]]


def prices():
    return [[one.id, one.recurring.interval, one.unit_amount]
            for one in stripe.Price.list(limit=100).auto_paging_iter()]


def pages():
    """Lists are paged as the library expects it."""
    for number in range(25):
        stripe.Customer.create(email="many@example.com", name=str(number))
    found = stripe.Customer.list(email="many@example.com", limit=10)
    return [one.name for one in found.auto_paging_iter()]


def checkout():
    made = stripe.Customer.create(email="ann@example.com")
    session = stripe.checkout.Session.create(
        mode="subscription", customer=made.id, client_reference_id="acc",
        line_items=[{"price": "price_basic_month", "quantity": 1}],
        success_url="https://app.example/done", metadata={"account_id": "acc"})
    again = stripe.checkout.Session.retrieve(session.id)
    portal = stripe.billing_portal.Session.create(customer=made.id)
    return [again.status, again.url.startswith("http"),
            portal.url.startswith("http"), again.client_reference_id]


def subscription():
    made = stripe.Customer.create(email="ann@example.com")
    try:
        stripe.Subscription.create(
            customer=made.id, items=[{"price": "price_basic_month"}],
            payment_behavior="error_if_incomplete")
    except fault.CardError as why:
        declined = [why.code, why.http_status]
    one = stripe.Subscription.create(
        customer=made.id, items=[{"price": "price_basic_month"}],
        expand=["customer", "latest_invoice"], stripe_version="2024-06-20")
    ended = stripe.Subscription.cancel(one.id)
    return [declined, one.status, one.customer.email, one.latest_invoice.status,
            one.current_period_end > one.current_period_start, ended.status]


def errors():
    """The exceptions that it raises, by what was asked."""
    found = []

    def ask(call, *words, **params):
        try:
            call(*words, **params)
            found.append("none")
        except fault.StripeError as why:
            found.append([type(why).__name__, why.http_status, why.code])

    ask(stripe.Customer.retrieve, "cus_nobody")
    ask(stripe.Customer.create, colour="red")
    ask(stripe.Customer.create, email="a@example.com", idempotency_key="one")
    ask(stripe.Customer.create, email="b@example.com", idempotency_key="one")
    ask(stripe.Customer.create, api_key="sk_test_wrong")
    return found


def events():
    return [[type(one).__name__, one.type, one.data.object.object]
            for one in stripe.Event.list(limit=5)]


def webhook():
    """Whether each delivery of standard input is what its signature says."""
    found = []
    for line in sys.stdin:
        given = json.loads(line)
        try:
            event = stripe.Webhook.construct_event(
                given["body"].encode(), given["header"], given["secret"])
            found.append([event.type, event.data.object.id])
        except fault.SignatureVerificationError as why:
            found.append(str(why))
    return found


def main():
    stripe.api_base, stripe.api_key = sys.argv[1:3]
    stripe.max_network_retries = 0
    what = {one.__name__: one for one in (
        customer, prices, pages, checkout, subscription, errors, events,
        webhook)}[sys.argv[3]]
    print(json.dumps(what()))


main()
