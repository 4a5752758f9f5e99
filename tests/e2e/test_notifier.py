"""Messages to people: each once, whoever is killed, and what answers mean."""
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time
import uuid

from kit import stack

MESSAGES = 300
KILLS = 25
TIMEOUT_MS = 500  # so a lease ends after 1.5 s
BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN", stack.ROOT / "build/bin"))


def psql(sql):
    """Rows of texts."""
    done = subprocess.run(
        ["psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1",
         stack.address("PAWPRINT_POSTGRES_DSN"), "-c", sql],
        check=True, capture_output=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def mailbox():
    return pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))


def mails(tag):
    """Those whose recipient has tag in it, in the order they came."""
    found = []
    for path in sorted(mailbox().glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(),
                                        policy=email.policy.default)
        if tag in mail["X-Envelope-To"]:
            found.append(mail)
    return found


class Notifiers:
    """Processes of the test's own, in place of the stack's."""

    def __init__(self, count, **settings):
        self.settings = {"PAWPRINT_NOTIFIER_TIMEOUT_MS": str(TIMEOUT_MS),
                         "PAWPRINT_NOTIFIER_ALLOW_NETWORKS": "127.0.0.1",
                         **settings}
        self.dsn = stack.address("PAWPRINT_POSTGRES_DSN").replace(
            "pawprint@", "pawprint_notifier@")
        self.log = (stack.folder() / "log/notifier").open("ab")
        stack.services("down", "notifier")
        self.processes = [self.start() for _ in range(count)]

    def start(self, **more):
        port = stack.free_port()
        return subprocess.Popen(
            [BIN / "notifier"], stdout=self.log, stderr=self.log,
            env={**os.environ, "PAWPRINT_POSTGRES_DSN": self.dsn,
                 "PAWPRINT_INTERNAL_PORT": str(port), **self.settings, **more})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)
        self.log.close()
        stack.services("up", "notifier")


def an_account(mail="owner@example.com", name="Kettles & Café"):
    return stack.pawprint("account", "create", "--name", name, "--mail", mail,
                          "--zone", "Europe/Berlin")["account"]


FACTS = {"used": 51234, "limit": 50000, "grace_ends_at": "2026-12-07T14:30:00Z"}


def insert(account, target=None, channel="mail", kind="capacity_depleted",
           facts=None):
    """A message, as any service asks for one; gives its key."""
    key = f"test/{uuid.uuid4().hex}"
    where = f"'{target}'" if target else "NULL"
    facts = json.dumps(FACTS if facts is None else facts)
    psql("INSERT INTO notification (business_key, kind, account_id, channel, "
         f"target, facts) VALUES ('{key}', '{kind}', '{account}', "
         f"'{channel}', {where}, $f${facts}$f$) ON CONFLICT DO NOTHING")
    return key


def state(key):
    return psql("SELECT state FROM notification "
                f"WHERE business_key = '{key}'")[0][0]


def attempts(key):
    """How each attempt ended, with its code."""
    return [(row[0], int(row[1])) for row in psql(
        "SELECT d.state, code FROM delivery d JOIN notification USING "
        f"(notification_id) WHERE business_key = '{key}' ORDER BY d.fence")]


def ends(key, wanted, seconds=30):
    stack.until(f"{key} is {wanted}: {attempts(key)}",
                lambda: state(key) == wanted, seconds)


def at_once(key):
    """What waits for its next attempt does not have to."""
    psql("UPDATE notification SET not_before = pp_now() "
         f"WHERE business_key = '{key}' AND state = 'due'")


@contextlib.contextmanager
def mode(line):
    """What the mailbox does with everybody meanwhile."""
    (mailbox() / "mode").write_text(line + "\n", encoding="ascii")
    try:
        yield
    finally:
        (mailbox() / "mode").unlink()


# --- mail ---------------------------------------------------------------------


