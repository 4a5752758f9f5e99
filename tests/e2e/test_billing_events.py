"""What follows from Stripe's events: each type and status, and what becomes of
those that can't be done, never came or come while Stripe is away."""
import concurrent.futures
import contextlib
import json
import os
import time
import unittest.mock as mock
import uuid

from kit import billing, stack
from kit.billing import Customer
from stripe import journeys
from stripe.clock import DAY

HOUR = 3600
SOON_S = 2  # from a webhook's answer to the first hit that is taken
NO_SWEEP = {"PAWPRINT_BILLING_SWEEP_SECONDS": "86400"}


class Guest:
    """A customer of billing and of the fake Stripe."""

    def __init__(self, url, stripe, name="Kettles"):
        self.stripe, self.customer = stripe, Customer(url, name)
        self.account = self.customer.account
        session = stripe.get(
            f"/checkout/sessions/{self.customer.checkout()}")
        stripe.post(f"/checkout/sessions/{session['id']}/expire")
        self.id = session["customer"]
        self.who = journeys.Traveller(stripe, self.id, self.account)

    def profile(self):
        return self.customer.profile()

    def becomes(self, plan, status, seconds=20):
        def holds():
            found = self.profile()
            return (found["plan"], found["status"]) == (plan, status)
        try:
            stack.until(f"{plan} {status}", holds, seconds)
        except AssertionError as why:
            raise AssertionError(f"{why}: {self.profile()}") from why

    def happens(self, kind, about=None, **more):
        """Stripe tells of an event of this customer; gives its row, done."""
        name = f"evt_{uuid.uuid4().hex}"
        about = {"id": f"x_{uuid.uuid4().hex[:8]}", "customer": self.id,
                 **(about or {})}
        self.stripe.fake("/events", type=kind, id=name, object=about, **more)
        return settled(name)

    def told(self, kind):
        """How many messages of a kind the account got."""
        return int(stack.postgres(
            "SELECT count(*) FROM notification WHERE kind = "
            f"'{kind}' AND account_id = '{self.account}'"))

    def staff_told(self, of=""):
        return int(stack.postgres(
            "SELECT count(*) FROM notification WHERE kind = 'staff_alert' AND "
            f"account_id = '{self.account}' AND business_key LIKE '%{of}%'"))

    def column(self, name):
        return stack.postgres(f"SELECT {name} FROM billing_profile WHERE "
                              f"account_id = '{self.account}'")

    def past(self):
        """Events about this customer that are done or not to be done."""
        return stack.postgres(
            "SELECT count(*) FROM stripe_event WHERE state IN ('new', "
            f"'failed') AND customer_id = '{self.id}'") == "0"


def state(name):
    return stack.postgres(f"SELECT state FROM stripe_event WHERE event_id = "
                          f"'{name}'")


def settled(name, seconds=20):
    def found():
        word = state(name)
        return word if word not in ("", "new") else None
    return stack.until(f"{name} is done", found, seconds)


@contextlib.contextmanager
def stage(**settings):
    """Billing with those settings, in place of the stack's."""
    stripe = billing.stripe()
    settings.setdefault("PAWPRINT_LIMIT_BILLING_READ", "off")
    stack.services("down", "billing")
    with billing.running(**settings) as url:
        try:
            yield stripe, url
        finally:
            stack.services("up", "billing")
            stripe.call("DELETE", "/_fake/faults")
            stripe.fake("/chaos", drop=0, duplicate=0, shuffle_ms=0)
            stripe.fake("/settings", after_retries="cancel")


# --- types --------------------------------------------------------------------

