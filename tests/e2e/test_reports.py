"""Reports: the right numbers, once a period, to whoever wants them."""
import contextlib
import json
import re
import signal
import time
import uuid

from e2e.test_notifier import (Endpoint, Notifiers, an_account, at_once,
                               attempts, ends, insert, mails, mode, psql, state)
from e2e.test_notifier_public import ONE_CLICK, Public, arrived
from e2e.test_notifier_public import unsubscribe_link
from kit import stack
from kit.hits import Sender

ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
AGENT = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
         "Gecko) Chrome/126.0.0.0 Safari/537.36")


@contextlib.contextmanager
def reports_every_second():
    with stack.with_settings("reports", PAWPRINT_REPORTS_DISPATCH_SECONDS=1,
                             PAWPRINT_REPORTS_SPREAD_SECONDS=0):
        try:
            yield
        finally:
            stack.services("down", "reports")
            psql("UPDATE installation SET clock_shift = '0'")
            # The clock goes back, which it does nowhere else.
            psql("DELETE FROM job_run WHERE scheduled_for > pp_now()")


def shift(days):
    psql("UPDATE installation SET is_test = true")
    psql(f"UPDATE installation SET clock_shift = '{days} days'")


def a_site(owner):
    account = stack.pawprint("account", "create", "--name", "Kettles & cups",
                             "--mail", owner)["account"]
    return stack.pawprint("site", "create", "--account", account,
                          "--name", "kettles.example")["site"]


def a_minute_ago():
    """By the clock of UTC, so that it is due at once a day later."""
    now = time.gmtime()
    return f"{now.tm_hour:02}:{max(now.tm_min - 1, 0):02}"


def subscribe(site, recipient, *options):
    return stack.pawprint("report", "subscribe", site, "--to", recipient,
                          "--every", "day", "--at", a_minute_ago(), *options)


def reckoned(subscription):
    stack.until("it is known when it is due", lambda: psql(
        "SELECT next_at <> '-infinity' FROM report_subscription WHERE "
        f"subscription_id = {subscription}") == [["t"]])


def runs(subscription):
    """Of its reports that are done: how many messages each asked for."""
    return [row[0] for row in psql(
        "SELECT numbers->>'messages' FROM job_run WHERE job = 'report' AND "
        f"scope LIKE '{subscription}/%' AND state = 'done' ORDER BY "
        "scheduled_for")]


def text_of(mail, kind="plain"):
    return mail.get_body((kind,)).get_content()


def as_slack_gets_it(site):
    """The report that was mailed, to a webhook of the test's own."""
    endpoint = Endpoint()
    with Notifiers(1):
        psql("INSERT INTO notification (business_key, kind, account_id, "
             "site_id, channel, target, facts) SELECT business_key || '/slack', "
             f"kind, account_id, site_id, 'slack', '{endpoint.url}/slack', facts "
             f"FROM notification WHERE site_id = '{site}' AND kind = 'report'")
        stack.until("Slack is told", lambda: endpoint.got)
    return json.loads(endpoint.got[0][2])