def test_a_mail_says_the_same_in_html_and_text_and_comes_encrypted():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    began = time.monotonic()
    key = insert(account)
    ends(key, "sent")
    took = time.monotonic() - began
    mail, = mails(tag)
    assert mail["X-Tls"] == "yes"
    assert mail["To"] == f"{tag}@example.com"
    assert str(mail["Subject"]) == (
        "Capacity depleted: Kettles & Café has used its 50,000 events")
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for fact in ("51,234 of 50,000 events",
                 "Mon 7 Dec 2026, 15:30 Europe/Berlin"):
        assert fact in text and fact in html, fact
    assert "Kettles & Café" in text and "Kettles &amp; Café" in html
    name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    assert mail["Message-ID"] == f"<{name}@pawprint.example>"
    row = psql("SELECT handed_over_at IS NOT NULL FROM notification "
               f"WHERE business_key = '{key}'")
    assert row == [["t"]] and attempts(key) == [("sent", 250)]
    return f"{took:.2f} s from its row to the mailbox"


def test_nobody_gets_a_header_in_by_the_name_of_an_account():
    tag = uuid.uuid4().hex[:8]
    name = "Ann\r\nBcc: all@example.com\r\n\r\n<script>x</script>"
    key = insert(an_account(f"{tag}@example.com", name))
    ends(key, "sent")
    mail, = mails(tag)
    assert mail["Bcc"] is None
    assert "Bcc: all@example.com" in str(mail["Subject"])
    assert "<script>" not in mail.get_body(("html",)).get_content()


def test_what_the_relay_answers_decides_what_becomes_of_a_mail():
    """The recipient's address tells the mailbox what to answer where."""
    cases = [  # address, how the attempts end, what becomes of it, copies
        ("450.rcpt.1", [("again", 450), ("sent", 250)], "sent", 1),
        ("451.data.2", [("again", 451)] * 2 + [("sent", 250)], "sent", 1),
        ("452.dot.1", [("again", 452), ("sent", 250)], "sent", 1),
        ("421.dot.1", [("again", 421), ("sent", 250)], "sent", 1),
        ("421.rcpt.1", [("away", 421), ("sent", 250)], "sent", 1),
        # All of a small body is on its way before anybody sees the cut.
        ("cut.body.1", [("doubtful", 0), ("sent", 250)], "sent", 1),
        ("slow.dot.1", [("doubtful", 0), ("sent", 250)], "sent", 2),
        ("cut.dot.1", [("doubtful", 0), ("sent", 250)], "sent", 2),
        ("552.dot", [("failed", 552)], "failed", 0),
        ("554.data", [("failed", 554)], "failed", 0),
        ("554.rcpt", [("failed", 554)], "failed", 0),
    ]
    account = an_account()
    # Less than what is slow, more than a handshake on a busy machine takes.
    with Notifiers(1, PAWPRINT_NOTIFIER_TIMEOUT_MS="1500"):
        for address, ended, becomes, copies in cases:
            tag = uuid.uuid4().hex[:8]
            key = insert(account, f"{address}@{tag}.example")
            for count in range(1, len(ended)):
                stack.until(f"{address}: attempt {count}", lambda c=count: len(
                    [one for one in attempts(key) if one[0] != "trying"]) >= c)
                at_once(key)
            ends(key, becomes)
            assert attempts(key) == ended, (address, attempts(key))
            # The slow one is kept two seconds after it was given up.
            stack.until(f"{address}: {copies} copies",
                        lambda t=tag, c=copies: len(mails(t)) == c, 5)
            assert len({mail["Message-ID"] for mail in mails(tag)}) == min(copies, 1)
    return f"{len(cases)} ways of answering"


def test_a_mailbox_that_does_not_exist_gets_nothing_more():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"550.rcpt.1@{tag}.example")
    first = insert(account)
    ends(first, "failed")
    second = insert(account)
    ends(second, "suppressed")
    assert attempts(second) == [("suppressed", 0)] and not mails(tag)
    listed = stack.pawprint("notify", "list", "--suppressed")
    assert [one["answer"] for one in listed if tag in one["target"]] == [
        "550 5.1.1 told so by the test"]
    stack.pawprint("notify", "resend", second, "--lift")
    ends(second, "sent")
    assert len(mails(tag)) == 1
    assert stack.run_pawprint("notify", "resend", second).returncode == 1
    shown = stack.pawprint("notify", "list", "--attempts", second)
    assert [one["state"] for one in shown] == ["suppressed", "sent"]


