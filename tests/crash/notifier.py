"""The mail "Capacity depleted", while five meters and three notifiers are killed.

A seed is some accounts that run over their plan while processes are killed at
random, at named points too. Each account has one such message, ever, and the
relay has it once; more often only where a kill fell between the final dot and
its record, and then under the same Message-ID.
"""
import email
import hashlib
import pathlib
import random
import signal
import subprocess
import time
import uuid

from crash.process import Process
from e2e.test_usage_capacity import kit, prepare, sql
from kit import stack

METERS, NOTIFIERS, ACCOUNTS, LIMIT, KILLS = 5, 3, 4, 3, 14
POINTS = {"meter": ("M1", "M2", "M3"),
          "notifier": ("notifier.claimed", "notifier.before_dot",
                       "notifier.after_dot", "notifier.recorded")}
SETTINGS = {"meter": {"PAWPRINT_METER_FLUSH_MS": "50"},
            # So a lease ends after 1.5 s.
            "notifier": {"PAWPRINT_NOTIFIER_TIMEOUT_MS": "500"}}


class Service(Process):
    """A meter or notifier that is started again whenever it is dead."""

    def __init__(self, kind, number):
        super().__init__(kind)
        self.number = number
        self.start()

    def settings(self):
        # A meter with a name has its partitions back at once.
        name = f"m{self.number}" if self.service == "meter" else ""
        return {"PAWPRINT_INSTANCE_ID": name, **SETTINGS[self.service],
                "PAWPRINT_POSTGRES_DSN": stack.address(
                    "PAWPRINT_POSTGRES_DSN").replace(
                        "pawprint@", f"pawprint_{self.service}@")}


def depleted_account(address):
    """Its id and site; nothing of it is counted yet."""
    account = stack.pawprint("account", "create", "--name", address,
                             "--mail", address)["account"]
    site = stack.pawprint("site", "create", "--account", account,
                          "--name", address)["site"]
    stack.pawprint("account", "plan", account, "TINY")
    return account, site


def use(account, site, count):
    subprocess.run(
        [stack.ROOT / "build/bin/events",
         stack.address("PAWPRINT_KAFKA_BROKERS"), "pawprint.", str(count),
         uuid.uuid4().hex, "--site", site, "--account", account, "--views"],
        check=True, capture_output=True)


def message_id(key):
    return (f"<{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"
            "@pawprint.example>")


class Bench:
    def __init__(self, _engine):
        prepare()
        self.mailbox = pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))
        # A pause between the final dot and its answer, so that kills meet it.
        (self.mailbox / "mode").write_text("pause 50\n", encoding="ascii")
        self.processes = [
            *(Service("meter", n) for n in range(METERS)),
            *(Service("notifier", n) for n in range(NOTIFIERS))]
        self.totals = {"messages": 0, "kills": 0, "attempts lost": 0, "twice": 0}

    def close(self):
        for one in self.processes:
            one.kill(signal.SIGTERM)

    def mails(self):
        """Message-ID to the number of mails."""
        copies = {}
        for path in self.mailbox.glob("*.eml"):
            one = email.message_from_bytes(path.read_bytes())["Message-ID"]
            copies[one] = copies.get(one, 0) + 1
        return copies

    def kill_one(self, dice):
        """Those that had died by themselves, at a point, are started, too."""
        kind = dice.choice(("meter", "notifier"))
        victim = dice.choice([one for one in self.processes
                              if one.service == kind])
        victim.kill(dice.choice((signal.SIGKILL, signal.SIGTERM)))
        crash = ""
        if dice.random() < 0.5:
            crash = f"{dice.choice(POINTS[victim.service])}:{dice.randint(1, 5)}"
        victim.start(crash)
        self.all_run()

    def all_run(self):
        for one in self.processes:
            if not one.runs():
                self.totals["kills"] += 1
                one.start()

    def run(self, seed):
        dice, tag = random.Random(seed), uuid.uuid4().hex[:8]
        accounts = [depleted_account(f"{n}@{tag}.example")
                    for n in range(ACCOUNTS)]
        waiting = list(accounts)
        for _ in range(KILLS):
            if waiting and dice.random() < 0.6:
                use(*waiting.pop(), dice.randint(LIMIT, 40))
            self.kill_one(dice)
            self.totals["kills"] += 1
            time.sleep(dice.random() * 0.3)
        for account, site in waiting:
            use(account, site, LIMIT)
        ids = ", ".join(f"'{account}'" for account, _ in accounts)
        self.all_are_mailed(ids)
        return self.check(ids)

    def all_are_mailed(self, ids):
        """Whoever dies meanwhile, at a point that it was given, is started."""
        def done():
            self.all_run()
            return sql(f"""SELECT count(*) FROM notification WHERE account_id
                IN ({ids}) AND kind = 'capacity_depleted' AND state = 'sent'
                """) == str(ACCOUNTS)

        stack.until("all are mailed", done, 90)

    def check(self, ids):
        kit("tick")
        graces = sql(f"""SELECT count(*) FROM account_capacity WHERE account_id
            IN ({ids}) AND state = 'grace' AND graces = 1 AND grace_ends_at IS
            NOT NULL""")
        assert graces == str(ACCOUNTS), graces
        rows = [row.split("|") for row in sql(f"""SELECT n.business_key,
            count(*) FILTER (WHERE d.state IN ('lost', 'doubtful', 'trying'))
            FROM notification n JOIN delivery d USING (notification_id) WHERE
            n.account_id IN ({ids}) AND n.kind = 'capacity_depleted' GROUP BY 1
            """).splitlines()]
        assert len(rows) == ACCOUNTS, rows
        mails = self.mails()
        for key, lost in rows:
            copies = mails.get(message_id(key), 0)
            assert 1 <= copies <= 1 + int(lost), (key, copies, lost)
            self.totals["messages"] += 1
            self.totals["attempts lost"] += int(lost)
            self.totals["twice"] += copies > 1
        return ", ".join(f"{n} {what}" for what, n in self.totals.items())
