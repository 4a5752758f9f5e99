"""From a visit to a row, from capacity to 402 to an upgrade, from a webhook to a
plan, from hits to a report in a mailbox. Every process is a container."""
import contextlib
import time
import uuid

from e2e.test_billing_journeys import CALM, Guest, Watch, check
from e2e.test_notifier import mails
from e2e.test_reports import AGENT, a_site, reckoned, shift, subscribe, text_of
from e2e.test_usage_capacity import SOON_S, sql
from e2e.test_usage_upgrade import Buyer
from kit import billing, stack
from kit.hits import Sender
from kit.traffic import visits
from stripe import journeys

VISITS = 200
SHOP = "https://shop.example/"


def known(site):
    """The collector has heard of the site; one hit of it is on its way."""
    stack.until("the site is known", lambda: Sender().send(
        {"site": site, "url": SHOP}, AGENT, "203.0.113.1")[0] == 202, 30)


def rows(site):
    return stack.count(f"SELECT count() FROM events WHERE site_id = '{site}'")


def visited(count):
    """(a new site, the hits that it has taken): so many visits of it."""
    site = a_site("owner@example.com")
    known(site)
    sender, sent = Sender(), 1
    for hits, agent, address in visits(site, count):
        assert sender.send(hits, agent, address)[0] == 202
        sent += len(hits)
    return site, sent


def test_every_hit_of_a_visit_becomes_a_row_and_only_one():
    site, sent = visited(VISITS)
    stack.until("all is stored", lambda: rows(site) >= sent)
    time.sleep(1)
    assert rows(site) == sent, (rows(site), sent)
    return f"{VISITS} visits, {sent} rows"


def test_the_command_line_finds_the_way_through_open():
    told = stack.pawprint("try", "--wait", "30")
    return f"taken after {told['taken_ms']} ms, stored after {told['stored_ms']} ms"


def test_who_has_used_up_a_plan_gets_402_until_an_upgrade_is_paid():
    buyer = Buyer(billing.stripe())
    buyer.run_dry()
    buyer.becomes(402, "refused")
    took = buyer.pay([stack.collector()])
    assert took < SOON_S, took
    assert sql("SELECT plan_code FROM billing_profile WHERE account_id = "
               f"'{buyer.id}'") == "PREMIUM"
    return f"{1000 * took:.0f} ms from the payment on"


def test_every_journey_through_stripe_ends_in_the_plan_that_it_has_there():
    stripe = billing.stripe()
    watch = Watch(stripe)
    stripe.fake("/chaos", **CALM)
    stripe.fake("/settings", after_retries="unpaid")
    with contextlib.ExitStack() as undo:
        undo.callback(stripe.fake, "/settings", after_retries="cancel")
        guests = [Guest(stack.address("PAWPRINT_BILLING_URL"), stripe, name,
                        watch.wait) for name in journeys.JOURNEYS]
        for one in guests:
            one.go()
        return check(guests, watch)


def test_a_day_of_hits_comes_as_one_report_into_a_mailbox():
    tag = uuid.uuid4().hex[:8]
    site = a_site(f"{tag}@example.com")
    known(site)
    made = subscribe(site, f"{tag}@example.com")
    for address, path in (("203.0.113.7", ""), ("203.0.113.7", "cups"),
                          ("198.51.100.8", "")):
        hit = {"site": site, "url": SHOP + path}
        assert Sender().send(hit, AGENT, address)[0] == 202
    stack.until("all is stored", lambda: rows(site) == 4)
    with contextlib.ExitStack() as undo:
        undo.callback(sql, "DELETE FROM job_run WHERE scheduled_for > pp_now()")
        undo.callback(sql, "UPDATE installation SET clock_shift = '0'")
        reckoned(made["subscription"])
        shift(1)
        mail = stack.until("the report", lambda: mails(tag), 90)[0]
    text = text_of(mail)
    line = next(one for one in text.splitlines()
                if one.strip().startswith("Visitors"))
    assert " 3 " in line + " ", text
    time.sleep(2)
    assert len(mails(tag)) == 1
    return str(mail["Subject"])