def test_a_mail_that_comes_back_without_its_headers_is_known_by_its_address():
    tag = uuid.uuid4().hex[:8]
    with Notifiers(1, PAWPRINT_MAIL_BOUNCES="back@in.example"):
        key = insert(an_account(), f"{tag}@example.com")
        ends(key, "sent")
    mail, = mails(tag)
    back, = re.findall(r"back\+[0-9a-f]{32}@in\.example",
                       mail["X-Envelope-From"])
    assert mail["Message-ID"].startswith(f"<{back[5:37]}@"), mail["Message-ID"]
    assert "List-Id" not in mail and "List-Unsubscribe" not in mail
    report = (f"To: <{back}>\nContent-Type: multipart/report; boundary=b\n\n"
              "--b\nContent-Type: message/delivery-status\n\nAction: failed\n"
              "Status: 5.1.1\n\n--b--\n")
    for result in ("suppressed", "repeated"):
        done = subprocess.run(
            [stack.ROOT / "build/bin/pawprint", "notify", "bounce"],
            input=report, capture_output=True, text=True, check=True)
        assert result in done.stdout, done
    assert psql("SELECT count(*) FROM suppression WHERE target = "
                f"'{tag}@example.com'") == [["1"]]


def test_while_the_relay_is_away_mails_wait_and_no_attempt_counts():
    account = an_account()
    with mode("greeting 421"):
        stack.services("down", "notifier")  # it has a connection open
        stack.services("up", "notifier")
        keys = [insert(account) for _ in range(3)]
        stack.until("the relay is known to be away", lambda: stack.metrics(
            "notifier")["pawprint_notifier_relay_away"] == 1)
        time.sleep(3)
        assert {state(key) for key in keys} <= {"due", "sending"}
        assert stack.metrics("notifier")[
            'pawprint_notifier_waiting{channel="mail"}'] >= 3
    for key in keys:
        ends(key, "sent", 60)
        rest = attempts(key)
        assert rest.pop() == ("sent", 250)
        assert all(one == ("away", 421) for one in rest), rest
    assert psql("SELECT count(*) FROM notification WHERE attempts > 1 AND "
                f"account_id = '{account}'") == [["0"]]


def test_nothing_is_mailed_to_a_relay_that_refuses_to_encrypt():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Notifiers(1), mode("starttls 454"):
        key = insert(account)
        stack.until("it was tried", lambda: ("away", 454) in attempts(key))
        assert not mails(tag)
    ends(key, "sent", 60)
    assert mails(tag)[0]["X-Tls"] == "yes"


def test_without_a_relay_messages_wait_and_a_metric_says_so():
    account = an_account()
    with Notifiers(1, PAWPRINT_SMTP_URL="", PAWPRINT_MAIL_FROM=""):
        key = insert(account)
        time.sleep(2)
        assert (state(key), attempts(key)) == ("due", [])
    ends(key, "sent")


def test_a_message_that_can_never_be_sent_fails_in_words_and_stops_nobody():
    account = an_account()
    broken = [
        (insert(account, kind="love_letter"), "no such kind"),
        (insert(account, facts={"used": 1}), "needs the fact 'limit'"),
        (insert(account, facts={**FACTS, "grace_ends_at": "soon"}),
         "invalid input syntax"),
        (insert(account, facts={**FACTS, "plan": "x" * 20000}), "too large"),
        (insert(account, target="no address"), "not an address"),
        (insert("nobody"), "no address to send it to"),
    ]
    good = insert(account)
    ends(good, "sent")
    for key, why in broken:
        ends(key, "failed")
        said = stack.pawprint("notify", "list", "--attempts", key)[0]["answer"]
        assert why in said, said


# --- kills --------------------------------------------------------------------


def copies_of(keys, tag):
    """Message-ID to the number of mails, and the ids of keys."""
    ids = {f"<{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"
           "@pawprint.example>": key for key in keys}
    copies = dict.fromkeys(ids.values(), 0)
    for mail in mails(tag):
        copies[ids[mail["Message-ID"]]] += 1
    return copies


