"""An account pays for a plan: a checkout, Stripe's webhook, more capacity.

    python3 -m demo.billing     from the folder tests, addresses in the environment

Stripe is the stack's fake: that the customer pays is one of its controls. All
the rest is what the services do.
"""
import time

from kit import billing, stack

CHOICE = ("BASIC", "month")


def limit(customer):
    return customer.call("GET", "/v1/billing/usage")["limit"]


def webhook(stripe, customer):
    """How the fake's webhook of the payment was answered, or None."""
    for one in stripe.look("/deliveries")["deliveries"]:
        if one["type"] == "checkout.session.completed" and \
                one["state"] == "delivered" and \
                stripe.get(f"/events/{one['event']}")["data"]["object"][
                    "customer"] == customer:
            return one
    return None


def pays(customer, stripe):
    session = stripe.get(f"/checkout/sessions/{customer.checkout(*CHOICE)}")
    print(f"checkout of {CHOICE[0]} by the {CHOICE[1]}: {session['url']}")
    before, began = limit(customer), time.monotonic()
    stripe.fake(f"/checkout/{session['id']}/complete")
    sent = stack.until("Stripe's webhook is taken",
                       lambda: webhook(stripe, session["customer"]))
    stack.until("there is more capacity",
                lambda: limit(customer) > before)
    status = sent["answers"][-1][1]
    print(f"she pays: webhook {sent['type']} is answered "
          f"{status}, and {time.monotonic() - began:.1f} s after the payment:")


def main():
    stripe = billing.stripe()
    customer = billing.Customer(stack.address("PAWPRINT_BILLING_URL"),
                                "Shop that grows")
    print(f"plan {customer.profile()['plan']}: {limit(customer):,} page "
          "views a month")
    pays(customer, stripe)
    is_now = customer.profile()
    print(f"plan {is_now['plan']}, {is_now['status']}: "
          f"{limit(customer):,} page views a month")
    invoice = stack.until("the invoice is paid", lambda: [
        one for one in customer.call("GET", "/v1/billing/invoices")["invoices"]
        if one["status"] == "paid"])[0]
    print(f"invoice {invoice['number']}: {invoice['amount_paid'] / 100:.2f} "
          f"{invoice['currency']}, {invoice['status']}")
    link = stack.pawprint("account", "login-link", customer.account)["url"]
    print(f"her billing page, for ten minutes: {link}")


main()
