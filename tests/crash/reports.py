"""Ten thousand reports, while three of reports and three notifiers are killed.

A seed inserts the subscriptions, all due, in eight parts, and kills processes
with -9 until all is handed over: half of them at random moments, the others at
named points. Each (subscription, period, recipient) then has one message, and
the relay has it once; or it is `unknown`, and then a process was killed between
its note that the final dot follows and the record of the answer: so many kills
fell there, so many are unknown. Recipients and numbers are right.

SUBSCRIPTIONS=500 KILLS=20 make it short.
"""
import collections
import email
import email.header
import email.policy
import os
import pathlib
import random
import signal
import time
import uuid

from crash import reports_rows
from crash.process import Process
from kit import stack
from kit.stack import postgres as sql

SUBSCRIPTIONS = int(os.environ.get("SUBSCRIPTIONS") or 10000)
KILLS = int(os.environ.get("KILLS") or 200)
REPLICAS, PARTS, SAMPLE = 3, 8, 300
PAUSE_MS = 10  # between the final dot and its answer, so that kills meet it
STUCK_S = 120  # nothing was handed over for so long
SAY_S = 10
DOT = ("notifier.before_dot", "notifier.after_dot")
POINTS = {
    "reports": ("reports.page", "reports.paged", "reports.begun",
                "reports.counted", "reports.kept", "reports.told",
                "reports.frozen"),
    "notifier": ("notifier.claimed", *DOT, "notifier.recorded"),
}
# That are passed seldom: a page has 500, and each count is for many.
RARE = ("reports.page", "reports.paged", "reports.counted")
SETTINGS = {
    "reports": {"PAWPRINT_REPORTS_DISPATCH_SECONDS": "1",
                "PAWPRINT_REPORTS_SPREAD_SECONDS": "0",
                "PAWPRINT_REPORTS_STATEMENT_SECONDS": "5",
                "PAWPRINT_REPORTS_ROLLUP_SECONDS": "3600",
                "PAWPRINT_REPORTS_WATCH_SECONDS": "3600"},
    "notifier": {"PAWPRINT_NOTIFIER_TIMEOUT_MS": "2000",
                 "PAWPRINT_NOTIFIER_PORT": "0",
                 "PAWPRINT_LINK_URL": "https://pawprint.example",
                 "PAWPRINT_LINK_KEYS": "k" * 32},
}


class Service(Process):
    """One of them, started again whenever it is dead."""

    def __init__(self, kind):
        super().__init__(kind)
        self.point = ""
        self.begin()

    def settings(self):
        return {**SETTINGS[self.service], "PAWPRINT_STAFF_MAIL": "",
                "PAWPRINT_POSTGRES_DSN": stack.address(
                    "PAWPRINT_POSTGRES_DSN").replace(
                        "pawprint@", f"pawprint_{self.service}@")}

    def begin(self, point="", passes=1):
        self.point = point
        self.start(f"{point}:{passes}" if point else "")


class Killer:
    """Kills and starts. `deaths` has for each process that was killed at which
    point, or "" at none, by its number; `met` the points at which any was."""

    def __init__(self):
        self.processes = [Service(kind) for kind in POINTS
                          for _ in range(REPLICAS)]
        self.dice, self.deaths, self.met = None, {}, collections.Counter()

    def begin(self, dice):
        self.dice, self.deaths = dice, {}
        self.met.clear()

    def stop(self):
        for one in self.processes:
            one.kill(signal.SIGTERM)

    def bury(self, one, point):
        """What a process of reports left is free at once, so that more is
        killed within the time; by itself it would be after 20 s. Of the
        notifier's nothing is touched."""
        self.deaths[one.process.pid] = point
        if point:
            self.met[point] += 1
        if one.service == "reports":
            sql("UPDATE job_run SET lease_until = pp_now() WHERE state = "
                f"'running' AND worker LIKE '%:{one.process.pid}'")

    def all_run(self):
        """Starts those that died at their point."""
        for one in self.processes:
            if not one.runs():
                one.await_death()
                self.bury(one, one.point)
                one.begin()

    def kill_one(self, kind):
        """At once. It comes back, every second time to die at a point."""
        victim = self.dice.choice([one for one in self.processes
                                   if one.service == kind])
        self.end(victim)
        if self.dice.random() < 0.5:
            victim.begin()
            return
        wanted = [point for point in POINTS[kind] if not self.met[point]]
        point = self.dice.choice(wanted or POINTS[kind])
        victim.begin(point, 1 if point in RARE else self.dice.randint(1, 20))

    def end(self, victim):
        """It may have met its point a moment ago."""
        if victim.runs():
            victim.kill()
            self.bury(victim, "")
        else:
            victim.await_death()
            self.bury(victim, victim.point)

    def lie_in_wait(self):
        """Whoever puts the next page among the runs dies at it, or whoever
        counts first."""
        wanted = [point for point in RARE if not self.met[point]] or RARE
        for n, one in enumerate(one for one in self.processes
                                if one.service == "reports"):
            if len(self.deaths) < KILLS:
                self.end(one)
                one.begin(wanted[n % len(wanted)])