def test_each_message_is_mailed_once_while_three_notifiers_are_killed():
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    dice = random.Random(20261125)
    keys = [f"kill/{tag}/{number}" for number in range(MESSAGES)]
    killed = 0
    points = ["claimed", "before_dot", "after_dot", "recorded"]
    # A pause between the final dot and its answer, so that kills meet it.
    with mode("pause 100"), Notifiers(3) as notifiers:
        rows = ", ".join(f"('{key}', 'capacity_depleted', '{account}', "
                         f"$f${json.dumps(FACTS)}$f$)" for key in keys)
        feeder = threading.Thread(target=lambda: [psql(
            "INSERT INTO notification (business_key, kind, account_id, facts) "
            f"VALUES {rows} ON CONFLICT DO NOTHING") for _ in range(2)])
        feeder.start()
        end = time.monotonic() + 90
        left = MESSAGES
        while left and time.monotonic() < end:
            time.sleep(dice.uniform(0.05, 0.25))
            which = dice.randrange(3)
            process = notifiers.processes[which]
            if process.poll() is None and killed < KILLS and dice.random() < 0.5:
                process.kill()
            if process.poll() is not None or killed < KILLS:
                process.kill()
                process.wait()
                killed += 1
                # Half of those that follow kill themselves, at a named point.
                crash = {}
                if killed < KILLS and dice.random() < 0.5:
                    crash["PAWPRINT_CRASH"] = (
                        f"notifier.{dice.choice(points)}:{dice.randint(1, 20)}")
                notifiers.processes[which] = notifiers.start(**crash)
            left = int(psql("SELECT count(*) FROM notification WHERE state <> "
                            f"'sent' AND account_id = '{account}'")[0][0])
        feeder.join()
        assert left == 0, f"{left} were not sent"
    assert killed >= KILLS // 2, killed
    copies = copies_of(keys, tag)
    doubtful = {row[0]: int(row[1]) for row in psql(
        "SELECT business_key, count(*) FILTER (WHERE d.state IN ('lost', "
        "'doubtful', 'trying')) FROM notification JOIN delivery d USING "
        f"(notification_id) WHERE account_id = '{account}' GROUP BY 1")}
    wrong = {key: (count, doubtful[key]) for key, count in copies.items()
             if not 1 <= count <= 1 + doubtful[key]}
    assert not wrong, f"copies, doubtful attempts: {wrong}"
    twice = sum(1 for count in copies.values() if count > 1)
    return (f"{MESSAGES} messages, {killed} kills, {sum(doubtful.values())} "
            f"attempts lost, {twice} messages twice")


def crash_at(point):
    """Copies of one message whose first notifier dies there."""
    tag = uuid.uuid4().hex[:8]
    account = an_account(f"{tag}@example.com")
    with Notifiers(0) as notifiers:
        process = notifiers.start(PAWPRINT_CRASH=f"notifier.{point}")
        key = insert(account)
        assert process.wait(30) == -signal.SIGKILL
        notifiers.processes.append(notifiers.start())
        ends(key, "sent")
        states = [one[0] for one in attempts(key)]
    found = mails(tag)
    assert len({mail["Message-ID"] for mail in found}) == 1
    return len(found), states


def test_only_a_kill_between_the_final_dot_and_its_record_makes_a_second_copy():
    for point, copies, states in (
            ("claimed", 1, ["lost", "sent"]),
            ("before_dot", 1, ["lost", "sent"]),
            ("after_dot", 2, ["lost", "sent"]),
            ("recorded", 1, ["sent"])):
        assert crash_at(point) == (copies, states), point


def test_a_notifier_that_was_stopped_too_long_sends_no_final_dot():
    """Its lease is over; the other one has sent the mail meanwhile."""
    tag = uuid.uuid4().hex[:8]
    account = an_account()
    with Notifiers(1, PAWPRINT_NOTIFIER_TIMEOUT_MS="3000") as notifiers:
        key = insert(account, f"slow.rcpt.1@{tag}.example")
        stack.until("it is tried", lambda: attempts(key))
        first = notifiers.processes[0]
        first.send_signal(signal.SIGSTOP)
        try:
            notifiers.processes.append(notifiers.start())
            ends(key, "sent", 60)
        finally:
            first.send_signal(signal.SIGCONT)
        stack.until("the first has written it down", lambda: all(
            one[0] not in ("trying", "lost") for one in attempts(key)))
        assert [one[0] for one in attempts(key)][-1] == "sent"
    assert len(mails(tag)) == 1, attempts(key)