SYNCS = [
    "customer.subscription.created", "customer.subscription.updated",
    "customer.subscription.deleted", "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired", "invoice.paid",
    "subscription_schedule.updated", "subscription_schedule.released",
    "subscription_schedule.canceled", "customer.deleted",
    "payment_method.attached", "payment_method.detached",
    "payment_method.automatically_updated", "setup_intent.succeeded",
]
KEPT = [
    "checkout.session.expired", "invoice.created", "invoice.finalized",
    "invoice.updated", "invoice.voided", "invoice.marked_uncollectible",
    "invoice.upcoming", "invoice.payment_succeeded", "customer.created",
    "customer.updated", "setup_intent.created", "billing_portal.session.created",
    "billing_portal.configuration.updated",
    "entitlements.active_entitlement_summary.updated",
]
MAILS = [
    ("customer.subscription.trial_will_end", "trial_ending"),
    ("invoice.payment_failed", "payment_failed"),
    ("checkout.session.async_payment_failed", "payment_failed"),
    ("invoice.payment_action_required", "payment_action"),
]
STAFF = ["invoice.finalization_failed", "charge.refunded",
         "charge.dispute.created", "charge.dispute.closed",
         "radar.early_fraud_warning.created"]
PASSED_OVER = ["issuing_card.created"]


def asked(stripe, customer):
    """How often billing asked for that customer's subscriptions."""
    return sum(one["path"] == "/v1/subscriptions" and customer in one["query"]
               for one in stripe.look("/requests")["requests"])


def test_each_type_of_event_has_its_effect_and_no_other():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stack.until("all done", guest.past, 10)
        version = guest.column("version")
        for kind in SYNCS:
            before = asked(stripe, guest.id)
            assert guest.happens(kind) == "done", kind
            assert asked(stripe, guest.id) > before, kind
        for kind in KEPT:
            before = asked(stripe, guest.id)
            assert guest.happens(kind) == "done", kind
            assert asked(stripe, guest.id) == before, kind
        for kind, mail in MAILS:
            before = guest.told(mail)
            about = {"hosted_invoice_url": "https://evil.example/pay"}
            assert guest.happens(kind, about) == "done", kind
            assert guest.told(mail) == before + 1, kind
        for kind in STAFF:
            before = guest.staff_told("stripe/event/")
            assert guest.happens(kind) == "done", kind
            assert guest.staff_told("stripe/event/") == before + 1, kind
        for kind in PASSED_OVER:
            assert guest.happens(kind) == "ignored", kind
        # No address of others was handed on, and nothing that one sees changed.
        assert stack.postgres(
            "SELECT count(*) FROM notification WHERE facts::text LIKE "
            "'%evil.example%'") == "0"
        assert guest.column("version") == version
        return f"{len(SYNCS + KEPT + MAILS + STAFF + PASSED_OVER)} types"


def test_an_events_own_words_decide_nothing():
    """It says canceled and FREE; Stripe, when asked, says otherwise."""
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.PREMIUM)
        guest.becomes("PREMIUM", "active")
        forged = {"id": guest.who.subscription, "status": "canceled",
                  "items": {"data": []}}
        assert guest.happens("customer.subscription.deleted", forged) == "done"
        assert guest.profile()["plan"] == "PREMIUM"
        # Of a customer that nobody has, nothing follows.
        assert guest.happens("customer.subscription.deleted",
                             {"customer": "cus_of_somebody_else"}) == "ignored"


def invoices(guest):
    return guest.customer.call("GET", "/v1/billing/invoices")["invoices"]


def test_invoices_are_shown_as_stripe_has_them_whatever_came_last():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        one = stack.until("it is paid", lambda: [
            row for row in invoices(guest) if row["status"] == "paid"], 10)[0]
        said = stripe.get(f"/invoices/{one['id']}")
        for name in ("number", "amount_due", "amount_paid", "currency"):
            assert one[name] == said[name], name
        assert one["url"] == said["hosted_invoice_url"]
        # An old word that comes late: Stripe is asked, and says it is paid.
        assert guest.happens("invoice.created", {
            **said, "status": "open", "amount_paid": 0}) == "done"
        assert invoices(guest)[0] == one

        guest.who.pay_with("declined")
        guest.who.wait(journeys.MONTH)
        guest.becomes("BASIC", "past_due")
        stack.until("it is open", lambda: invoices(guest)[0]["status"] == "open",
                    10)
        assert guest.profile()["past_due_since"]
        guest.who.pay_with("requires_action")
        assert guest.happens("invoice.payment_action_required") == "done"
        assert guest.profile()["payment_action"]
        guest.who.pay_with("ok")
        stripe.post(f"/invoices/{invoices(guest)[0]['id']}/pay")
        guest.becomes("BASIC", "active")
        assert guest.profile()["past_due_since"] is None
        assert not guest.profile()["payment_action"]
        stack.until("it is paid", lambda: [
            row["status"] for row in invoices(guest)] == ["paid", "paid"], 10)