def test_a_day_of_hits_comes_as_one_mail_with_the_right_numbers():
    tag = uuid.uuid4().hex[:8]
    owner = f"{tag}@example.com"
    site = a_site(owner)
    stack.until("the site is known", lambda: Sender().send(
        {"site": site, "url": "https://shop.example/", "id": "x"}, ROBOT,
        "203.0.113.1")[0] == 202, 20)
    made = subscribe(site, owner)
    assert made["state"] == "active"
    stack.until("the first is stored", lambda: stack.count(
        f"SELECT count() FROM events WHERE site_id = '{site}'") == 1)
    for address, urls in (
            ("203.0.113.7", ["/", "/cups"]), ("198.51.100.8", ["/"]),
            ("192.0.2.9", ["/<b>https://evil.example/x</b>"])):
        assert Sender().send(
            [{"site": site, "url": "https://shop.example" + url}
             for url in urls], AGENT, address)[0] == 202
    for value in (1000, 2000, 3000, 4000, 5000):
        assert Sender().send(
            {"site": site, "url": "https://shop.example/", "kind": "vital",
             "name": "LCP", "value": value}, AGENT, "203.0.113.7")[0] == 202
    stack.until("all is stored", lambda: stack.count(
        f"SELECT count() FROM events WHERE site_id = '{site}'") == 10)
    with reports_every_second():
        reckoned(made["subscription"])
        shift(1)
        mail = stack.until("the report", lambda: mails(tag))[-1]
        text, html = text_of(mail), text_of(mail, "html")
        in_slack = as_slack_gets_it(site)
        # Another second, another process: the period has been told.
        stack.services("kill", "reports")
        stack.services("up", "reports")
        time.sleep(3)
        assert len(mails(tag)) == 1
        assert runs(made["subscription"]) == ["1"]
    assert re.fullmatch(r"kettles\.example, \w+ \d+ \w+ \d+: 3 visitors",
                        str(mail["Subject"])), mail["Subject"]
    # What the robot asked for is in no number.
    for label, value in (("Visitors", "3"), ("Visits", "3"),
                         ("Page views", "4"),
                         ("Largest content shown (LCP)", "4.00 s")):
        line = next(one for one in text.splitlines()
                    if one.strip().startswith(label + "  "))
        assert value in line, line
        assert f">{label}</td>" in html and f">{value}</td>" in html
        assert f"\n{label}: {value}" in in_slack["text"], in_slack
    assert "66.7 %" in text and "66.7 %" in html  # two of three left at once
    assert "evil.example" not in text and "evil.example" not in html
    assert "<b>" not in html
    assert in_slack["mrkdwn"] is False and "<" not in in_slack["text"]
    assert "evil.example" not in in_slack["text"]
    assert re.fullmatch(rf"<{site}\.report\.\S+>", mail["List-Id"])
    assert mail["Feedback-ID"] == "report:pawprint"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Precedence"] is None
    link, = re.findall(r'href="([^"]*)"', html)
    assert "/n/unsubscribe/" in link and link in text
    assert len(html) < 60 * 1024
    frozen = json.loads(psql("SELECT numbers FROM report_run WHERE "
                             f"subscription_id = {made['subscription']}"
                             )[0][0])
    assert frozen["figures"]["visitors"] == {"now": 3, "before": 0}
    shown = stack.pawprint("report", "preview", site, "--from",
                           frozen["period"]["first"], "--to",
                           frozen["period"]["end"])
    assert shown["figures"] == frozen["figures"]
    return f"{len(html)} bytes of HTML"


def test_that_nobody_came_is_said_once():
    tag = uuid.uuid4().hex[:8]
    owner = f"{tag}@example.com"
    one = subscribe(a_site(owner), owner)["subscription"]
    with reports_every_second():
        reckoned(one)
        shift(1)
        stack.until("the first is done", lambda: runs(one) == ["1"])
        shift(2)
        stack.until("the second is done", lambda: runs(one) == ["1", "0"])
        # Everything was away for five days: what is too late is left out.
        stack.services("down", "reports")
        shift(7)
        stack.services("up", "reports")
        stack.until("the others are", lambda: len(runs(one)) == 4)
        time.sleep(2)
        assert runs(one) == ["1", "0", "0", "0"]
        mail, = mails(tag)
    assert str(mail["Subject"]).endswith(": no traffic")


def test_a_stranger_is_asked_first_and_ends_it_with_one_click():
    tag = uuid.uuid4().hex[:8]
    site = a_site("owner@example.com")
    # A number of four digits, as they are before long.
    psql("SELECT setval(pg_get_serial_sequence('report_subscription', "
         "'subscription_id'), 1000 + nextval(pg_get_serial_sequence("
         "'report_subscription', 'subscription_id')))")
    with Public() as public:
        one = subscribe(site, f"{tag}@example.com")
        assert one["state"] == "unconfirmed"
        number_of_it = str(one["subscription"])

        def state():
            return psql("SELECT state FROM report_subscription WHERE "
                        f"subscription_id = {number_of_it}")[0][0]

        mail = arrived(tag)
        link = re.search(r"https://\S+/n/confirm/\S+", text_of(mail))[0]
        assert stack.run_pawprint("report", "send-test",
                                  number_of_it).returncode == 1
        for _ in range(3):
            status, _, page = public.ask(link)
            assert status == 200 and "Do you want these reports?" in page
        assert state() == "unconfirmed"
        assert "You get these reports" in public.ask(link, b"do=confirm")[2]
        assert state() == "active"

        stack.pawprint("report", "send-test", number_of_it)
        mail = stack.until("the test", lambda: mails(tag)[1:])[0]
        assert "[Test]" in mail["Subject"]
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = unsubscribe_link(mail)
        assert public.ask(link)[0] == 200 and state() == "active"
        status, _, page = public.ask(link, ONE_CLICK)
        assert status == 200 and "You have unsubscribed" in page
        assert state() == "unsubscribed"
        assert stack.run_pawprint("report", "send-test",
                                  number_of_it).returncode == 1
        assert stack.run_pawprint("report", "resume",
                                  number_of_it).returncode == 1
        public.ask(link, b"do=undo")
        assert state() == "active"
        # A subscription that is gone has been ended, too.
        psql("DELETE FROM report_subscription WHERE subscription_id = "
             + number_of_it)
        status, _, page = public.ask(link, ONE_CLICK)
        assert status == 200 and "You have unsubscribed" in page


