"""The fake Stripe that billing is tested with behaves as Stripe says it does."""
import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from e2e import NotRun
from kit import stack
from stripe import form, journeys, mirror, sender
from stripe.client import Client, Refused
from stripe.clock import DAY, HOUR
from stripe.errors import StripeError
from stripe.server import Fake

LIBRARY = stack.ROOT / "tests/stripe/library.py"
DEBIAN = "/usr/bin/python3"  # its packages are for its own Python
BASIC, PREMIUM = journeys.BASIC, journeys.PREMIUM
OLD, NEW = "2024-06-20", "2026-07-29.dahlia"


@contextlib.contextmanager
def fake(mock=None):
    """A fake of the test's own, and a client of it."""
    one = Fake(mock=mock)
    try:
        yield Client(one.url)
    finally:
        one.close()


def library(client, what, lines=""):
    """What Stripe's library for Python finds."""
    if not pathlib.Path("/usr/lib/python3/dist-packages/stripe").exists():
        raise NotRun("there is no python3-stripe")
    done = subprocess.run(
        [DEBIAN, "-B", LIBRARY, client.url, client.key, what], input=lines,
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Inbox(http.server.ThreadingHTTPServer):
    """An endpoint for webhooks: keeps what comes; answers the next of
    `statuses`, and 200 when there are none."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Letter)
        self.came, self.statuses = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/webhooks/stripe"
        threading.Thread(target=self.serve_forever, args=(0.02,),
                         daemon=True).start()

    def events(self):
        return [json.loads(body) for _, body in self.came]

    def types(self):
        return [one["type"] for one in self.events()]


class Letter(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.headers["Stripe-Signature"], body))
        self.send_response(
            self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def inbox(client, secrets=("whsec_test",)):
    one = Inbox()
    client.fake("/endpoint", url=one.url, secrets=list(secrets))
    try:
        yield one
    finally:
        one.shutdown()
        one.server_close()


def settled(client):
    """Waits until nothing is to be delivered any more."""
    stack.until("all is delivered",
                lambda: client.look()["pending"] == 0, 20)


def refusal(call, *words, **params):
    """(status, code or type) of an error that has to come."""
    try:
        call(*words, **params)
    except Refused as why:
        return why.status, why.error.get("code") or why.error["type"]
    raise AssertionError("it was not refused")


def customer(client, payment="ok", **params):
    name = client.post("/customers", email="ann@example.com", **params)["id"]
    client.fake(f"/customers/{name}/payment", method=payment)
    return name


def subscribe(client, payment="ok", **params):
    """A subscription to BASIC."""
    return client.post("/subscriptions", customer=customer(client, payment),
                       items=[{"price": BASIC}], **params)


def status(client, one):
    return client.get(f"/subscriptions/{one['id']}")["status"]


def wait(client, one, seconds):
    client.fake("/clock", advance=seconds, customer=one["customer"])


# --- Stripe's own library ----------------------------------------------------

def test_stripes_library_makes_changes_and_finds_a_customer():
    with fake() as client:
        assert library(client, "customer") == [
            "Customer", "ann@example.com", "Ann", "b"]


def test_stripes_library_reads_the_prices_of_the_catalogue():
    with fake() as client:
        found = {one[0]: one[1] for one in library(client, "prices")}
        plans = json.loads((stack.ROOT / "schemas/plans.json").read_text())
        wanted = {name for plan in plans["plans"] for name in plan["price_ids"]}
        assert set(found) == wanted, found
        assert found[BASIC] == "month", found


def test_stripes_library_pages_through_a_list():
    with fake() as client:
        assert library(client, "pages") == [str(24 - i) for i in range(25)]


def test_stripes_library_opens_a_checkout_and_a_portal():
    with fake() as client:
        assert library(client, "checkout") == ["open", True, True, "acc"]


def test_stripes_library_subscribes_and_cancels():
    with fake() as client:
        declined, first, mail, invoice, period, last = library(
            client, "subscription")
        assert declined == ["card_declined", 402], declined
        assert (first, mail, invoice) == (
            "incomplete", "ann@example.com", "open")
        assert period and last == "canceled"


def test_stripes_library_raises_its_exceptions():
    with fake() as client:
        assert library(client, "errors") == [
            ["InvalidRequestError", 404, "resource_missing"],
            ["InvalidRequestError", 400, "parameter_unknown"],
            "none", ["IdempotencyError", 400, None],
            ["AuthenticationError", 401, None]]


def test_stripes_library_lists_events():
    with fake() as client:
        client.post("/customers", email="ann@example.com")
        assert library(client, "events") == [
            ["Event", "customer.created", "customer"]]


def test_stripes_library_believes_a_webhooks_signature():
    """Any of two secrets; no other, and no other body."""
    with fake() as client, inbox(client, ("whsec_old", "whsec_new")) as box:
        client.post("/customers", email="ünïcode@example.com")
        settled(client)
        (header, body), = box.came
        name = json.loads(body)["data"]["object"]["id"]
        given = [(body.decode(), "whsec_old"), (body.decode(), "whsec_new"),
                 (body.decode(), "whsec_other"),
                 (body.decode() + " ", "whsec_new")]
        found = library(client, "webhook", "".join(
            json.dumps({"body": text, "header": header, "secret": secret}) + "\n"
            for text, secret in given))
        assert found[:2] == [["customer.created", name]] * 2, found
        assert all("No signatures found" in one for one in found[2:]), found


# --- webhooks ----------------------------------------------------------------

def test_each_attempt_has_a_signature_of_its_own():
    with fake() as client, inbox(client) as box:
        box.statuses = [500, 302]
        client.fake("/chaos", retry_ms=1100)
        client.post("/customers", email="ann@example.com")
        settled(client)
        headers = [header for header, _ in box.came]
        assert len(headers) == 3 and len(set(headers)) == 3, headers
        assert len({body for _, body in box.came}) == 1
        for header, body in box.came:
            at = int(header.partition(",")[0].removeprefix("t="))
            assert header == sender.header(["whsec_test"], at, body)
        delivery, = client.look("/deliveries")["deliveries"]
        assert [one[1] for one in delivery["answers"]] == [500, 302, 200]


def test_webhooks_come_shuffled_twice_late_or_not_at_all():
    with fake() as client, inbox(client) as box:
        client.fake("/chaos", seed=4, shuffle_ms=100, duplicate=0.3, drop=0.2)
        made = [client.post("/customers", name=str(i))["id"] for i in range(60)]
        settled(client)
        came = [one["data"]["object"]["id"] for one in box.events()]
        assert came != [name for name in made if name in came]
        assert any(came.count(name) == 2 for name in made)
        dropped = {one["id"] for one in client.get(
            "/events", delivery_success="false", limit=100)["data"]}
        assert 0 < len(dropped) < 30
        assert len(set(came)) == len(made) - len(dropped)


def test_what_the_webhooks_of_a_customer_meet_can_be_its_own():
    """Whatever happens to others meanwhile, and in which order."""
    def fate(others):
        with fake() as client, inbox(client):
            client.fake("/chaos", duplicate=0.3, drop=0.3)
            name = client.post("/customers", name="ann")["id"]
            client.fake("/chaos", customer=name, seed="ann 7")
            for i in range(30):
                client.post(f"/customers/{name}", name=str(i))
                for _ in range(i % others):
                    client.post("/customers", name="bob")
            return [one["state"] == "dropped" for one in
                    client.look("/deliveries")["deliveries"]
                    if one["customer"] == name and
                    one["type"] == "customer.updated"]

    first = fate(1)
    assert first == fate(3)
    assert len(first) > 30 and 0 < sum(first) < 30, first


def test_while_a_clock_stands_all_is_of_the_same_second():
    with fake() as client:
        one = subscribe(client)
        client.fake("/clock", customer=one["customer"], stand=True)
        for word in ("true", "false"):
            time.sleep(1.1)
            client.post(f"/subscriptions/{one['id']}",
                        cancel_at_period_end=word)
        wait(client, one, DAY)
        client.post(f"/subscriptions/{one['id']}", cancel_at_period_end="true")
        last, second, first = (event["created"] for event in client.get(
            "/events", type="customer.subscription.updated")["data"][:3])
        assert first == second and last == second + DAY, (first, second, last)
        assert refusal(client.call, "POST", "/_fake/clock",
                       b'{"stand": true}')[0] == 400


def test_webhooks_that_are_held_go_out_when_they_are_released():
    with fake() as client, inbox(client) as box:
        client.fake("/hold")
        for i in range(20):
            client.post("/customers", name=str(i))
        time.sleep(0.1)
        assert not box.came
        client.fake("/chaos", seed=1, workers=1)
        assert client.fake("/release", shuffled=True) == {"released": 20}
        settled(client)
        names = [one["data"]["object"]["name"] for one in box.events()]
        assert names != sorted(names, key=int), names
        assert sorted(names, key=int) == [str(i) for i in range(20)]


def test_a_webhook_that_nobody_takes_is_given_up_and_can_be_sent_again():
    with fake() as client, inbox(client) as box:
        box.statuses = [503] * 3
        client.fake("/chaos", retry_ms=1, attempts=3)
        client.post("/customers", email="ann@example.com")
        settled(client)
        event, = client.get("/events", delivery_success="false")["data"]
        assert client.look("/deliveries")["deliveries"][0]["state"] == "failed"
        client.fake(f"/events/{event['id']}/resend")
        settled(client)
        assert client.get("/events", delivery_success="false")["data"] == []
        assert len(box.came) == 4


def test_undelivered_events_are_found_by_time_type_and_page():
    with fake() as client, inbox(client):
        client.fake("/chaos", drop=1)
        for i in range(7):
            client.post("/customers", name=str(i))
        began = client.look()["now"]
        wanted = {"delivery_success": "false", "type": "customer.*",
                  "created": {"gte": began - HOUR}}
        first = client.get("/events", limit=4, **wanted)
        rest = client.get("/events", limit=4, **wanted,
                          starting_after=first["data"][-1]["id"])
        names = [one["data"]["object"]["name"]
                 for one in first["data"] + rest["data"]]
        assert names == [str(6 - i) for i in range(7)], names
        assert first["has_more"] and not rest["has_more"]
        newer = client.get("/events", ending_before=rest["data"][0]["id"],
                           limit=2, **wanted)
        assert newer["data"] == first["data"][2:] and newer["has_more"]
        wanted["created"] = {"gte": began + HOUR}
        assert client.get("/events", **wanted)["data"] == []


def test_an_event_of_any_shape_can_be_made_up():
    with fake() as client, inbox(client) as box:
        client.fake("/events", type="invoice.upcoming",
                    object={"object": "invoice", "customer": "cus_x"})
        client.fake("/events", type="v9.strange", id="evt_mine", livemode=True,
                    object={"object": "moon"}, api_version="1999-01-01")
        settled(client)
        found = {one["type"]: one for one in box.events()}
        assert found["invoice.upcoming"]["data"]["object"] == {
            "object": "invoice", "customer": "cus_x"}
        strange = found["v9.strange"]
        assert (strange["id"], strange["livemode"]) == ("evt_mine", True)
        assert len(client.get("/events")["data"]) == 2


def test_an_endpoint_is_told_the_types_that_it_wants():
    with fake() as client, inbox(client) as box:
        client.fake("/endpoint", types=["invoice.*", "customer.updated"])
        subscribe(client)
        settled(client)
        assert set(box.types()) == {
            "customer.updated", "invoice.created", "invoice.finalized",
            "invoice.paid", "invoice.payment_succeeded"}
        assert client.get("/events", delivery_success="false")["data"] == []


def test_any_body_can_be_sent_with_a_signature():
    with fake() as client, inbox(client) as box:
        client.fake("/send", body="no JSON")
        client.fake("/send", body={"object": "v2.core.event"})
        settled(client)
        assert {body for _, body in box.came} == {
            b"no JSON", b'{"object": "v2.core.event"}'}


# --- requests ----------------------------------------------------------------

def test_a_key_answers_once_more_what_it_answered_first():
    with fake() as client:
        first = client.post("/customers", name="one", key="k")
        assert "Idempotent-Replayed" not in client.headers
        assert client.post("/customers", name="one", key="k") == first
        assert client.headers["Idempotent-Replayed"] == "true"
        assert client.headers["Original-Request"]
        assert refusal(client.post, "/customers", name="two", key="k") == (
            400, "idempotency_error")
        client.fake("/clock", advance=DAY)
        assert client.post("/customers", name="two", key="k") != first


def test_twenty_at_once_with_one_key_make_one_customer():
    with fake() as client:
        client.fake("/faults", kind="slow", seconds=0.2, method="POST", times=1)

        def press(_):
            try:
                return Client(client.url).post("/customers", key="k")["id"]
            except Refused as why:
                return why.error["code"]

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            found = set(pool.map(press, range(20)))
        made = [one["id"] for one in client.get("/customers")["data"]]
        assert len(made) == 1 and found == {*made, "idempotency_key_in_use"}


def test_what_was_refused_before_it_was_done_may_be_mended_under_its_key():
    with fake() as client:
        assert refusal(client.post, "/customers", key="k", colour="red") == (
            400, "parameter_unknown")
        assert client.post("/customers", key="k", name="Ann")["name"] == "Ann"


def test_errors_slowness_and_lost_answers_come_as_they_are_told():
    with fake() as client:
        client.fake("/faults", kind="error", status=429, times=1, headers={
            "Retry-After": "2"}, error={"code": "lock_timeout"})
        assert refusal(client.post, "/customers") == (429, "lock_timeout")
        assert client.headers["Retry-After"] == "2"
        client.fake("/faults", kind="slow", seconds=0.3, times=1)
        began = time.monotonic()
        client.get("/customers")
        assert time.monotonic() - began >= 0.3
        client.fake("/faults", kind="hangup", when="after", method="POST",
                    times=1)
        try:
            client.post("/customers", key="k", name="Ann")
            raise AssertionError("there was an answer")
        except (OSError, http.client.HTTPException):
            pass
        assert len(client.get("/customers")["data"]) == 1
        client.post("/customers", key="k", name="Ann")
        assert len(client.get("/customers")["data"]) == 1
        assert [(one["status"], one["error"])
                for one in client.look("/requests")["requests"]] == [
                    (429, "lock_timeout"), (200, None), (0, None), (200, None),
                    (200, None), (200, None)]


def test_a_share_of_the_requests_fails():
    with fake() as client:
        client.fake("/faults", kind="error", status=500, share=0.3)
        failed = 0
        for _ in range(100):
            try:
                client.get("/prices")
            except Refused:
                failed += 1
        assert 15 < failed < 45, failed
        client.call("DELETE", "/_fake/faults")
        client.get("/prices")


def test_requests_of_one_client_fail_and_no_others():
    with fake() as client:
        client.get("/prices")
        name = client.look("/requests")["requests"][-1]["client"]
        client.fake("/faults", kind="error", client="")  # those without a name
        client.get("/prices")
        client.fake("/faults", kind="error", client=name)
        assert refusal(client.get, "/prices")[0] == 500


def test_what_stripe_does_not_know_it_refuses():
    with fake() as client:
        for wanted, method, path, params in (
                ((404, "resource_missing"), "GET", "/customers/cus_no", {}),
                ((404, "invalid_request_error"), "GET", "/moons", {}),
                ((400, "parameter_unknown"), "GET", "/prices", {"moon": 1}),
                ((400, "parameter_missing"), "POST", "/checkout/sessions",
                 {"mode": "subscription"}),
                ((400, "resource_missing"), "POST", "/subscriptions",
                 {"customer": "cus_no", "items": [{"price": BASIC}]}),
                ((400, "parameter_invalid_integer"), "GET", "/prices",
                 {"limit": "x"}),
                ((400, "invalid_request_error"), "GET", "/prices",
                 {"limit": 101}),
                ((400, "parameter_unknown"), "GET", "/events",
                 {"created": {"after": 1}}),
                ((400, "parameter_unknown"), "POST", "/checkout/sessions",
                 {"line_items": [{"price": BASIC, "qty": 1}]}),
                ((400, "parameter_unknown"), "POST", "/checkout/sessions",
                 {"subscription_data": {"trial_settings": {"end": 1}}})):
            assert refusal(client.v1, method, path, **params) == wanted, path
        wrong = Client(client.url, key="sk_test_other")
        assert refusal(wrong.get, "/prices") == (401, "invalid_request_error")
        assert refusal(client.call, "POST", "/_fake/clock", b"no JSON") == (
            400, "invalid_request_error")


def test_a_form_is_nested_and_read_back():
    tree = {"a": "x y&z=ü", "items": [{"price": "p", "quantity": "1"}],
            "created": {"gte": "5"}, "empty": ""}
    assert form.decode(form.encode(tree)) == tree
    assert form.decode("a[]=1&a[]=2") == {"a": ["1", "2"]}
    for text in ("a=1&a[b]=2", "a[b=1", "a[b]c=1", "a=%ff", "=1",
                 "a" + "[b]" * 9 + "=1"):
        try:
            form.decode(text)
            raise AssertionError(f"{text} was read")
        except StripeError:
            pass


# --- checkout, portal --------------------------------------------------------

def open_session(client, name, **params):
    return client.post(
        "/checkout/sessions", mode="subscription", customer=name,
        line_items=[{"price": BASIC, "quantity": 1}], client_reference_id="acc",
        success_url="https://app.example/done?s={CHECKOUT_SESSION_ID}",
        cancel_url="https://app.example/no", **params)


def test_a_completed_checkout_becomes_a_subscription():
    with fake() as client, inbox(client) as box:
        client.fake("/chaos", workers=1)
        session = open_session(client, customer(client), subscription_data={
            "metadata": {"account_id": "acc"}})
        done = client.fake(f"/checkout/{session['id']}/complete")
        assert (done["status"], done["payment_status"]) == ("complete", "paid")
        one = client.get(f"/subscriptions/{done['subscription']}")
        assert one["status"] == "active"
        assert one["metadata"] == {"account_id": "acc"}
        assert one["items"]["data"][0]["price"]["id"] == BASIC
        settled(client)
        told = box.types()
        assert {"customer.subscription.created", "invoice.paid",
                "customer.subscription.updated",
                "checkout.session.completed"} <= set(told), told
        assert refusal(client.fake, f"/checkout/{session['id']}/complete")[0] \
            == 400


def test_a_declined_card_leaves_the_checkout_open():
    with fake() as client:
        session = open_session(client, customer(client, "none"))
        assert refusal(client.fake, f"/checkout/{session['id']}/complete",
                       payment="declined") == (402, "card_declined")
        again = client.get(f"/checkout/sessions/{session['id']}")
        assert again["status"] == "open" and again["subscription"] is None


def test_a_bank_debit_is_settled_days_later():
    for outcome, wanted in (("succeeded", ("paid", "active")),
                            ("failed", ("unpaid", "past_due"))):
        with fake() as client, inbox(client) as box:
            session = open_session(client, customer(client))
            done = client.fake(f"/checkout/{session['id']}/complete",
                               payment="processing")
            assert done["payment_status"] == "unpaid"
            later = client.fake(f"/checkout/{session['id']}/settle",
                                outcome=outcome)
            one = client.get(f"/subscriptions/{done['subscription']}")
            assert (later["payment_status"], one["status"]) == wanted, later
            settled(client)
            assert "checkout.session.async_payment_" + outcome in box.types()


def test_a_checkout_expires_by_itself_or_on_request():
    with fake() as client:
        name = customer(client)
        first, second = open_session(client, name), open_session(client, name)
        client.post(f"/checkout/sessions/{first['id']}/expire")
        assert refusal(client.post, f"/checkout/sessions/{first['id']}/expire"
                       )[0] == 400
        client.fake("/clock", advance=DAY + 1, customer=name)
        found = client.get("/checkout/sessions", customer=name)["data"]
        assert {one["id"]: one["status"] for one in found} == {
            first["id"]: "expired", second["id"]: "expired"}
        now = int(time.time())
        for at in (now + 60, now + 2 * DAY):
            assert refusal(open_session, client, customer(client),
                           expires_at=at)[0] == 400


def press(url, **fields):
    """A button of a page; gives where it leads."""
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        urllib.request.build_opener(Stay).open(url, form.encode(fields).encode())
    except urllib.error.HTTPError as why:
        return why.headers["Location"]
    raise AssertionError("it led nowhere")


def test_a_person_pays_and_cancels_on_pages():
    with fake() as client:
        name = customer(client)
        session = open_session(client, name)
        with urllib.request.urlopen(session["url"]) as page:
            assert b"Basic" in page.read()
        assert press(session["url"], do="declined").startswith("/_fake/pay/")
        assert press(session["url"], do="back") == "https://app.example/no"
        assert press(session["url"], do="ok") == \
            f"https://app.example/done?s={session['id']}"
        portal = client.post("/billing_portal/sessions", customer=name,
                             return_url="https://app.example/back")["url"]
        one, = client.get("/subscriptions", customer=name)["data"]
        press(portal, do="change", of=one["id"], to=PREMIUM)
        press(portal, do="card", to="declined")
        press(portal, do="cancel", of=one["id"])
        assert press(portal, do="back") == "https://app.example/back"
        one, = client.get("/subscriptions", customer=name)["data"]
        assert one["cancel_at_period_end"]
        assert one["items"]["data"][0]["price"]["id"] == PREMIUM
        with urllib.request.urlopen(portal) as page:
            text = page.read().decode()
        assert "ends with its period" in text and "declined" in text


# --- subscriptions -----------------------------------------------------------

def test_a_subscription_reaches_every_status():
    with fake() as client:
        client.fake("/settings", after_retries="unpaid")
        one = subscribe(client, "requires_action")
        assert one["status"] == "incomplete"
        wait(client, one, 22 * HOUR)
        assert status(client, one) == "incomplete"
        wait(client, one, 2 * HOUR)
        assert status(client, one) == "incomplete_expired"

        one = subscribe(client, "ok", trial_period_days=14)
        assert one["status"] == "trialing"
        wait(client, one, 14 * DAY + 1)
        assert status(client, one) == "active"
        client.fake(f"/customers/{one['customer']}/payment", method="declined")
        wait(client, one, 32 * DAY)
        assert status(client, one) == "past_due"
        wait(client, one, 16 * DAY)
        assert status(client, one) == "unpaid"
        client.v1("DELETE", f"/subscriptions/{one['id']}")
        assert status(client, one) == "canceled"

        one = subscribe(client, "none", trial_period_days=7, trial_settings={
            "end_behavior": {"missing_payment_method": "pause"}})
        wait(client, one, 8 * DAY)
        assert status(client, one) == "paused"
        client.fake(f"/customers/{one['customer']}/payment", method="ok")
        client.post(f"/subscriptions/{one['id']}/resume")
        assert status(client, one) == "active"


def test_a_first_payment_that_needs_the_bank_is_paid_later():
    with fake() as client:
        one = subscribe(client, "requires_action")
        client.fake(f"/customers/{one['customer']}/payment", method="ok")
        client.post(f"/invoices/{one['latest_invoice']}/pay")
        assert status(client, one) == "active"


def test_a_payment_that_fails_is_tried_again_three_times():
    for after, wanted in (("cancel", "canceled"), ("past_due", "past_due")):
        with fake() as client, inbox(client) as box:
            client.fake("/settings", after_retries=after)
            one = subscribe(client)
            client.fake(f"/customers/{one['customer']}/payment",
                        method="declined")
            wait(client, one, 31 * DAY)
            wait(client, one, 15 * DAY)
            assert status(client, one) == wanted
            settled(client)
            assert box.types().count("invoice.payment_failed") == 4
            invoice = client.get("/invoices", customer=one["customer"])["data"][0]
            assert invoice["attempt_count"] == 4
            assert invoice["next_payment_attempt"] is None


def test_an_upgrade_can_wait_for_its_payment():
    for pays, wanted in ((True, PREMIUM), (False, BASIC)):
        with fake() as client, inbox(client) as box:
            one = subscribe(client)
            who = one["customer"]
            client.fake(f"/customers/{who}/payment", method="requires_action")
            one = client.post(
                f"/subscriptions/{one['id']}",
                payment_behavior="pending_if_incomplete",
                items=[{"id": one["items"]["data"][0]["id"], "price": PREMIUM}])
            assert one["pending_update"] and one["status"] == "active"
            if pays:
                client.fake(f"/customers/{who}/payment", method="ok")
                client.post(f"/invoices/{one['latest_invoice']}/pay")
            wait(client, one, DAY)
            one = client.get(f"/subscriptions/{one['id']}")
            assert one["items"]["data"][0]["price"]["id"] == wanted
            assert one["pending_update"] is None
            settled(client)
            assert "customer.subscription.pending_update_" + (
                "applied" if pays else "expired") in box.types()


def test_periods_follow_the_day_of_the_month_that_they_began_on():
    """31 January, then February's last day, then 31 March."""
    begin = 1769860800  # 2026-01-31 12:00
    one = Fake()
    try:
        client = Client(one.url)
        client.fake("/clock", advance=0)
        one.world.clock.real = lambda: begin
        made = subscribe(client)
        ends = []
        for _ in range(3):
            item = client.get(f"/subscriptions/{made['id']}")["items"]["data"][0]
            ends.append(item["current_period_end"])
            wait(client, made, item["current_period_end"] - (
                ends[-2] if len(ends) > 1 else begin))
        assert [time.strftime("%d.%m. %H", time.gmtime(end)) for end in ends
                ] == ["28.02. 12", "31.03. 12", "30.04. 12"]
    finally:
        one.close()


def test_one_customers_time_is_not_anothers():
    with fake() as client:
        first, second = subscribe(client), subscribe(client)
        client.post(f"/subscriptions/{first['id']}", cancel_at_period_end="true")
        client.post(f"/subscriptions/{second['id']}", cancel_at_period_end="true")
        wait(client, first, 32 * DAY)
        assert (status(client, first), status(client, second)) == (
            "canceled", "active")
        client.fake("/clock", advance=32 * DAY)
        assert status(client, second) == "canceled"


def test_a_deleted_customer_is_told_and_a_forgotten_one_was_never_there():
    with fake() as client, inbox(client) as box:
        one = subscribe(client)
        client.v1("DELETE", f"/customers/{one['customer']}")
        assert client.get(f"/customers/{one['customer']}")["deleted"] is True
        assert status(client, one) == "canceled"
        assert refusal(open_session, client, one["customer"]) == (
            400, "resource_missing")
        settled(client)
        assert "customer.deleted" in box.types()
        client.fake(f"/customers/{one['customer']}/forget")
        assert refusal(client.get, f"/customers/{one['customer']}")[0] == 404
        assert refusal(client.get, f"/subscriptions/{one['id']}")[0] == 404


def test_old_and_new_versions_show_their_own_shapes():
    with fake() as client:
        made = subscribe(client)
        old, new = (Client(client.url, version=one).get(
            f"/subscriptions/{made['id']}") for one in (OLD, NEW))
        assert "current_period_end" not in old["items"]["data"][0]
        assert "current_period_end" not in new
        assert old["current_period_end"] == \
            new["items"]["data"][0]["current_period_end"]
        old, new = (Client(client.url, version=one).get(
            f"/invoices/{made['latest_invoice']}") for one in (OLD, NEW))
        assert old["subscription"] == made["id"] and "subscription" not in new
        assert new["parent"]["subscription_details"]["subscription"] == \
            made["id"]
        assert refusal(Client(client.url, version="old").get, "/prices")[0] \
            == 400


def test_events_have_the_shape_of_the_endpoints_version():
    with fake() as client, inbox(client) as box:
        client.fake("/settings", api_version=OLD)
        subscribe(client)
        settled(client)
        event, = [one for one in box.events()
                  if one["type"] == "customer.subscription.created"]
        assert event["api_version"] == OLD
        assert "current_period_end" in event["data"]["object"]


# --- stripe-mock -------------------------------------------------------------

@contextlib.contextmanager
def mirrored():
    """A fake whose requests the real stripe-mock sees, too."""
    if not mirror.PROGRAM.exists():
        raise NotRun("there is no stripe-mock")
    with tempfile.TemporaryDirectory() as folder:
        mock = mirror.Mock(folder)
        try:
            with fake(mock.path) as client:
                yield client
        finally:
            mock.stop()


def test_stripe_mock_accepts_what_all_journeys_ask():
    with mirrored() as client:
        for travel, _ in journeys.JOURNEYS.values():
            travel(journeys.Traveller(client, client.post("/customers")["id"],
                                      "acc_1"))
        found = client.look("/refused")
        assert found["refused"] == [], found["refused"]
        assert found["mirror"] and found["forwarded"] > 30
        return f"{found['forwarded']} requests"


def test_stripe_mock_refuses_what_is_not_in_stripes_openapi():
    """Also what the fake itself took for right."""
    with mirrored() as client:
        name = customer(client)
        open_session(client, name, locale="klingon")
        refusal(client.post, "/customers", nmae="Ann")
        refusal(client.get, "/moons")
        found = client.look("/refused")["refused"]
        assert [one["target"] for one in found] == [
            "/v1/checkout/sessions", "/v1/customers", "/v1/moons"], found
        assert "klingon" in found[0]["body"] and found[0]["status"] == 400
        assert "additional properties" in found[1]["said"], found[1]
        client.fake("/reset")
        assert client.look("/refused")["refused"] == []


def test_what_stripe_mock_did_not_see_it_did_not_accept():
    with fake("/nowhere/stripe-mock.sock") as client:
        client.post("/customers")
        found, = client.look("/refused")["refused"]
        assert found["status"] == 0, found


# --- journeys ----------------------------------------------------------------

def test_each_journey_ends_where_it_says():
    with fake() as client:
        for name, (travel, wanted) in journeys.JOURNEYS.items():
            client.fake("/reset")
            who = journeys.Traveller(client, client.post("/customers")["id"],
                                     "acc_1")
            travel(who)
            found = journeys.outcome(client, who.customer)
            assert found == wanted, f"{name}: {found}"
        return f"{len(journeys.JOURNEYS)} journeys"


# --- the stack's fake --------------------------------------------------------

def test_every_stack_has_a_fake_stripe():
    if "PAWPRINT_STRIPE_URL" not in os.environ:
        raise NotRun("there is no stack")
    client = Client(stack.address("PAWPRINT_STRIPE_URL"),
                    stack.address("PAWPRINT_STRIPE_KEY"))
    assert client.get(f"/prices/{BASIC}")["id"] == BASIC
    label, secret = pathlib.Path(
        stack.address("PAWPRINT_STRIPE_SECRETS")).read_text().split()
    assert label == "stack" and secret.startswith("whsec_")
    assert client.look()["endpoint"].endswith("/webhooks/stripe")
