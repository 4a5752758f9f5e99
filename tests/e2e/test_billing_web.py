"""Customers' side of billing: pages, calls, and never two of anything."""
import concurrent.futures
import contextlib
import datetime
import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import time
import urllib.parse
import uuid

from kit import stack

BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN", stack.ROOT / "build/bin"))
PRESSES = 20
LATENCY_S = 0.03  # of Stripe, so that presses do meet
DAY = datetime.timedelta(days=1)
WISH = {"plan": "BASIC", "interval": "month"}


class Stripe(http.server.ThreadingHTTPServer):
    """As much of Stripe as a checkout asks: it keeps what was made under an
    idempotency key, and counts."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.customers, self.sessions, self.subscriptions = {}, {}, []
        self.portals = []
        self.kept, self.lock, self.fails = {}, threading.Lock(), None

    def open_sessions(self):
        return [one for one in self.sessions.values()
                if one["status"] == "open"]

    def get(self, path, query):
        if path == "/v1/subscriptions":
            return 200, {"object": "list", "data": [
                one for one in self.subscriptions
                if one["customer"] == query["customer"]]}
        session = self.sessions.get(path.rpartition("/")[2])
        if session:
            return 200, session
        return 404, {"error": {"code": "resource_missing", "param": "session"}}

    def post(self, path, form):
        if path == "/v1/customers":
            made = {**form, "id": f"cus_{uuid.uuid4().hex}"}
            self.customers[made["id"]] = made
            return 200, made
        if form.get("customer", "") not in {"", *self.customers}:
            return 400, {"error": {"code": "resource_missing",
                                   "param": "customer"}}
        if path == "/v1/billing_portal/sessions":
            self.portals.append(form)
            return 200, {"url": f"{self.url}/portal"}
        if path.endswith("/expire"):
            session = self.sessions[path.split("/")[-2]]
            session["status"] = "expired"
            return 200, session
        name = f"cs_{len(self.sessions) + 1}"
        self.sessions[name] = {
            "id": name, "status": "open", "url": f"{self.url}/pay/{name}",
            "customer": form["customer"], "form": form,
            "expires_at": int(form["expires_at"])}
        return 200, self.sessions[name]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        time.sleep(LATENCY_S)
        url = urllib.parse.urlsplit(self.path)
        with self.server.lock:
            answer = self.server.get(
                url.path, dict(urllib.parse.parse_qsl(url.query)))
        self.say(*answer)

    def do_POST(self):
        size = int(self.headers.get("Content-Length") or 0)
        form = dict(urllib.parse.parse_qsl(self.rfile.read(size).decode()))
        key = self.headers.get("Idempotency-Key")
        time.sleep(LATENCY_S)
        with self.server.lock:
            if self.server.fails:
                answer = self.server.fails, {"error": {"type": "api_error"}}
            elif key in self.server.kept:
                answer = self.server.kept[key]
            else:
                answer = self.server.post(self.path, form)
                if key:
                    self.server.kept[key] = answer
        self.say(*answer)


class Billing:
    """Processes of the test's own, in place of the stack's, and a Stripe."""

    def __init__(self, count=1, **settings):
        self.stripe, self.ports, self.running = Stripe(), [], []
        threading.Thread(target=self.stripe.serve_forever,
                         daemon=True).start()
        secrets = stack.folder() / "billing-secrets"
        secrets.write_text("main whsec_0123456789abcdef0123456789abcdef\n",
                           encoding="ascii")
        secrets.chmod(0o600)
        for i in range(count):
            self.start(i, secrets, settings)

    def start(self, i, secrets, settings):
        port, internal = stack.free_port(), stack.free_port()
        env = {**os.environ, "PAWPRINT_BILLING": "on",
               "PAWPRINT_POSTGRES_DSN": stack.address("PAWPRINT_POSTGRES_DSN")
               .replace("pawprint@", "pawprint_billing@"),
               "PAWPRINT_STRIPE_URL": self.stripe.url,
               "PAWPRINT_STRIPE_KEY": "sk_test_of_a_test",
               "PAWPRINT_STRIPE_SECRETS": str(secrets),
               "PAWPRINT_BILLING_URL": f"http://127.0.0.1:{port}",
               "PAWPRINT_BILLING_ADDRESS": "127.0.0.1",
               "PAWPRINT_BILLING_PORT": str(port),
               "PAWPRINT_INTERNAL_PORT": str(internal),
               "PAWPRINT_LIMIT_BILLING": "off", **settings}
        log = (stack.folder() / "log" / f"billing-web-{i}").open("ab")
        self.running.append(subprocess.Popen(
            [BIN / "billing"], env=env, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log))
        self.ports.append(port)

        def ready():
            with contextlib.suppress(OSError):
                return self.call("GET", "/nothing", port=port)[0] == 404
            return False
        stack.until("billing ready", ready)

    def call(self, method, path, body=None, port=None, **headers):
        """Status, headers and body; no redirect is followed."""
        link = http.client.HTTPConnection("127.0.0.1", port or self.ports[0],
                                          timeout=30)
        headers = {name.replace("_", "-"): value
                   for name, value in headers.items()}
        link.request(method, path, body, headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, answer.headers, text

    def api(self, token, method, path, body=None, port=None, **headers):
        status, _, text = self.call(
            method, path, None if body is None else json.dumps(body),
            port=port, Authorization=f"Bearer {token}",
            Content_Type="application/json", **headers)
        return status, json.loads(text)

    def stop(self):
        for one in self.running:
            one.terminate()
        for one in self.running:
            one.wait(30)
        self.stripe.shutdown()
        self.stripe.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def new_account(name="Kettles"):
    return stack.pawprint("account", "create", "--name", name, "--mail",
                          "owner@example.com")["account"]


def new_token(account, role="owner"):
    return stack.pawprint("account", "token", "create", account, "--role",
                          role)["token"]


def test_twenty_presses_at_once_make_one_customer_and_one_session():
    token = new_token(new_account())
    with Billing(2) as billing, \
            concurrent.futures.ThreadPoolExecutor(PRESSES) as presses:
        answers = list(presses.map(
            lambda i: billing.api(token, "POST", "/v1/billing/checkout", WISH,
                                  port=billing.ports[i % 2]), range(PRESSES)))
        assert {status for status, _ in answers} == {201}, answers
        assert len({answer["url"] for _, answer in answers}) == 1, answers
        assert len(billing.stripe.customers) == 1
        assert len(billing.stripe.sessions) == 1
        form = billing.stripe.sessions["cs_1"]["form"]
        assert form["line_items[0][price]"] == "price_basic_month"
        assert form["success_url"].endswith("/billing?checkout=done")


def test_another_plan_ends_the_open_session_first():
    token = new_token(new_account())
    with Billing() as billing:
        for wish in (WISH, {"plan": "PREMIUM", "interval": "year"}, WISH):
            status, _ = billing.api(token, "POST", "/v1/billing/checkout",
                                    wish)
            assert status == 201
            assert len(billing.stripe.open_sessions()) == 1
        assert len(billing.stripe.sessions) == 3
        assert len(billing.stripe.customers) == 1


def test_a_second_subscription_is_impossible():
    account = new_account()
    token = new_token(account)
    with Billing() as billing:
        billing.api(token, "POST", "/v1/billing/checkout", WISH)
        # It was paid, and no webhook has come yet.
        billing.stripe.sessions["cs_1"]["status"] = "complete"
        customer = billing.stripe.sessions["cs_1"]["customer"]
        billing.stripe.subscriptions.append(
            {"customer": customer, "status": "active"})
        refused = (409, {"result": "already_subscribed",
                         "hint": "POST /v1/billing/portal"})
        assert billing.api(token, "POST", "/v1/billing/checkout",
                           WISH) == refused
        # And when it has come.
        stack.postgres(
            "UPDATE billing_profile SET subscription_status = 'past_due' "
            f"WHERE account_id = '{account}'")
        billing.stripe.subscriptions.clear()
        assert billing.api(token, "POST", "/v1/billing/checkout",
                           WISH) == refused
        assert billing.api(token, "POST", "/v1/billing/portal")[0] == 201
        assert len(billing.stripe.sessions) == 1


def test_stripe_away_changes_nothing_and_is_said():
    token = new_token(new_account())
    with Billing() as billing:
        billing.stripe.fails = 500
        status, headers, text = billing.call(
            "POST", "/v1/billing/checkout", json.dumps(WISH),
            Authorization=f"Bearer {token}", Content_Type="application/json")
        assert status == 503 and int(headers["Retry-After"]) > 0, text
        assert json.loads(text) == {"result": "stripe_away"}
        billing.stripe.fails = None
        assert billing.api(token, "POST", "/v1/billing/checkout",
                           WISH)[0] == 201
        assert len(billing.stripe.customers) == 1


def test_a_customer_that_stripe_knows_no_more_is_made_again():
    token = new_token(new_account())
    with Billing() as billing:
        billing.api(token, "POST", "/v1/billing/checkout", WISH)
        billing.stripe.sessions["cs_1"]["status"] = "expired"
        gone = billing.stripe.sessions["cs_1"]["customer"]
        del billing.stripe.customers[gone]
        status, answer = billing.api(token, "POST", "/v1/billing/checkout",
                                     WISH)
        assert status == 201, answer
        assert billing.stripe.sessions["cs_2"]["customer"] != gone
        assert len(billing.stripe.customers) == 1


def test_the_same_key_gets_the_same_answer():
    token = new_token(new_account())
    with Billing() as billing:
        first = billing.api(token, "POST", "/v1/billing/checkout", WISH,
                            Idempotency_Key="press-1")
        billing.stripe.sessions["cs_1"]["status"] = "expired"
        assert billing.api(token, "POST", "/v1/billing/checkout", WISH,
                           Idempotency_Key="press-1") == first
        assert billing.api(
            token, "POST", "/v1/billing/checkout",
            {"plan": "PREMIUM", "interval": "month"},
            Idempotency_Key="press-1") == (422, {"result": "key_reused"})
        # Another account's key is another key.
        other = new_token(new_account())
        assert billing.api(other, "POST", "/v1/billing/checkout", WISH,
                           Idempotency_Key="press-1")[1] != first[1]


def test_only_a_valid_token_opens_anything():
    account = new_account()
    token = new_token(account, "billing")
    with Billing() as billing:
        assert billing.api(token, "GET", "/v1/billing")[0] == 200
        for wrong in ("", "x", token[:-1], token + "A", "pp_" + "a" * 43):
            assert billing.api(wrong, "GET", "/v1/billing") == (
                401, {"result": "unauthenticated"}), wrong
        made = stack.pawprint("account", "token", "list", account)[0]
        assert made["last_used_at"] and token.startswith(made["prefix"])
        stack.pawprint("account", "token", "revoke", account, made["id"])
        assert billing.api(token, "GET", "/v1/billing")[0] == 401
    dump = stack.postgres("SELECT account_token::text FROM account_token")
    assert token not in dump


def test_the_sixth_call_in_a_minute_is_told_when_to_come_again():
    token = new_token(new_account())
    with Billing(PAWPRINT_LIMIT_BILLING="5/m") as billing:
        answers = [billing.call("POST", "/v1/billing/portal",
                                Authorization=f"Bearer {token}")
                   for _ in range(6)]
        assert [one[0] for one in answers] == 5 * [409] + [429], answers
        assert 0 < int(answers[5][1]["Retry-After"]) <= 12
        # Another token has its own, and looking is free.
        assert billing.api(token, "GET", "/v1/billing")[0] == 200


def test_processes_count_calls_together():
    token = new_token(new_account())
    with Billing(2, PAWPRINT_LIMIT_BILLING="5/m") as billing:
        time.sleep(2)  # until they have the same key to count under
        taken = 0
        for i in range(10):
            taken += billing.call(
                "POST", "/v1/billing/portal", port=billing.ports[i % 2],
                Authorization=f"Bearer {token}")[0] == 409
            time.sleep(0.5)  # they tell each other
        # Each hears of the other with its own next call: one too many.
        assert 5 <= taken <= 6, taken


def test_usage_is_what_the_command_line_says():
    account = new_account()
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "s")["site"]
    token = new_token(account)
    stack.postgres(
        "INSERT INTO usage_bucket SELECT account_id, date_bin('15 minutes', "
        "created_at, '2000-01-01') + interval '15 minutes', "
        f"'{site}', 'pageview', false, 4321 FROM account WHERE "
        f"account_id = '{account}'")
    stack.postgres(
        "INSERT INTO usage_correction (account_id, bucket_at, site_id, kind, "
        "bot, n, counted, stored) SELECT account_id, bucket_at, site_id, kind, "
        f"bot, -21, n, n - 21 FROM usage_bucket WHERE site_id = '{site}'")
    stack.postgres(
        f"INSERT INTO usage_refused SELECT '{site}', "
        "date_trunc('hour', now()), 'collector', 'foreign_origin', 7")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    week = f"from={today - DAY}&to={today + 2 * DAY}"
    with Billing() as billing:
        _, usage = billing.api(token, "GET", "/v1/billing/usage")
        _, about = billing.api(token, "GET", "/v1/billing")
        _, days = billing.api(token, "GET", f"/v1/billing/usage?{week}")
        _, hours = billing.api(token, "GET",
                               f"/v1/billing/usage?{week}&step=hour")
    shown = stack.pawprint("usage", "show", account)
    # No event was ever stored: `prove usage` would find it.
    stack.postgres(f"DELETE FROM usage_bucket WHERE site_id = '{site}'")
    stack.postgres(f"DELETE FROM usage_refused WHERE site_id = '{site}'")
    stack.postgres(f"DELETE FROM usage_correction WHERE site_id = '{site}'")
    assert usage["used"] == shown["used"] == 4300, (usage, shown)
    assert usage["limit"] == 5000 and usage["state"] == "ok", usage
    assert usage["refused"] == {"foreign_origin": 7}, usage
    # The account's page has the same, and so have days and hours in sum.
    assert about["usage"].items() <= usage.items(), (about, usage)
    for range_ in (days, hours):
        steps = range_["steps"]
        assert sum(one["used"] for one in steps) == 4300, range_
        assert sum(one["corrections"] for one in steps) == -21, range_
        assert [one["refused"] for one in steps if one["refused"]] == [
            {"foreign_origin": 7}], range_
    assert all(one["at"].endswith("T00:00:00.000Z") for one in days["steps"])


def test_usage_of_no_time_is_refused_with_a_reason():
    token = new_token(new_account())
    with Billing() as billing:
        for query in ("from=2026-11-02&to=2026-11-01", "from=x",
                      "from=2026-11-01&to=2027-11-05", "step=week"):
            assert billing.api(token, "GET", f"/v1/billing/usage?{query}") == (
                400, {"result": "invalid_field"}), query
        assert billing.api(
            token, "GET", "/v1/billing/usage?from=2020-01-01&to=2020-02-01"
        )[1]["steps"] == []


def test_the_portal_is_opened_for_one_thing():
    account = new_account()
    token = new_token(account)
    with Billing() as billing:
        def portal(flow):
            return billing.api(token, "POST", "/v1/billing/portal",
                               {"flow": flow})
        assert portal("update") == (409, {"result": "no_customer"})
        billing.api(token, "POST", "/v1/billing/checkout", WISH)
        assert portal("cancel") == (409, {"result": "no_subscription"})
        assert portal("payment_method")[0] == 201
        stack.postgres(
            "UPDATE billing_profile SET stripe_subscription_id = 'sub_1', "
            f"subscription_status = 'active' WHERE account_id = '{account}'")
        assert portal("cancel")[0] == 201
        asked = billing.stripe.portals[-1]
        assert asked["flow_data[type]"] == "subscription_cancel", asked
        assert asked["flow_data[subscription_cancel][subscription]"] == "sub_1"


def sign_in(billing, account):
    """The cookie, by a link; gives the link's path too."""
    link = urllib.parse.urlsplit(
        stack.pawprint("account", "login-link", account)["url"])
    path = f"{link.path}?{link.query}"
    status, _, page = billing.call("GET", path)
    assert status == 200 and "Open" in page, page
    status, headers, _ = billing.call(
        "POST", link.path, link.query,
        Content_Type="application/x-www-form-urlencoded")
    assert (status, headers["Location"]) == (303, "/billing")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie
    return cookie.partition(";")[0], path