def test_a_checkout_that_is_over_at_stripe_is_closed_here():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)

        def kept():
            return stack.postgres("SELECT session_id FROM billing_checkout "
                                  f"WHERE account_id = '{guest.account}'")
        stack.until("the first is closed", lambda: kept() == "", 10)
        session = guest.customer.checkout()
        assert kept() == session
        guest.happens("checkout.session.expired", {"id": "cs_another"})
        assert kept() == session
        stripe.post(f"/checkout/sessions/{session}/expire")
        stack.until("it is closed", lambda: kept() == "", 10)
        assert guest.customer.checkout() not in ("", session)


def test_a_deleted_customer_is_let_go_and_staff_hear_of_it():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stripe.v1("DELETE", f"/customers/{guest.id}")
        guest.becomes("FREE", None)
        assert guest.column("stripe_customer_id IS NULL") == "t"
        assert guest.staff_told("stripe/deleted/") == 1
        # Who comes back is a new customer.
        assert guest.customer.checkout().startswith("cs_")


def test_a_price_that_changed_at_stripe_is_told_to_staff():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)

        def told():
            return int(stack.postgres(
                "SELECT count(*) FROM notification WHERE business_key LIKE "
                "'stripe/catalogue/price_basic_year/is not active%'"))

        before = told()
        stripe.post("/prices/price_basic_year", active="false")
        try:
            stack.until("told", lambda: told() == before + 1 or told() == 1, 10)
            done = stack.run_pawprint("billing", "catalogue", "check")
            assert done.returncode == 1
            assert json.loads(done.stdout) == [
                {"price": "price_basic_year",
                 "wrong": "is not active at Stripe"}]
        finally:
            stripe.post("/prices/price_basic_year", active="true")
        assert stack.pawprint("billing", "catalogue", "check") == []
        costs = stack.folder() / "plans-of-another-price"
        plans = json.loads((stack.ROOT / "schemas/plans.json").read_text())
        for plan in plans["plans"]:
            for offer in plan.get("offers", {}).values():
                offer["amount"] += offer["price_id"] == "price_basic_month"
        costs.write_text(json.dumps(plans))
        with mock.patch.dict(os.environ, PAWPRINT_PLANS=str(costs)):
            done = stack.run_pawprint("billing", "catalogue", "check")
        assert json.loads(done.stdout) == [
            {"price": "price_basic_month",
             "wrong": "costs something else at Stripe than we say"}], done
        assert guest.profile()["plan"] == "FREE"


# --- statuses -----------------------------------------------------------------

def test_each_status_of_a_subscription_leads_to_its_plan():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe, "trial")
        guest.who.checkout(journeys.PREMIUM, trial_period_days=14)
        guest.becomes("PREMIUM", "trialing")
        assert guest.column("trial_end > trial_start") == "t"
        guest.who.wait(15 * DAY)
        guest.becomes("PREMIUM", "active")
        guest.who.pay_with("declined")
        guest.who.wait(journeys.MONTH)
        guest.becomes("PREMIUM", "past_due")  # Stripe's dunning decides
        assert guest.column("past_due_since IS NOT NULL") == "t"
        stack.until("told", lambda: guest.told("payment_failed") >= 1, 10)
        guest.who.wait(20 * DAY)
        guest.becomes("FREE", "canceled")
        assert guest.column("past_due_since IS NULL") == "t"

        paused = Guest(url, stripe, "paused")
        journeys.trial_to_paused(paused.who)
        paused.becomes("FREE", "paused")
        stack.until("told", lambda: paused.told("trial_ending") == 1, 10)

        stripe.fake("/settings", after_retries="unpaid")
        unpaid = Guest(url, stripe, "unpaid")
        journeys.unpaid(unpaid.who)
        unpaid.becomes("FREE", "unpaid")


