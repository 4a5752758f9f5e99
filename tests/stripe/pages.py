"""The pages a browser is sent to: a checkout and a portal with buttons."""
import html

from stripe.errors import StripeError, invalid

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>{title}</title><style>body{{font:16px sans-serif;max-width:34em;
margin:3em auto}}button{{font:inherit;margin:.3em .3em .3em 0}}</style>
<h1>{title}</h1><p>This is a fake Stripe: no money moves.</p>{body}</html>"""

CARDS = {"ok": "a card that works", "declined": "a card that is declined",
         "requires_action": "a card whose bank asks", "none": "nothing"}


def button(name, words, **fields):
    hidden = "".join(f'<input type="hidden" name="{html.escape(key)}" '
                     f'value="{html.escape(value)}">'
                     for key, value in {"do": name, **fields}.items())
    return (f'<form method="post" style="display:inline">{hidden}'
            f"<button>{html.escape(words)}</button></form>")


def page(title, body):
    return PAGE.format(title=html.escape(title), body=body)


class Pages:
    """Each gives (status, location or None, HTML). It holds the lock."""

    def __init__(self, world, api, checkout):
        self.world, self.api, self.checkout = world, api, checkout

    def run(self, method, path, given):
        kind, _, name = path.removeprefix("/_fake/").partition("/")
        with self.world.lock:
            if kind == "pay":
                one = self.world.get("checkout.session", name)
                act, show = self.pay, self.show_pay
            else:
                one = self.world.get("billing_portal.session", name)
                act, show = self.use_portal, self.show_portal
            if method == "GET":
                return 200, None, show(one)
            return 303, act(one, given), ""

    # --- checkout ----------------------------------------------------------

    def show_pay(self, one):
        price = self.world.get("price", one["_price"])
        product = self.world.get("product", price["product"])
        words = (f"<p>{html.escape(product['name'])}, "
                 f"{one['amount_total'] / 100:.2f} {price['currency']} a "
                 f"{price['recurring']['interval']}; the session is "
                 f"{one['status']}.</p>")
        if one["status"] != "open":
            return page("Checkout", words)
        return page("Checkout", words + button("ok", "Pay") + button(
            "declined", "Pay with a card that is declined") +
            button("processing", "Pay by bank debit") + button("back", "Go back"))

    def pay(self, one, given):
        what = given.get("do")
        if what == "back":
            return one["cancel_url"] or one["success_url"]
        try:
            self.checkout.complete(one, what)
        except StripeError as why:
            if why.status != 402:
                raise
            return f"/_fake/pay/{one['id']}"
        return one["success_url"].replace("{CHECKOUT_SESSION_ID}", one["id"])

    # --- portal ------------------------------------------------------------

    def live(self, portal):
        return [one for one in self.world.all("subscription",
                                              customer=portal["customer"])
                if one["status"] not in ("canceled", "incomplete_expired")]

    def show_portal(self, portal):
        rows = "".join(self.row(one) for one in self.live(portal))
        return page("Billing portal", (rows or "<p>No subscription.</p>") +
                    self.cards(portal) + button("back", "Back"))

    def cards(self, portal):
        """What the customer pays with, and what it could be instead."""
        now = self.world.get("customer", portal["customer"])["_payment"]
        buttons = "".join(button("card", words, to=how)
                          for how, words in CARDS.items() if how != now)
        return f"<p>Pays with: {CARDS.get(now, now)}.</p><p>{buttons}</p>"

    def row(self, one):
        price = one["items"][0]["price"]
        words = f"{price['id']}, {one['status']}"
        if one["cancel_at_period_end"]:
            words += ", ends with its period"
        name = one["id"]
        buttons = button("keep", "Keep it", of=name) \
            if one["cancel_at_period_end"] else button(
                "cancel", "Cancel at the end of the period", of=name)
        for other in self.world.all("price"):
            if other is not price and other["active"]:
                buttons += button("change", f"Change to {other['id']}", of=name,
                                  to=other["id"])
        return f"<p>{html.escape(words)}</p><p>{buttons}</p>"

    def use_portal(self, portal, given):
        what = given.get("do")
        if what == "back":
            return portal["return_url"] or f"/_fake/portal/{portal['id']}"
        if what == "card":
            self.checkout.invoices.set_payment(
                self.checkout.customer(portal["customer"]), given.get("to"))
            return f"/_fake/portal/{portal['id']}"
        one = next((one for one in self.live(portal)
                    if one["id"] == given.get("of")), None)
        if one is None or what not in ("cancel", "keep", "change"):
            raise invalid("No such button")
        subscriptions = self.api.subscriptions
        if what == "change":
            subscriptions.change_price(
                one, self.world.get("price", given.get("to"), "to"))
        else:
            subscriptions.cancel_later(one, what == "cancel")
        return f"/_fake/portal/{portal['id']}"
