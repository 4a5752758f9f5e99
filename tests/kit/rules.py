"""Alert rules under a clock of the test's own, and what became of them."""
import contextlib
import email
import email.policy
import itertools
import pathlib
import subprocess
import uuid

from kit import stack
from kit.stack import postgres as sql

PARTITION = 999  # of rows that no writer has made
OFFSETS = itertools.count()


@contextlib.contextmanager
def own_clock():
    """Time is what now_is() says; what works at a time rests meanwhile."""
    sql("UPDATE installation SET is_test = true")
    stack.services("down", "meter", "reports")
    try:
        yield
    finally:
        sql("UPDATE installation SET clock_shift = '0'")
        sql("DELETE FROM job_run WHERE scheduled_for > pp_now()")
        sql("DELETE FROM usage_bucket WHERE bucket_at > pp_now()")
        sql("DELETE FROM alert_rule")
        stack.post("ALTER TABLE events DELETE WHERE kafka_partition = "
                   f"{PARTITION}")
        stack.services("up", "meter", "reports")


def now_is(instant):
    """As Postgres takes it, with its zone."""
    sql(f"UPDATE installation SET clock_shift = '{instant}'::timestamptz - "
        "now()")


def later(interval):
    sql(f"UPDATE installation SET clock_shift = clock_shift + interval "
        f"'{interval}'")


def look_command():
    return [stack.ROOT / "build/bin/alerts", "look"]


def look(times=1):
    """Each rule is looked at, as the meter would now."""
    for _ in range(times):
        done = subprocess.run(look_command(), check=False, capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr


def old_site(name, plan="FREE", zone="UTC"):
    """Of an account with a mailbox of its own; it is two months old, by the
    clock of the test. Gives both, and the owner's address."""
    owner = uuid.uuid4().hex[:12] + "@example.com"
    account = stack.pawprint("account", "create", "--name", name, "--mail",
                             owner, "--zone", zone)["account"]
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          name)["site"]
    sql(f"UPDATE site SET created_at = pp_now() - interval '60 days' "
        f"WHERE site_id = '{site}'")
    if plan != "FREE":
        stack.pawprint("account", "plan", account, plan)
    return account, site, owner


def add(site, *words):
    """The rule's number."""
    return stack.pawprint("alert", "add", site, *words)["alert"]


def stored(site, count, ago, vital=None):
    """So many events are in ClickHouse that came so long ago; a vital is its
    name and its value."""
    at = sql(f"SELECT extract(epoch FROM pp_now() - interval '{ago}')")
    kind, (name, value) = ("vital", vital) if vital else ("pageview",
                                                          ("", "NULL"))
    first = next(OFFSETS) * 1000000
    stack.post(
        "INSERT INTO events (site_id, event_at, event_id, account_id, "
        "received_at, kind, name, value, bot, kafka_epoch, kafka_partition, "
        f"kafka_offset, valid_until, retention_days) SELECT '{site}', "
        f"fromUnixTimestamp64Milli(toInt64({at} * 1000)) - 1, 'stored' || "
        f"toString({first} + number), 'x', "
        f"fromUnixTimestamp64Milli(toInt64({at} * 1000)), '{kind}', '{name}', "
        f"{value}, 0, 1, {PARTITION}, {first} + number, now64(3) + 600, 400 "
        f"FROM numbers({count})")


def messages(alert):
    """Kinds, in the order in which they were decided."""
    return sql("SELECT kind FROM notification WHERE business_key LIKE "
               f"'alert/{alert}/%' ORDER BY notification_id").split()


def facts(alert, name):
    """Of its last message."""
    return sql(f"SELECT facts->>'{name}' FROM notification WHERE business_key "
               f"LIKE 'alert/{alert}/%' ORDER BY notification_id DESC LIMIT 1")


def mails(address):
    """What came to it, in the order in which it came."""
    found = []
    folder = pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))
    for path in sorted(folder.glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(),
                                        policy=email.policy.default)
        if mail["X-Envelope-To"] == address:
            found.append(mail)
    return found


def subjects(address):
    return [mail["Subject"] for mail in mails(address)]