def test_a_first_payment_that_waits_leaves_the_plan_as_it_was():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.pay_with("declined")
        stripe.post("/subscriptions", customer=guest.id,
                    payment_behavior="default_incomplete",
                    items=[{"price": journeys.PREMIUM}])
        guest.becomes("FREE", "incomplete")
        guest.who.wait(24 * HOUR)
        guest.becomes("FREE", "incomplete_expired")


def test_a_cancellation_at_the_periods_end_is_shown_and_comes_then():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.who.update(cancel_at_period_end=True)
        stack.until("shown", lambda: guest.column("cancel_at_period_end") == "t",
                    10)
        guest.becomes("BASIC", "active")
        guest.who.wait(journeys.MONTH)
        guest.becomes("FREE", "canceled")


def test_a_later_downgrade_is_pending_until_then():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.PREMIUM)
        guest.who.downgrade_later(journeys.BASIC)
        stack.until("pending", lambda: guest.column("pending_plan_code")
                    == "BASIC", 10)
        assert guest.profile()["plan"] == "PREMIUM"
        guest.who.wait(journeys.MONTH)
        guest.becomes("BASIC", "active")
        assert guest.column("pending_plan_code") == ""


def test_a_plan_that_staff_gave_stays_and_they_see_the_difference():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        stack.pawprint("account", "plan", guest.account, "PREMIUM")
        guest.who.checkout(journeys.BASIC)
        guest.becomes("PREMIUM", "active")
        stack.until("told", lambda: guest.staff_told("stripe/staff_plan"), 10)


def test_both_shapes_of_the_api_make_the_same_profile():
    with stage(**NO_SWEEP) as (stripe, url):
        first = Guest(url, stripe)
        first.who.checkout(journeys.BASIC)
        first.becomes("BASIC", "active")
        wanted = first.column("current_period_end - current_period_start")
    for version in ("2024-06-20", "2025-03-31.basil"):
        with stage(PAWPRINT_STRIPE_VERSION=version, **NO_SWEEP) as (stripe, url):
            stripe.fake("/settings", api_version=version)
            try:
                guest = Guest(url, stripe)
                guest.who.checkout(journeys.BASIC)
                guest.becomes("BASIC", "active")
                found = guest.column("current_period_end - current_period_start")
                assert found == wanted, (version, found)
            finally:
                stripe.fake("/settings", api_version="2026-07-29.dahlia")


# --- what can't be done -------------------------------------------------------

def push(name):
    """All attempts but the last are over, and that one is due."""
    stack.postgres("UPDATE stripe_event SET attempts = 11, next_at = pp_now() "
                   f"WHERE event_id = '{name}' AND state = 'failed'")


def last_event(guest):
    return stack.postgres(
        "SELECT event_id FROM stripe_event WHERE state IN ('failed', 'dead') AND "
        f"customer_id = '{guest.id}' ORDER BY received_at DESC LIMIT 1")


def test_what_nobody_understands_changes_nothing_dies_and_is_tried_again():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stack.until("all done", guest.past, 10)
        strange = stripe.post(
            "/prices", currency="usd", unit_amount=1, product=stripe.get(
                "/prices/price_basic_month")["product"],
            recurring={"interval": "month"})["id"]
        guest.who.change(strange)
        name = stack.until("one fails", lambda: last_event(guest), 10)
        assert guest.profile()["plan"] == "BASIC"
        assert guest.staff_told("stripe/price/") == 1

        def dies():
            push(name)
            return state(name) == "dead"

        stack.until("it is dead", dies, 10)
        assert int(stack.postgres(
            "SELECT count(*) FROM notification WHERE business_key = "
            f"'stripe/dead/{name}'")) == 1
        dead = stack.pawprint("billing", "dead", "list")
        assert name in [one["event"] for one in dead]
        # The price is known again; no event but the dead one tells of it.
        stripe.fake("/chaos", drop=1)
        guest.who.change(journeys.PREMIUM)
        assert stack.pawprint("billing", "dead", "retry",
                              name) == {"put_back": 1}
        guest.becomes("PREMIUM", "active")
        assert settled(name) == "done"
        assert stack.run_pawprint("billing", "dead", "retry",
                                  name).returncode == 1