def heads(tag):
    """Of all mails to this seed's recipients: path and headers."""
    for path in stack_mailbox().glob("*.eml"):
        with path.open("rb") as mail:
            head = email.message_from_bytes(mail.read(4096))
        if head["X-Envelope-To"].endswith(f"@{tag}.example"):
            yield path, head


def stack_mailbox():
    return pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))


def subject_of(head):
    return str(email.header.make_header(
        email.header.decode_header(head["Subject"])))


class Bench:
    def __init__(self, _engine):
        sql("UPDATE installation SET is_test = true")
        sql("UPDATE installation SET clock_shift = timestamptz "
            f"'{reports_rows.first_of_next_month()} 12:00+00' - now()")
        (stack_mailbox() / "mode").write_text(f"pause {PAUSE_MS}\n",
                                              encoding="ascii")
        self.killer = Killer()
        self.rows = None
        self.began = self.said = self.moved = 0.0

    def close(self):
        self.killer.stop()

    # --- until all is handed over --------------------------------------------

    def counts(self):
        """Reports that were counted, and that were handed over."""
        line = sql(f"""SELECT (SELECT count(*) FROM report_run JOIN
            report_subscription USING (subscription_id) WHERE account_id LIKE
            '{self.rows.tag}a%'), (SELECT count(*) FROM notification WHERE
            account_id LIKE '{self.rows.tag}a%' AND state NOT IN ('due',
            'sending'))""")
        return tuple(int(one) for one in line.split("|"))

    def say(self, counted, handed):
        now = time.monotonic()
        if now - self.said < SAY_S:
            return
        self.said = now
        print(f"       {now - self.began:4.0f} s: {counted} of {SUBSCRIPTIONS} "
              f"counted, {handed} handed over, {len(self.killer.deaths)} of "
              f"{KILLS} killed", flush=True)

    def look(self, before):
        """The counts now; fails when they are long what they were."""
        now = self.counts()
        if now != before:
            self.moved = time.monotonic()
        assert time.monotonic() - self.moved < STUCK_S, f"stuck at {now}"
        self.say(*now)
        return now

    def kill_some(self, counted, handed):
        """So many as belong to how far it has come."""
        share = (counted + handed) / (2 * SUBSCRIPTIONS)
        while len(self.killer.deaths) < min(KILLS * share * 1.05, KILLS):
            busy = ("reports", "notifier") if counted < SUBSCRIPTIONS else \
                ("notifier",) * 4 + ("reports",)
            self.killer.kill_one(self.killer.dice.choice(busy))
            time.sleep(self.killer.dice.random() * 0.1)

    def hand_over(self):
        """Inserts, and kills, until all is."""
        parts = [SUBSCRIPTIONS * n // PARTS for n in range(PARTS + 1)]
        inserted, now = 0, (0, 0)
        self.began = self.said = self.moved = time.monotonic()
        while now != (SUBSCRIPTIONS, SUBSCRIPTIONS):
            if inserted < PARTS and now[0] >= parts[inserted] * 0.8:
                self.killer.lie_in_wait()
                self.rows.subscribe(parts[inserted], parts[inserted + 1])
                inserted += 1
            self.killer.all_run()
            self.kill_some(*now)
            time.sleep(0.05)
            now = self.look(now)

    # --- what has to be true then --------------------------------------------

    def run(self, seed):
        dice = random.Random(seed)
        for old in stack_mailbox().glob("*.eml"):
            old.unlink()
        self.rows = reports_rows.Rows(seed, "t" + uuid.uuid4().hex[:6])
        self.killer.begin(dice)
        self.hand_over()
        took = time.monotonic() - self.began
        while len(self.killer.deaths) < KILLS:  # those that were left
            self.killer.kill_one(dice.choice(("reports", "notifier")))
        states = self.check_messages()
        mails = self.check_mails(dice, states)
        unknown = self.check_unknown(states, mails)
        self.check_points()
        return (f"{SUBSCRIPTIONS} reports in {took:.0f} s, "
                f"{len(self.killer.deaths)} kills, "
                f"{sum(self.killer.met.values())} of them at points; "
                f"{len(mails)} mails, {unknown} unknown, none twice")

    def check_messages(self):
        """One for each recipient. Gives the state, and the process that tried
        it last, by recipient."""
        rows = [line.split("|") for line in sql(f"""SELECT n.target, n.state,
            n.business_key = 'report/' || subscription_id || '/' || r.period_first
            || '/' || address_hash(s.recipient), split_part(d.worker, ':', 2),
            r.period_first FROM report_subscription s JOIN report_run r USING
            (subscription_id) JOIN notification n ON
            n.facts->>'subscription' = s.subscription_id::text JOIN delivery d
            ON d.notification_id = n.notification_id AND d.fence = n.fence WHERE
            s.account_id LIKE '{self.rows.tag}a%'""").splitlines()]
        expected = self.rows.expected()
        assert len(expected) == SUBSCRIPTIONS
        assert len(rows) == SUBSCRIPTIONS, len(rows)
        for target, state, key, _, first in rows:
            assert state in ("sent", "unknown") and key == "t", (target, state)
            assert first == str(expected[target].first), (target, first)
        states = {target: (state, int(pid)) for target, state, _, pid, _ in rows}
        assert states.keys() == expected.keys()
        open_runs = sql("SELECT count(*) FROM job_run WHERE job = 'report' AND "
                        "state <> 'done'")
        assert open_runs == "0", open_runs
        # By them accounts take turns.
        of_accounts = sql("SELECT count(*) FROM job_run WHERE job = 'report' AND "
                          f"account_id LIKE '{self.rows.tag}a%'")
        assert of_accounts == str(SUBSCRIPTIONS), of_accounts
        return states

    def check_mails(self, dice, states):
        """Whom they are to and what they say. Gives the recipients."""
        expected, mails = self.rows.expected(), {}
        for path, head in heads(self.rows.tag):
            to = head["X-Envelope-To"]
            assert to not in mails, f"{to} has two: {path}, {mails[to]}"
            assert head["To"].strip("<>") == to, path
            wanted = expected[to]
            visitors, views = wanted.numbers
            subject = subject_of(head)
            assert subject.startswith(f"{wanted.site}.example, "), subject
            says = f"{visitors} visitors" if views else "no traffic"
            assert subject.endswith(f": {says}"), (to, subject, wanted)
            mails[to] = path
        missing = [to for to, (state, _) in states.items()
                   if state == "sent" and to not in mails]
        assert not missing, missing
        for to in dice.sample(sorted(mails), min(SAMPLE, len(mails))):
            self.check_body(mails[to], expected[to])
        return mails

    def check_body(self, path, wanted):
        text = email.message_from_bytes(
            path.read_bytes(), policy=email.policy.default).get_body(
                ("plain",)).get_content()
        for label, value in zip(("Visitors", "Page views"), wanted.numbers):
            if wanted.numbers[1] == 0:
                break
            line = next(one for one in text.splitlines()
                        if one.strip().startswith(label + "  "))
            assert line.split(label)[1].split()[0] == str(value), (path, line)
        assert "/n/unsubscribe/" in text, path

    def check_unknown(self, states, mails):
        """Each is a kill's; those that died at the dot have one each."""
        unknown = {pid: to for to, (state, pid) in states.items()
                   if state == "unknown"}
        deaths = self.killer.deaths
        assert len(unknown) == sum(state == "unknown"
                                   for state, _ in states.values())
        assert unknown.keys() <= deaths.keys(), unknown.keys() - deaths.keys()
        for pid, point in deaths.items():
            assert (point in DOT) <= (pid in unknown), (pid, point)
            if point in DOT:
                arrived = unknown[pid] in mails
                assert arrived == (point == DOT[1]), (pid, point)
            elif pid in unknown:
                assert not point, f"unknown by a kill at {point}"
        return len(unknown)

    def check_points(self):
        if KILLS >= 100:
            left = {point for points in POINTS.values() for point in points
                    if not self.killer.met[point]}
            assert not left, f"no kill met {left}"