def test_where_nothing_arrives_it_is_stopped_and_the_owner_told_once():
    tag = uuid.uuid4().hex[:8]
    site = a_site(f"{tag}@example.com")
    hook = f"https://{tag}.example/hook"
    one = str(subscribe(site, hook, "--channel", "webhook")["subscription"])
    listed = lambda: stack.pawprint("report", "list", "--site", site)[0]
    assert listed()["state"] == "active"
    with reports_every_second():
        psql("INSERT INTO suppression (channel, target, code, answer) VALUES "
             f"('webhook', '{hook}', 410, 'gone')")
        stack.until("it is stopped", lambda: listed()["state"] == "disabled")
        assert listed()["reason"] == "gone"
        mail, = stack.until("the owner is told", lambda: mails(tag))
        assert hook in text_of(mail)
        # Resumed without a cure it is stopped again, without another mail.
        stack.run_pawprint("report", "resume", one)
        stack.until("again", lambda: listed()["state"] == "disabled")
        time.sleep(2)
        assert len(mails(tag)) == 1
        psql(f"DELETE FROM suppression WHERE target = '{hook}'")
        stack.run_pawprint("report", "resume", one)
        time.sleep(2)
        assert listed()["state"] == "active"


def test_the_staff_gets_a_mail_a_day_with_the_worst_in_its_subject():
    with reports_every_second():
        stack.until("it has run for a while", lambda: psql(
            "SELECT count(*) > 1 FROM job_run WHERE job = 'report.dispatch' "
            "AND state = 'done'") == [["t"]])
        # Ten days on, where no other test has been: the mail is of the day
        # before or, until its hour has come, of the one before that.
        psql("INSERT INTO job_run (job, scope, scheduled_for, state, "
             "finished_at) SELECT 'report.test', days::text, pp_now(), 'dead', "
             "pp_now() + days * interval '1 day' FROM unnest(ARRAY[8, 9]) AS "
             "days ON CONFLICT DO NOTHING")
        before = len(mails("staff@"))
        shift(10)
        stack.until("the mail", lambda: [
            mail for mail in mails("staff@")[before:]
            if "Runs of jobs given up" in str(mail["Subject"])])
        psql("DELETE FROM job_run WHERE job = 'report.test'")


EMPTY = {"subscription": 0, "period": "Mon 16 Nov 2026"}


def test_no_report_comes_twice_whoever_is_killed_or_cut_off():
    account = an_account()
    for point, copies, becomes in (("claimed", 1, "sent"),
                                   ("before_dot", 0, "unknown"),
                                   ("after_dot", 1, "unknown"),
                                   ("recorded", 1, "sent")):
        tag = uuid.uuid4().hex[:8]
        with Notifiers(0) as notifiers:
            process = notifiers.start(PAWPRINT_CRASH=f"notifier.{point}")
            key = insert(account, f"{tag}@example.com", kind="report_empty",
                         facts=EMPTY)
            assert process.wait(30) == -signal.SIGKILL
            notifiers.processes.append(notifiers.start())
            ends(key, becomes)
        assert len(mails(tag)) == copies, point
    with Notifiers(1, PAWPRINT_NOTIFIER_TIMEOUT_MS="1500"):
        tag = uuid.uuid4().hex[:8]
        key = insert(account, f"cut.dot.1@{tag}.example", kind="report_empty",
                     facts=EMPTY)
        ends(key, "unknown")
        assert attempts(key) == [("doubtful", 0)] and len(mails(tag)) == 1
        again = insert(account, f"452.dot.1@{tag}.example", kind="report_empty",
                       facts=EMPTY)
        stack.until("it was refused", lambda: ("again", 452) in attempts(again))
        at_once(again)
        ends(again, "sent")


def was_at_the_dot(key):
    """Whether it was written down, at the last attempt, that the final dot
    follows."""
    return psql("SELECT at_dot FROM delivery JOIN notification n USING "
                f"(notification_id) WHERE n.business_key = '{key}' ORDER BY "
                "delivery.fence DESC LIMIT 1")[0][0] == "t"