def test_a_customer_that_stripe_knows_no_more_keeps_his_plan():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stripe.fake(f"/customers/{guest.id}/forget")
        assert guest.happens("customer.subscription.updated") == "failed"
        assert guest.profile()["plan"] == "BASIC"
        assert guest.staff_told("stripe/missing/") == 1


def test_while_stripe_is_away_events_wait_and_plans_stay():
    settings = {"PAWPRINT_BILLING_AWAY_MS": "500", **NO_SWEEP}
    with stage(**settings) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stack.until("all done", guest.past, 10)
        for kind in ({"kind": "error", "status": 500},
                     {"kind": "hangup"}, {"kind": "error", "status": 429},
                     {"kind": "error", "status": 401}):
            stripe.fake("/hold")
            guest.who.change(journeys.PREMIUM)
            stripe.call("POST", "/_fake/faults", json.dumps(
                {"path": "/v1/subscriptions", "method": "GET", "times": 1000,
                 **kind}).encode())
            stripe.fake("/release")
            stack.until("it waits", lambda: not guest.past(), 20)
            time.sleep(0.5)
            assert guest.profile()["plan"] == "BASIC", kind
            stripe.call("DELETE", "/_fake/faults")
            guest.becomes("PREMIUM", "active", 30)
            stack.until("all done", guest.past, 30)
            assert stack.postgres(
                "SELECT coalesce(max(attempts), 0) FROM stripe_event WHERE "
                f"customer_id = '{guest.id}' AND attempts > 3") == "0", kind
            guest.who.change(journeys.BASIC)
            guest.becomes("BASIC", "active")
            stack.until("all done", guest.past, 10)


# --- what never came ----------------------------------------------------------

def test_what_stripe_could_not_deliver_is_fetched():
    with stage() as (stripe, url):  # the sweep comes each second
        guest = Guest(url, stripe)
        stripe.fake("/chaos", drop=1)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active", 30)


