"""What people see can be read by those who can't see or point well: axe-core."""
import datetime
import pathlib
import re
import tempfile
import uuid

from e2e.test_notifier import an_account, insert, mails
from e2e.test_notifier_public import WARNING
from kit import axe, browser, stack
from kit.hits import Sender
from kit.sentences import NotRun

FAULT = ('<p style="color:#bbbbbb;background:#ffffff">faint</p>'
         '<img src="data:,">')


def require():
    if browser.missing():
        raise NotRun(f"no {', '.join(browser.missing())}")
    if axe.missing():
        raise NotRun(axe.missing())


def a_report():
    """The HTML of one as it came by mail, of today's hits."""
    owner = f"{uuid.uuid4().hex[:8]}@example.com"
    account = an_account(owner)
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "kettles.example")["site"]
    hit = {"site": site, "url": "https://shop.example/cups"}
    stack.until("the site is known", lambda: Sender().send(hit)[0] == 202)
    for value in range(1000, 6000, 1000):
        Sender().send({**hit, "kind": "vital", "name": "LCP", "value": value})
    stack.until("all is stored", lambda: stack.count(
        f"SELECT count() FROM events WHERE site_id = '{site}'") >= 6)
    made = stack.pawprint("report", "subscribe", site, "--to", owner)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    stack.pawprint("report", "send-test", str(made["subscription"]), "--from",
                   str(today - datetime.timedelta(days=6)), "--to",
                   str(today + datetime.timedelta(days=2)))
    mail = stack.until("the mail", lambda: mails(owner))[0]
    return mail.get_body(("html",)).get_content()


def found(window, url):
    """Light and dark, wide and on a phone."""
    faults = []
    for scheme in ("light", "dark"):
        for width in (600, 360):
            window.prefer(scheme)
            window.be_a_phone(width, 900)
            window.open(url)
            faults += [f"{scheme}, {width}: {one}" for one in axe.look(window)]
    return faults


def test_axe_finds_nothing_in_the_mail_of_a_report_and_a_fault_where_one_is():
    require()
    html = a_report()
    with tempfile.TemporaryDirectory() as folder, \
            browser.Browser() as window:
        page = pathlib.Path(folder) / "report.html"
        page.write_text(html, encoding="utf-8")
        assert "Slowest pages" in html, html
        faults = found(window, page.as_uri())
        assert faults == [], faults
        page.write_text(html.replace('<div role="main">',
                                     '<div role="main">' + FAULT),
                        encoding="utf-8")
        faults = "\n".join(found(window, page.as_uri()))
        assert faults.count("color-contrast") == 4, faults
        assert faults.count("image-alt") == 4, faults


def test_axe_finds_nothing_on_the_page_that_unsubscribes():
    require()
    owner = f"{uuid.uuid4().hex[:8]}@example.com"
    insert(an_account(owner), kind="usage_warning", facts=WARNING)
    mail = stack.until("the mail", lambda: mails(owner))[0]
    link = re.search(r"http://127\S+/n/unsubscribe/\S+",
                     mail.get_body(("plain",)).get_content())[0]
    with browser.Browser() as window:
        assert found(window, link) == []
        window.click("button")
        assert axe.look(window) == []
