"""What people and mail servers answer: links of mails, mails that came back."""
import base64
import contextlib
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid

from e2e import NotRun
from e2e.test_notifier import (Notifiers, an_account, attempts, ends, insert,
                               mails, psql, state)
from kit import browser, stack

URL = "https://pawprint.example"  # a proxy's, which is not there
SECRET = "of-a-test-that-mail-servers-know-too"
KEYS = "the-first-key-of-links-of-a-test-0001"
ONE_CLICK = b"List-Unsubscribe=One-Click"
WARNING = {"percent": 80, "used": 40000, "limit": 50000}


class Public(Notifiers):
    """One notifier whose public port is asked directly, past the proxy."""

    def __init__(self, **settings):
        self.port = stack.free_port()
        super().__init__(1, **{
            "PAWPRINT_LINK_URL": URL, "PAWPRINT_LINK_KEYS": KEYS,
            "PAWPRINT_NOTIFIER_ADDRESS": "127.0.0.1",
            "PAWPRINT_NOTIFIER_PORT": str(self.port),
            "PAWPRINT_BOUNCE_SECRET": SECRET, **settings})
        stack.until("the public port answers", self.answers)

    def answers(self):
        with contextlib.suppress(OSError):
            return self.ask("/")[0] == 404

    def ask(self, where, body=None, **headers):
        """Status, headers and text of a GET, or of a POST where body is."""
        where = f"http://127.0.0.1:{self.port}" + where.removeprefix(URL)
        request = urllib.request.Request(where, body, {
            name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    def bounce(self, report, secret=SECRET):
        return self.ask("/n/bounces", report, Authorization=f"Bearer {secret}")


def arrived(tag):
    return stack.until(f"mail for {tag}", lambda: mails(tag))[-1]


def unsubscribe_link(mail):
    return re.fullmatch(r"<(https://\S+)>", mail["List-Unsubscribe"])[1]


def a_rule(account):
    """An alert rule of a new site of the account."""
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "Kettles <shop>")["site"]
    return str(stack.pawprint("alert", "add", site, "spike")["alert"])


def muted_s(rule):
    """For how many seconds more; None: it is not."""
    found = psql("SELECT round(extract(epoch FROM snoozed_until - pp_now())) "
                 f"FROM alert_rule WHERE alert_id = {rule}")[0][0]
    return int(found) if found else None


def report(mail, status, action="failed"):
    """What a mail server writes about a mail that it took."""
    return (
        "From: MAILER-DAEMON@mx.example\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        ' boundary="b/1"\r\n\r\n--b/1\r\nContent-Type: text/plain\r\n\r\n'
        "It did not arrive.\r\n--b/1\r\n"
        "Content-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {mail['To']}\r\nAction: {action}\r\n"
        f"Status: {status}\r\n"
        "Diagnostic-Code: smtp; 550 said so by the test\r\n\r\n--b/1\r\n"
        "Content-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: {mail['Message-ID']}\r\n\r\n--b/1--\r\n").encode()


def listed(account):
    """Every message of the account, the newest first."""
    return stack.pawprint("notify", "list", "--account", account)


# --- unsubscribe --------------------------------------------------------------


def test_one_click_switches_warnings_off_and_another_on_again():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public() as public:
        insert(account, kind="usage_warning", facts=WARNING)
        mail = arrived(tag)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = unsubscribe_link(mail)
        assert tag not in urllib.parse.unquote(link)
        assert link in mail.get_body(("plain",)).get_content()
        # Whoever only looks, as scanners do, changes nothing.
        for _ in range(3):
            status, _, page = public.ask(link)
            assert status == 200 and "Unsubscribe?" in page
        ends(insert(account, kind="usage_warning", facts=WARNING), "sent")

        status, _, page = public.ask(link, ONE_CLICK)
        assert status == 200 and "You have unsubscribed" in page
        assert "You have unsubscribed" in public.ask(link)[2]
        key = insert(account, kind="usage_warning", facts=WARNING)
        ends(key, "suppressed")
        assert listed(account)[0]["answer"] == "the recipient has unsubscribed"
        # Other kinds are others; of what nobody may miss there is no link.
        ends(insert(account), "sent")
        assert arrived(tag)["List-Unsubscribe"] is None
        ends(insert(account, "else@example.com", kind="usage_warning",
                    facts=WARNING), "sent")

        assert "You get these mails again" in public.ask(link, b"do=undo")[2]
        ends(insert(account, kind="usage_warning", facts=WARNING), "sent")
        # The other form that RFC 8058 allows.
        parted = (b'--x\r\nContent-Disposition: form-data; name="List-'
                  b'Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n')
        assert public.ask(link, parted, Content_Type="multipart/form-data; "
                          "boundary=x")[0] == 200
        ends(insert(account, kind="usage_warning", facts=WARNING), "suppressed")


def test_a_link_works_for_an_account_that_is_gone_and_with_an_old_key():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public():
        insert(account, kind="grace_reminder", facts={
            **WARNING, "grace_ends_at": "2026-12-07T14:30:00Z"})
        link = unsubscribe_link(arrived(tag))
    psql(f"DELETE FROM account WHERE account_id = '{account}'")
    newer = "the-next-key-of-links-of-a-test-0002"
    with Public(PAWPRINT_LINK_KEYS=f"{newer},{KEYS}") as public:
        assert public.ask(link, ONE_CLICK)[0] == 200
    with Public(PAWPRINT_LINK_KEYS=newer) as public:
        assert public.ask(link, ONE_CLICK)[0] == 404


# --- snooze -------------------------------------------------------------------


def test_an_alert_is_muted_by_its_mail_for_as_long_as_is_chosen():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public() as public:
        rule = a_rule(account)
        stack.pawprint("alert", "test", rule)
        text = arrived(tag).get_body(("plain",)).get_content()
        link = re.search(r"https://pawprint\.example/n/snooze/\S+", text)[0]
        for _ in range(2):
            status, _, page = public.ask(link)
            assert status == 200 and "Mute this alert?" in page
            assert "Far more traffic than usual" in page
            assert "Kettles &lt;shop&gt;" in page
        assert muted_s(rule) is None
        for choice, seconds in (("1h", 3600), ("1d", 86400), ("1w", 604800)):
            status, _, page = public.ask(link, f"for={choice}".encode())
            assert status == 200 and "This alert is muted" in page
            assert "Europe/Berlin" in page
            assert abs(muted_s(rule) - seconds) < 30, (choice, muted_s(rule))
            assert stack.pawprint("alert", "list", account)[0]["snoozed_until"]
        assert "This alert is on again" in public.ask(link, b"for=off")[2]
        assert muted_s(rule) is None
        for nothing in (b"", b"for=", b"for=1y", b"x=1h", b"for=-1", b"&&="):
            assert "Mute this alert?" in public.ask(link, nothing)[2]
        assert muted_s(rule) is None
        psql(f"DELETE FROM alert_rule WHERE alert_id = {rule}")
        for body in (None, b"for=1h"):
            assert public.ask(link, body)[0] == 404
    return f"a link of {len(link)} characters"


# --- strangers ----------------------------------------------------------------


def test_what_is_no_link_of_ours_changes_nothing_and_is_limited():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public(PAWPRINT_LIMIT_LINKS="20/m") as public:
        insert(account, kind="usage_warning", facts=WARNING)
        link = unsubscribe_link(arrived(tag))
        swapped = link.replace("/unsubscribe/", "/snooze/")
        longer = link.replace("/unsubscribe/", "/unsubscribe/f")
        for wrong in (link[:-1], link + "x", swapped, longer,
                      f"{URL}/n/unsubscribe/x", f"{URL}/n/unsubscribe/..."):
            assert public.ask(wrong, ONE_CLICK)[0] == 404, wrong
        assert psql("SELECT count(*) FROM opt_out WHERE account_id = "
                    f"'{account}'") == [["0"]]
        answers = [public.ask(swapped) for _ in range(30)]
        assert answers[-1][0] == 429
        assert int(answers[-1][1]["Retry-After"]) > 0
        # Providers post many people's links from one network.
        assert public.ask(link, ONE_CLICK)[0] == 200
        assert [public.ask(link)[0] for _ in range(30)][-1] == 429


def test_the_public_port_is_narrow():
    with Public() as public:
        for where, body, status in (
                ("/", None, 404), ("/n/", None, 404), ("/n/snooze/", None, 404),
                ("/metrics", None, 404), ("/n/bounces", None, 405),
                ("/n/bounces", b"x", 401),
                ("/n/bounces", b"x" * 300000, 413),
                ("/n/snooze/" + "x" * 20000, None, 414)):
            said, headers, page = public.ask(where, body)
            assert said == status, (where[:40], said)
            if said in (404, 405, 413):
                assert headers["Content-Security-Policy"].startswith(
                    "default-src 'none'; style-src 'sha256-")
                assert headers["Cache-Control"] == "no-store"
                assert headers["Referrer-Policy"] == "no-referrer"
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert "<script" not in page
    with Notifiers(1):  # without keys there is no port, and no link
        tag = uuid.uuid4().hex[:8]
        insert(an_account(f"{tag}@example.com"), kind="usage_warning",
               facts=WARNING)
        mail = arrived(tag)
        assert mail["List-Unsubscribe"] is None
        assert "/n/" not in mail.get_body(("plain",)).get_content()


def test_no_token_gets_into_the_log():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public() as public:
        insert(account, kind="usage_warning", facts=WARNING)
        link = unsubscribe_link(arrived(tag))
        public.ask(link)
        public.ask(link, ONE_CLICK)
        public.ask(link + "x")
        public.bounce(b"x", SECRET + "x")
    log = (stack.folder() / "log/notifier").read_text(encoding="utf-8")
    assert '"event":"link.used"' in log
    for secret in (link.rsplit(".", 1)[1], SECRET, KEYS, f"{tag}@"):
        assert secret not in log


def test_while_postgres_is_away_a_link_says_to_try_again():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Public() as public:
        insert(account, kind="usage_warning", facts=WARNING)
        link = unsubscribe_link(arrived(tag))
        stack.stop_server("postgres", signal.SIGINT)
        try:
            for ask in (lambda: public.ask(link, ONE_CLICK),
                        lambda: public.bounce(report(mails(tag)[0], "5.1.1"))):
                status, headers, _ = ask()
                assert status == 503 and headers["Retry-After"]
        finally:
            stack.bring_back()
        stack.until("it works again",
                    lambda: public.ask(link, ONE_CLICK)[0] == 200)


# --- mails that come back -----------------------------------------------------


def test_a_mail_that_came_back_stops_the_next_and_staff_is_told():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com", f"Kettles {tag}")
    with Public() as public:
        key = insert(account)
        mail = arrived(tag)
        ends(key, "sent")
        assert public.bounce(report(mail, "5.1.1"), "wrong" * 8)[0] == 401
        for status, said in (("4.4.1", "logged"), ("5.1.1", "suppressed"),
                             ("5.1.1", "repeated")):
            answer = public.bounce(report(mail, status))
            assert answer[0] == 200 and f'"{said}"' in answer[2], answer
        second = insert(account)
        ends(second, "suppressed")
        assert len(mails(tag)) == 1
        rows = {row["key"]: row for row in listed(account)}
        assert rows[key]["state"] == "bounced"
        assert rows[second]["answer"] == ("the target gets nothing more: 5.1.1 "
                                          "550 said so by the test")
        assert [row["state"] for row in stack.pawprint(
            "notify", "list", "--attempts", key)] == ["sent", "delayed",
                                                      "bounced"]
        told = stack.until("staff is told", lambda: [
            one for one in mails("staff@") if tag in str(one["Subject"])])
        assert len(told) == 1 and "came back" in str(told[0]["Subject"])
        assert [one["target"] for one in
                stack.pawprint("notify", "suppressed", "list")
                if tag in one["target"]] == [f"{tag}@example.com"]
        stack.pawprint("notify", "suppressed", "remove", f"{tag}@EXAMPLE.com")
        ends(insert(account), "sent")
    gone = stack.run_pawprint("notify", "suppressed", "remove", "x@y.example")
    assert gone.returncode == 1


def test_a_mail_server_hands_reports_over_by_a_pipe():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    insert(account, kind="usage_warning", facts=WARNING)
    mail = arrived(tag)
    stack.until("it is recorded", lambda: listed(account)[0]["state"] == "sent")

    def pipe(text):
        done = subprocess.run(
            [stack.ROOT / "build/bin/pawprint", "notify", "bounce"],
            input=text, capture_output=True, check=False)
        return done.returncode, done.stdout.decode().strip()

    assert pipe(b"Subject: I am on holiday\r\n\r\nBack soon.\r\n") == (
        0, "no_report")
    assert pipe(report(mail, "2.0.0", "delivered")) == (0, "delivered")
    assert pipe(report(mail, "5.1.1")) == (0, "suppressed")
    stack.stop_server("postgres", signal.SIGINT)
    try:
        assert pipe(report(mail, "5.1.1"))[0] == 75
    finally:
        stack.bring_back()
    key = insert(account)
    ends(key, "suppressed", 60)
    assert attempts(key) == [("suppressed", 0)] and state(key) == "suppressed"


# --- how it looks -------------------------------------------------------------

# The least contrast of a text to what is behind it, as WCAG 2.1 reckons it.
CONTRAST = """
const light = c => {
  const [r, g, b] = c.match(/[0-9.]+/g).map(v => v / 255).map(v =>
    v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = e => {
  const c = getComputedStyle(e).backgroundColor;
  return c === 'rgba(0, 0, 0, 0)' ? behind(e.parentElement) : c;
};
return Math.min(...[...document.querySelectorAll('h1, p, button')].map(e => {
  const a = light(getComputedStyle(e).color), b = light(behind(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}));
"""


def looks_right(window, name):
    """Readable in light and dark, nothing wider than the screen."""
    backs = set()
    for scheme in ("light", "dark"):
        window.prefer(scheme)
        backs.add(window.run(
            "return getComputedStyle(document.body).backgroundColor"))
        assert window.run(CONTRAST) >= 4.5, (name, scheme)
        picture = base64.b64decode(window.picture())
        (stack.folder() / f"{name}-{scheme}.png").write_bytes(picture)
    assert len(backs) == 2
    assert window.run("return document.documentElement.scrollWidth <= "
                      "window.innerWidth")
    assert window.run("return getComputedStyle(document.querySelector("
                      "'button')).minHeight") == "48px"


def clicks_through(window, name, steps):
    """steps: what to click, and the heading that then is there."""
    for step, words in steps:
        if step:
            window.click(step)
        stack.until(words, lambda w=words: w in window.run(
            "return document.querySelector('h1').textContent"))
        looks_right(window, f"{name}-{words.split()[-1].strip('?').lower()}")
    assert not window.log()


def test_a_page_is_readable_on_a_phone_and_needs_no_script():
    if browser.missing():
        raise NotRun(f"no {', '.join(browser.missing())}")
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    rule = a_rule(account)
    # As the stack has it: links that a browser here can open.
    insert(account, kind="usage_warning", facts=WARNING)
    stack.pawprint("alert", "test", rule)
    stack.until("both mails", lambda: len(mails(tag)) == 2)
    text = "".join(mail.get_body(("plain",)).get_content()
                   for mail in mails(tag))
    snooze = re.search(r"http://127\S+/n/snooze/\S+", text)[0]
    unsubscribe = re.search(r"http://127\S+/n/unsubscribe/\S+", text)[0]
    with browser.Browser() as window:
        window.be_a_phone(360, 640)
        window.open(snooze)
        clicks_through(window, "snooze", (
            (None, "Mute this alert?"),
            ("button[value='1d']", "This alert is muted"),
            ("button", "This alert is on again")))
        window.open(unsubscribe)
        clicks_through(window, "unsubscribe", (
            (None, "Unsubscribe?"),
            ("button", "You have unsubscribed"),
            ("button", "You get these mails again")))