def test_a_link_opens_the_page_once_and_its_forms_lead_to_stripe():
    account = new_account("<script>alert(1)</script> & Sons")
    with Billing() as billing:
        cookie, path = sign_in(billing, account)
        assert billing.call("GET", path)[0] == 410
        assert billing.call("GET", "/billing")[0] == 401
        status, headers, page = billing.call("GET", "/billing", Cookie=cookie)
        assert status == 200 and "<script" not in page, page
        assert "&lt;script&gt;" in page
        assert billing.stripe.url in headers["Content-Security-Policy"]
        form = re.search(r'name="form" value="([^"]+)"', page).group(1)
        fields = {**WISH, "form": form}
        status, headers, _ = billing.call(
            "POST", "/billing/checkout", urllib.parse.urlencode(fields),
            Cookie=cookie)
        assert status == 303, status
        assert headers["Location"] == f"{billing.stripe.url}/pay/cs_1"
        for wrong in ({**fields, "form": form[:-1] + "!"}, WISH):
            status, headers, _ = billing.call(
                "POST", "/billing/checkout", urllib.parse.urlencode(wrong),
                Cookie=cookie)
            assert status == 403, status
            assert headers["X-Pawprint-Result"] == "foreign_form"
        assert billing.call(
            "POST", "/billing/checkout", urllib.parse.urlencode(fields),
            Cookie=cookie, Sec_Fetch_Site="cross-site")[0] == 403
        assert billing.call("POST", "/billing/logout", f"form={form}",
                            Cookie=cookie)[0] == 303
        assert billing.call("GET", "/billing", Cookie=cookie)[0] == 401


def test_a_blocked_account_pays_nothing_and_sees_why():
    account = new_account()
    token = new_token(account)
    stack.pawprint("account", "block", account, "--reason", "a test")
    with Billing() as billing:
        assert billing.api(token, "POST", "/v1/billing/checkout", WISH) == (
            403, {"result": "account_blocked"})
        assert billing.api(token, "GET", "/v1/billing/usage")[1]["blocked"]
        assert not billing.stripe.customers


def test_without_billing_its_routes_are_gone():
    token = new_token(new_account())
    with Billing(PAWPRINT_BILLING="off") as billing:
        for method, path in (("GET", "/billing"), ("GET", "/v1/billing"),
                             ("POST", "/v1/billing/checkout"),
                             ("GET", "/billing/login")):
            assert billing.call(method, path, Authorization=f"Bearer {token}"
                                )[0] == 404, path


def test_nothing_secret_is_in_a_log():
    for log in (stack.folder() / "log").glob("billing-web-*"):
        text = log.read_text(encoding="utf-8")
        for secret in ("pp_", "pl_", "ps_", "sk_test_of", "/pay/",
                       "owner@example.com"):
            assert secret not in text, (log, secret)