def all_ended(keys):
    """Those that wait for their next attempt do not have to."""
    among = ", ".join(f"'{key}'" for key in keys)
    return psql("WITH soon AS (UPDATE notification SET not_before = pp_now() "
                f"WHERE business_key IN ({among}) AND state = 'due') SELECT "
                f"count(*) FROM notification WHERE business_key IN ({among}) "
                "AND state IN ('due', 'sending')") == [["0"]]


def test_a_hostile_relay_gets_no_report_out_twice():
    """The recipient's address tells the mailbox what to answer where."""
    cases = [  # address, how the attempts end, what becomes of it, copies
        ("421.rcpt.1", [("away", 421), ("sent", 250)], "sent", 1),
        ("421.dot.1", [("again", 421), ("sent", 250)], "sent", 1),
        ("450.rcpt.1", [("again", 450), ("sent", 250)], "sent", 1),
        ("450.dot.1", [("again", 450), ("sent", 250)], "sent", 1),
        ("451.data.2", [("again", 451)] * 2 + [("sent", 250)], "sent", 1),
        ("552.dot", [("failed", 552)], "failed", 0),
        ("554.rcpt", [("failed", 554)], "failed", 0),
        ("554.data", [("failed", 554)], "failed", 0),
        ("554.dot", [("failed", 554)], "failed", 0),
        ("cut.rcpt.1", [("away", 0), ("sent", 250)], "sent", 1),
        ("cut.data.1", [("again", 0), ("sent", 250)], "sent", 1),
        # The dot of a small body is on its way before anybody sees the cut.
        ("cut.body", [("doubtful", 0)], "unknown", 0),
        ("cut.dot", [("doubtful", 0)], "unknown", 1),
        ("slow.rcpt.1", [("away", 0), ("sent", 250)], "sent", 1),
        ("slow.dot", [("doubtful", 0)], "unknown", 1),
    ]
    account = an_account()
    tags = [uuid.uuid4().hex[:8] for _ in cases]
    with Notifiers(4, PAWPRINT_NOTIFIER_TIMEOUT_MS="1500"):
        keys = [insert(account, f"{case[0]}@{tag}.example",
                       kind="report_empty", facts=EMPTY)
                for case, tag in zip(cases, tags)]
        stack.until("all have ended", lambda: all_ended(keys))
        for key, tag, (address, ended, becomes, copies) in zip(
                keys, tags, cases):
            assert (state(key), attempts(key)) == (becomes, ended), (
                address, state(key), attempts(key))
            # The slow one is kept two seconds after it was given up.
            stack.until(f"{address}: {copies} copies",
                        lambda t=tag, c=copies: len(mails(t)) == c, 5)
            assert was_at_the_dot(key) == (
                becomes in ("sent", "unknown") or address.endswith(".dot")
            ), address
            assert psql("SELECT handed_over_at IS NOT NULL FROM notification "
                        f"WHERE business_key = '{key}'") == [
                            ["t" if becomes == "sent" else "f"]], address
        # Whoever does not exist gets no other report, and it is not tried.
        tag = uuid.uuid4().hex[:8]
        for becomes in ("failed", "suppressed"):
            key = insert(account, f"550.rcpt.1@{tag}.example",
                         kind="report_empty", facts=EMPTY)
            ends(key, becomes)
        assert attempts(key) == [("suppressed", 0)] and not mails(tag)
    return f"{len(cases)} ways of answering"


def test_no_report_goes_to_a_relay_that_is_away_or_does_not_encrypt():
    account, tag = an_account(), uuid.uuid4().hex[:8]
    for number, (line, code) in enumerate((("greeting 421", 421),
                                           ("starttls 454", 454))):
        to = f"{tag}.{number}@example.com"
        with Notifiers(1), mode(line):
            key = insert(account, to, kind="report_empty", facts=EMPTY)
            stack.until("it was tried", lambda k=key, c=code: (
                ("away", c) in attempts(k)))
            assert state(key) in ("due", "sending") and not mails(to)
        ends(key, "sent", 60)
        rest = attempts(key)
        assert rest.pop() == ("sent", 250)
        assert all(one == ("away", code) for one in rest), rest
        assert [mail["X-Tls"] for mail in mails(to)] == ["yes"]
        assert psql("SELECT attempts FROM notification WHERE business_key = "
                    f"'{key}'") == [["1"]]
