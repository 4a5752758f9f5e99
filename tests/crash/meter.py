"""The meter, killed, paused, replaced and rebalanced while events come.

A seed goes through all points in an order of its own. At the end the sum of
buckets, without any correction, has to be the number of events that were sent;
and what the writer has stored is the same, account by account.
"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

from crash.process import Process
from kit import stack

DIR = pathlib.Path(stack.address("PAWPRINT_STACK_DIR"))
BROKERS = stack.address("PAWPRINT_KAFKA_BROKERS")
DSN = stack.address("PAWPRINT_POSTGRES_DSN")
SITES = 50  # that tests/kit/events.c makes up; each is its own account


def sql(text, patiently=True):
    """Rows of texts; Postgres may be away for a moment."""
    for _ in range(100 if patiently else 1):
        done = subprocess.run(["psql", "-qAtX", "-F", "\t", DSN, "-c", text],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return [line.split("\t") for line in done.stdout.splitlines()]
        time.sleep(0.1)
    raise RuntimeError(done.stderr)


class Meter(Process):
    """A meter, with or without a name of its own in the group."""

    def __init__(self, bench, name):
        super().__init__("meter")
        self.bench, self.name = bench, name

    def settings(self):
        dice = self.bench.dice
        return {
            "PAWPRINT_POSTGRES_DSN": DSN.replace("pawprint@", "pawprint_meter@"),
            "PAWPRINT_INSTANCE_ID": self.name or "",
            "PAWPRINT_METER_FLUSH_MS": str(dice.choice((20, 200, 1000))),
            "PAWPRINT_METER_FLUSH_EVENTS": str(dice.choice((100, 1000, 100000)))}

    def start(self, crash="", **more):
        self.bench.started.add(self)
        return super().start(crash, **more)


class Bench:
    def __init__(self, _engine):
        self.dice = None
        self.started = set()  # also those that a point leaves behind
        self.meters, self.batches, self.sent, self.seed = [], 0, 0, 0
        self.lock = threading.Lock()
        stack.services("up", "writer")
        sql("INSERT INTO account (account_id, name, owner_mail) SELECT 'site' "
            f"|| n, 'made up', 'a@b.c' FROM generate_series(0, {SITES}) n")

    # --- doing -------------------------------------------------------------

    def events(self, count=None):
        """Sends some; returns when Kafka has them."""
        with self.lock:
            self.batches += 1
            batch, count = self.batches, count or self.dice.randrange(200, 5000)
        subprocess.run([stack.ROOT / "build/bin/events", BROKERS, "pawprint.",
                        str(count), f"s{self.seed}.{batch}"],
                       capture_output=True, check=True)
        with self.lock:
            self.sent += count

    def more(self):
        """Events now and then until what is waited for has happened."""
        stop = threading.Event()

        def work():
            while not stop.wait(0.05):
                self.events()

        thread = threading.Thread(target=work)
        thread.start()
        return lambda: (stop.set(), thread.join())

    def counted(self):
        return int(sql("SELECT coalesce(sum(n), 0) FROM usage_bucket")[0][0])

    def settled(self, seconds=60):
        try:
            stack.until("all is counted", lambda: self.counted() >= self.sent,
                        seconds)
        except AssertionError as why:
            raise AssertionError(f"{why}: {self.counted()} of {self.sent}") \
                from why
        assert self.counted() == self.sent, (self.counted(), self.sent)

    def pid(self, name):
        return int((DIR / "pid" / name).read_text(encoding="ascii").split()[0])

    def some(self):
        return self.dice.choice(self.meters)

    def all_run(self):
        for one in self.meters:
            if not one.runs():
                one.start()

    def for_a_while(self, seconds):
        stop = self.more()
        time.sleep(seconds)
        stop()

    # --- points ------------------------------------------------------------

    def dies_at(self, point):
        """In a transaction, before it is committed, and right after."""
        one = self.some()
        one.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        one.start(crash=f"{point}:{self.dice.randrange(1, 5)}")
        stop = self.more()
        try:
            one.await_death()
        finally:
            stop()
        one.start()

    def dies_at_random(self):
        stop = self.more()
        for _ in range(8):
            one = self.some()
            time.sleep(self.dice.random() * 0.6)
            one.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
            one.start()
        stop()

    def partitions_move(self):
        """Others come and go: everybody's partitions are dealt anew."""
        others = [Meter(self, None) for _ in range(3)]
        stop = self.more()
        for other in others:
            other.start()
            time.sleep(self.dice.random())
        self.some().kill(signal.SIGTERM)
        for other in self.dice.sample(others, 3):
            time.sleep(self.dice.random())
            other.kill(signal.SIGTERM)
        self.all_run()
        stop()

    def wakes_late(self):
        """Stopped until others have its partitions, then it goes on."""
        one = self.meters[0]
        self.all_run()
        self.for_a_while(1)
        one.kill(signal.SIGSTOP)
        self.events()
        other = Meter(self, None).start()
        self.settled()  # by the others, whatever it had counted
        self.events()
        one.kill(signal.SIGCONT)
        self.for_a_while(1)
        other.kill(signal.SIGTERM)

    def pauses(self):
        """For so short that it keeps what it has."""
        stop = self.more()
        for one in self.meters:
            one.kill(signal.SIGSTOP)
            time.sleep(self.dice.random() * 2)
            one.kill(signal.SIGCONT)
        stop()

    def postgres_dies(self):
        stop = self.more()
        time.sleep(self.dice.random())
        os.kill(self.pid("postgres"), self.dice.choice(
            (signal.SIGQUIT, signal.SIGINT)))  # at once, or after a rollback
        time.sleep(0.5 + self.dice.random())
        stack.bring_back()
        time.sleep(0.5)
        stop()

    def partitions_move_without_postgres(self):
        """What was counted cannot be written, and then is another's."""
        stop = self.more()
        time.sleep(0.5)
        os.kill(self.pid("postgres"), signal.SIGQUIT)
        other = Meter(self, None).start()
        time.sleep(2)
        stack.bring_back()
        time.sleep(1)
        other.kill(signal.SIGTERM)
        stop()

    def sessions_are_ended(self):
        """Somewhere between BEGIN and COMMIT, where the answer is lost."""
        stop = self.more()
        for _ in range(10):
            sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "usename = 'pawprint_meter'")
            time.sleep(self.dice.random() / 3)
        stop()

    def broker_dies(self):
        os.kill(self.pid("kafka"), signal.SIGKILL)
        time.sleep(self.dice.random())
        stack.bring_back()
        self.all_run()  # a named member may be fenced: a supervisor starts it
        self.events()

    def all_is_read_again(self):
        """The whole topic, by whoever believes the group's offsets."""
        for one in self.meters:
            one.kill(signal.SIGTERM)
        # A named member that has stopped is one for ten seconds more.
        stack.until("the group is empty", lambda: subprocess.run(
            [stack.ROOT / "build/bin/regroup", BROKERS, "pawprint.events.v1",
             "meter"], capture_output=True, check=False).returncode == 0)
        self.all_run()
        self.for_a_while(1)

    def all_is_counted_again(self):
        """From nothing, as a restored Postgres would."""
        self.settled()
        for one in self.meters:
            one.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        sql("TRUNCATE usage_bucket, usage_offset")
        self.all_run()
        self.for_a_while(0.5)

    # --- a seed ------------------------------------------------------------

    def points(self):
        return [
            *[(lambda p=p: self.dies_at(p), p) for p in ("M1", "M2", "M3")],
            (self.dies_at_random, "killed at random"),
            (self.partitions_move, "rebalanced"),
            (self.wakes_late, "wakes late"),
            (self.pauses, "paused"),
            (self.postgres_dies, "Postgres dies"),
            (self.partitions_move_without_postgres, "moved without Postgres"),
            (self.sessions_are_ended, "sessions end"),
            (self.broker_dies, "Kafka dies"),
            (self.all_is_read_again, "read again"),
            (self.all_is_counted_again, "counted again"),
        ]

    def run(self, seed):
        self.dice, self.seed = random.Random(seed), seed
        points = self.points()
        self.dice.shuffle(points)
        wanted = os.environ.get("CRASH_POINTS", "").split(",")
        if wanted != [""]:
            points = [one for one in points if one[1] in wanted]
        self.meters = [Meter(self, f"m{n}").start() for n in range(2)]
        name = "the start"
        try:
            for point, name in points:
                began = time.monotonic()
                point()
                if os.environ.get("CRASH_TRACE"):
                    print(f"  {name}: {time.monotonic() - began:.1f} s, "
                          f"{self.counted()} of {self.sent}",
                          file=sys.stderr, flush=True)
            self.all_run()
            self.settled()
            time.sleep(1)  # one too many would come by now
            return self.check(len(points))
        except BaseException as why:
            raise AssertionError(f"at point {name}: {why}") from why
        finally:
            for one in self.started:
                one.kill(signal.SIGCONT)
                one.kill()
            self.started.clear()
            stack.bring_back()

    def check(self, points):
        assert self.counted() == self.sent, (self.counted(), self.sent)
        proved = stack.pawprint("prove", "usage", "--wait", "60")
        assert proved["accounts_that_differ"] == 0, proved
        assert proved["counted"] == proved["stored"] == self.sent, proved
        return (f"{self.sent} events counted once, as stored, in "
                f"{proved['accounts']} accounts, through {points} points")