def test_a_list_that_loses_events_while_it_is_read_is_read_to_its_end():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        stripe.fake("/chaos", drop=1)
        names = [f"evt_{uuid.uuid4().hex}" for _ in range(130)]
        for name in names:
            stripe.fake("/events", type="customer.updated", id=name,
                        object={"id": guest.id, "object": "customer"})
        # A page holds a hundred; its last one comes while that is on its way.
        stripe.fake("/faults", kind="slow", method="GET", when="after",
                    seconds=3, times=1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sweep = pool.submit(stack.run_pawprint, "billing", "reconcile",
                                "--undelivered")
            time.sleep(1.5)
            stripe.fake(f"/events/{names[30]}/resend")
            assert settled(names[30]) == "done"
            done = sweep.result()
        assert done.returncode == 0, done
        asked = [one for one in stripe.look("/requests")["requests"]
                 if one["path"].startswith("/v1/events")]
        assert 400 in [one["status"] for one in asked[-4:]], asked[-4:]
        missing = [name for name in names if not state(name)]
        assert not missing, missing


def test_by_hand_too():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        time.sleep(1.5)  # a sweep that is due comes at the start
        stripe.fake("/chaos", drop=1)
        guest.who.checkout(journeys.PREMIUM)
        stripe.fake("/chaos", drop=0)
        assert guest.profile()["plan"] == "FREE"
        found = stack.pawprint("billing", "reconcile", "--undelivered",
                               "--since", "yesterday")
        assert found["added"] >= 2, found
        guest.becomes("PREMIUM", "active")
        assert stack.pawprint("billing", "reconcile",
                              "--undelivered")["added"] == 0


def test_a_comparison_finds_what_differs_and_repairs_it():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stack.until("all done", guest.past, 10)
        stripe.fake("/chaos", drop=1)
        guest.who.change(journeys.PREMIUM)
        words = ("billing", "sync", "account", guest.account)
        dry = stack.pawprint(*words, "--dry-run")
        assert (dry["outcome"], dry["before"], dry["after"]) == (
            "changed", "BASIC", "PREMIUM"), dry
        assert guest.profile()["plan"] == "BASIC"
        assert stack.pawprint(*words)["outcome"] == "changed"
        assert guest.profile()["plan"] == "PREMIUM"
        assert stack.pawprint("billing", "sync", "customer",
                              guest.id)["outcome"] == "same"
        guest.who.change(journeys.BASIC)
        done = stack.run_pawprint("billing", "sync", "all", "--dry-run")
        assert json.loads(done.stdout)["differed"] >= 1, done
        assert guest.profile()["plan"] == "PREMIUM"
    # What the service does each night, each second here.
    with stage(PAWPRINT_BILLING_COMPARE_SECONDS="1",
               **NO_SWEEP) as (stripe, guest.customer.url):
        guest.becomes("BASIC", "active", 30)
        stack.until("told", lambda: int(stack.postgres(
            "SELECT count(*) FROM notification WHERE business_key LIKE "
            "'stripe/drift/%'")), 10)


# --- by hand ------------------------------------------------------------------

def test_events_are_listed_shown_and_done_once_more():
    with stage(**NO_SWEEP) as (stripe, url):
        guest = Guest(url, stripe)
        guest.who.checkout(journeys.BASIC)
        guest.becomes("BASIC", "active")
        stack.until("all done", guest.past, 10)
        listed = stack.pawprint("billing", "events", "list", "--customer",
                                guest.id)
        assert {"customer.subscription.created", "invoice.paid",
                "checkout.session.completed"} <= {one["type"] for one in listed}
        name = listed[0]["event"]
        shown = stack.pawprint("billing", "events", "show", name)
        assert shown["id"] == name and shown["data"]["object"]
        # Whatever was done to the profile meanwhile, a replay mends it.
        stack.postgres("UPDATE billing_profile SET plan_code = 'FREE' WHERE "
                       f"account_id = '{guest.account}'")
        paid = next(one["event"] for one in listed
                    if one["type"] == "invoice.paid")
        assert stack.pawprint("billing", "events", "replay",
                              paid) == {"put_back": 1}
        guest.becomes("BASIC", "active")
        again = stack.pawprint("billing", "events", "replay", "--type",
                               "invoice.paid", "--since", "yesterday")
        assert again["put_back"] >= 1
        for words in (("events", "show", "evt_none"),
                      ("events", "replay", "evt_none"),
                      ("sync", "customer", "cus_none"),
                      ("sync", "account", "nobody")):
            assert stack.run_pawprint("billing", *words).returncode == 1, words
        for words in (("events", "show"), ("dead", "retry"),
                      ("events", "replay", "--type", "a.b"),
                      ("reconcile",)):
            assert stack.run_pawprint("billing", *words).returncode == 2, words


def test_a_webhook_can_be_verified_by_hand():
    folder = stack.folder()
    (folder / "verify-body").write_bytes(b'{"id":"evt_1"}')
    (folder / "verify-secrets").write_text(
        "main whsec_of_a_test_0123456789abcdef\n"
        "over whsec_of_old_0123456789abcdef 2020-01-01T00:00:00Z\n",
        encoding="ascii")
    words = ("billing", "verify", "--secret-file", str(folder / "verify-secrets"),
             "--body", str(folder / "verify-body"), "--header")
    from stripe import sender  # pylint: disable=import-outside-toplevel
    now = int(time.time())
    for secret, at, verdict in (
            ("whsec_of_a_test_0123456789abcdef", now, "good"),
            ("whsec_of_a_test_0123456789abcdef", now - 400, "too_old"),
            ("whsec_of_a_test_0123456789abcdef", now + 400, "too_new"),
            ("whsec_of_old_0123456789abcdef", now, "no_match")):
        made = sender.signature(secret, at, b'{"id":"evt_1"}')
        done = stack.run_pawprint(*words, f"t={at},v1={made}")
        assert json.loads(done.stdout)["verdict"] == verdict, done
        assert done.returncode == (0 if verdict == "good" else 1)
    listed = stack.pawprint("billing", "secrets", "list", "--secret-file",
                            str(folder / "verify-secrets"))
    assert [(one["label"], one["state"]) for one in listed] == [
        ("main", "good"), ("over", "over")]
    assert "whsec" not in json.dumps(listed)