def test_what_the_relay_took_is_recorded_when_postgres_comes_back():
    tag = uuid.uuid4().hex[:8]
    account = an_account()
    with Notifiers(1, PAWPRINT_NOTIFIER_TIMEOUT_MS="20000"):
        key = insert(account, f"slow.dot.1@{tag}.example")
        stack.until("it is tried", lambda: attempts(key))
        stack.stop_server("postgres", signal.SIGINT)
        stack.until("the relay has it", lambda: mails(tag))
        stack.bring_back()
        ends(key, "sent")
        assert attempts(key) == [("sent", 250)] and len(mails(tag)) == 1


# --- HTTP ---------------------------------------------------------------------


class Endpoint(http.server.ThreadingHTTPServer):
    """Keeps what it is sent, and answers by the path: /STATUS[/TIMES]."""

    def __init__(self):
        self.got = []
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.got.append((self.path, self.headers, body))
            words = self.path.split("?")[0].strip("/").split("/")
            before = sum(1 for one in self.server.got if one[0] == self.path)
            known = words[0].isdigit() and (len(words) < 2
                                            or before <= int(words[1]))
            self.send_response(int(words[0]) if known else 200)
            self.send_header("Location", self.server.url + "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST

        def log_message(self, *_):
            pass


def test_a_webhook_is_signed_and_its_endpoint_decides_what_becomes_of_it():
    account = an_account()
    endpoint = Endpoint()
    with Notifiers(1):
        key = insert(account, f"{endpoint.url}/500/1", "webhook")
        stack.until("the first attempt", lambda: attempts(key) == [("again", 500)])
        at_once(key)
        ends(key, "sent")
        moved = insert(account, f"{endpoint.url}/302", "webhook")
        stack.until("it was moved", lambda: ("again", 302) in attempts(moved))
        gone = insert(account, f"{endpoint.url}/410", "webhook")
        ends(gone, "failed")
        later = insert(account, f"{endpoint.url}/410", "webhook")
        ends(later, "suppressed")
    assert "/elsewhere" not in [one[0] for one in endpoint.got]
    first, second = [one for one in endpoint.got if one[0] == "/500/1"]
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    secret = stack.pawprint("notify", "secret", account)["secret"]
    for _, headers, body in (first, second):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")),
                       signed + body, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    said = json.loads(first[2])
    assert said["type"] == "capacity_depleted"
    assert said["data"]["account"] == account and said["data"]["facts"] == FACTS
    assert "51,234 of 50,000" in said["data"]["summary"]


def test_a_webhook_leads_nowhere_within_the_network_whatever_its_name():
    endpoint = Endpoint()
    port = endpoint.server_address[1]
    account = an_account()
    targets = [f"http://127.0.0.1:{port}/", f"http://localhost:{port}/",
               f"http://0.0.0.0:{port}/", f"http://[::1]:{port}/",
               f"http://[::ffff:127.0.0.1]:{port}/", f"http://2130706433:{port}/",
               f"http://0x7f.1:{port}/", f"https://127.0.0.1:{port}/",
               "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
               "file:///etc/passwd", f"gopher://127.0.0.1:{port}/x"]
    with Notifiers(1, PAWPRINT_NOTIFIER_ALLOW_NETWORKS=""):
        for channel in ("webhook", "slack"):
            for target in targets:
                key = insert(account, target, channel)
                ends(key, "failed")
                assert attempts(key) == [("failed", 0)], (target, attempts(key))
    assert not endpoint.got
    return f"{len(targets)} targets"


def test_slack_and_sms_say_the_short_form_each_escaped_its_own_way():
    endpoint = Endpoint()
    account = an_account(name="<!channel> \"& Co\"")
    with Notifiers(1, PAWPRINT_SLACK_URL=endpoint.url + "/slack",
                   PAWPRINT_SMS_URL=endpoint.url + "/sms?key=1",
                   PAWPRINT_SMS_AUTHORIZATION="Bearer x"):
        for channel, target in (("slack", None), ("sms", "+4917012345")):
            ends(insert(account, target, channel), "sent")
    slack, sms = [json.loads(body) for _, _, body in endpoint.got]
    assert "&lt;!channel&gt; \"&amp; Co\" has used 51,234" in slack["text"]
    assert sms["to"] == "+4917012345"
    assert sms["text"].startswith("<!channel> \"& Co\" has used 51,234"), sms
    assert endpoint.got[1][1]["Authorization"] == "Bearer x"
    with Notifiers(1, PAWPRINT_SMS_METHOD="GET", PAWPRINT_SMS_URL=endpoint.url
                   + "/get?to={{to}}&text={{text}}"):
        ends(insert(account, "+4917012345", "sms"), "sent")
    assert endpoint.got[2][0].startswith("/get?to=%2B4917012345&text=%3C%21channel")


# --- the rest -----------------------------------------------------------------


def test_the_role_of_the_notifier_may_deliver_and_nothing_else():
    dsn = stack.address("PAWPRINT_POSTGRES_DSN").replace(
        "pawprint@", "pawprint_notifier@")
    for sql in ("INSERT INTO notification (business_key, kind) VALUES ('x', 'y')",
                "UPDATE notification SET facts = '{}'", "DELETE FROM delivery",
                "DELETE FROM suppression", "SELECT * FROM outbox",
                "UPDATE account SET name = 'x'", "SELECT locale FROM account"):
        tried = subprocess.run(["psql", "-qAtX", dsn, "-c", sql], check=False,
                               capture_output=True, text=True)
        assert "permission denied" in tried.stderr, (sql, tried)


def test_a_setting_that_is_wrong_is_named_at_the_start():
    for settings, says in (
            ({"PAWPRINT_SMTP_URL": "http://x"}, "PAWPRINT_SMTP_URL"),
            ({"PAWPRINT_MAIL_FROM": "Pawprint"}, "PAWPRINT_MAIL_FROM"),
            ({"PAWPRINT_SMTP_USER": "x", "PAWPRINT_SMTP_TLS": "may"},
             "PAWPRINT_SMTP_TLS"),
            ({"PAWPRINT_SMTP_TLS": "perhaps"}, "PAWPRINT_SMTP_TLS"),
            ({"PAWPRINT_WEBHOOK_SECRET": "short"}, "PAWPRINT_WEBHOOK_SECRET"),
            ({"PAWPRINT_SMS_BODY": "{{whom}}"}, "PAWPRINT_SMS_BODY"),
            ({"PAWPRINT_SMS_URL": "http://x/{{"}, "PAWPRINT_SMS_URL"),
            ({"PAWPRINT_SMS_METHOD": "PUSH"}, "PAWPRINT_SMS_METHOD"),
            ({"PAWPRINT_NOTIFIER_ALLOW_NETWORKS": "home"},
             "PAWPRINT_NOTIFIER_ALLOW_NETWORKS"),
            ({"PAWPRINT_NOTIFIER_CHANNELS": "mail,fax"},
             "PAWPRINT_NOTIFIER_CHANNELS"),
            ({"PAWPRINT_LINK_KEYS": "short"}, "PAWPRINT_LINK_KEYS"),
            ({"PAWPRINT_LINK_KEYS": "k" * 32}, "PAWPRINT_LINK_URL"),
            ({"PAWPRINT_LINK_URL": "https://x"}, "PAWPRINT_LINK_KEYS"),
            ({"PAWPRINT_LINK_URL": "x"}, "PAWPRINT_LINK_URL"),
            ({"PAWPRINT_LIMIT_LINKS": "many"}, "PAWPRINT_LIMIT_LINKS"),
            ({"PAWPRINT_BOUNCE_SECRET": "b" * 32}, "PAWPRINT_LINK_KEYS"),
            ({"PAWPRINT_BOUNCE_SECRET": "b"}, "PAWPRINT_BOUNCE_SECRET")):
        done = subprocess.run([BIN / "notifier"], check=False, text=True,
                              capture_output=True, timeout=30,
                              env={**os.environ, "PAWPRINT_INTERNAL_PORT": "0",
                                   **settings})
        assert done.returncode == 2, (settings, done)
        assert says in done.stdout + done.stderr, (settings, done)
