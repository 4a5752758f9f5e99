"""Somebody whose plan is too small pays for a larger one at the fake Stripe.

In headless Chromium, from the link to the billing page to the page that shows the
new plan; where there is no browser, by the API and the fake's own control.
"""
import json
import time
import urllib.request

from kit import browser, stack
from stripe.client import Client

PLAN = "BASIC"
CHOICE = ('form:has(input[name="plan"][value="{}"])'
          ':has(input[name="interval"][value="month"]) button').format(PLAN)


def text(window, selector):
    """What stands there, on one line."""
    said = window.run("const e = document.querySelector(arguments[0]);"
                      "return e ? e.innerText : ''", selector)
    return " ".join(said.split())


def shown(window):
    return f"{text(window, '.plan')}: {text(window, '.figure')}"


def pays_in_browser(account):
    """Gives when the button was pressed, and a look at the page afterwards."""
    window = browser.Browser()
    try:
        window.open(stack.pawprint("account", "login-link", account)["url"])
        window.click("button.first")
        print(f"its billing page says    {shown(window)}")
        window.click(CHOICE)
        print(f"a press leads to Stripe  {text(window, 'h1')}, "
              f"{text(window, 'p:nth-of-type(2)')}")
        began = time.monotonic()
        window.click("button")  # Pay
    except BaseException:
        window.close()
        raise

    def look():
        window.open(stack.address("PAWPRINT_BILLING_URL") + "/billing")
        return f"its billing page says    {shown(window)}"
    return began, look, window.close


def call(token, method, path, body=None):
    request = urllib.request.Request(
        stack.address("PAWPRINT_BILLING_URL") + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}",
                 "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def pays_by_api(account):
    token = stack.pawprint("account", "token", "create", account,
                           "--role", "billing")["token"]
    url = call(token, "POST", "/v1/billing/checkout",
               {"plan": PLAN, "interval": "month"})["url"]
    print(f"POST /v1/billing/checkout leads to {url}")
    began = time.monotonic()
    fake().fake(f"/checkout/{url.rpartition('/')[2]}/complete")
    return began, lambda: (
        f"GET /v1/billing says plan {call(token, 'GET', '/v1/billing')['plan']}"
    ), lambda: None


def fake():
    return Client(stack.address("PAWPRINT_STRIPE_URL"),
                  stack.address("PAWPRINT_STRIPE_KEY"))


def answers(since):
    """What was answered to Stripe's webhooks since then."""
    said = [one["answers"][-1][1] for one in
            fake().look("/deliveries")["deliveries"]
            if one["answers"] and one["answers"][-1][0] >= since]
    return ", ".join(f"{said.count(status)} answered {status}"
                     for status in sorted(set(said)))


def upgrades(shop):
    pays = pays_by_api if browser.missing() else pays_in_browser
    since = time.time()
    began, look, close = pays(shop.id)
    try:
        stack.until("it is taken", lambda: shop.hit()[0] == 202)
        took = time.monotonic() - began
        print(f"paid: {1000 * took:.0f} ms later a hit is answered 202; plan "
              f"{shop.shown()['plan']}, {shop.shown()['limit']:,} page views")
        stack.until("Stripe has its answers", lambda: fake().look(
            "/deliveries")["pending"] == 0)
        print(f"webhooks of Stripe       {answers(since)}")
        print(look())
    finally:
        close()
