"""The writer, killed at every named point of docs/writer.md and some more.

A seed goes through all points in an order of its own, while events come. At
the end every event has to be stored once, or rejected where it is bad.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from crash.process import Process
from kit import stack
from kit.old_table import OLD_TABLE
from kit.proxy import Fault, Proxy

DIR = pathlib.Path(stack.address("PAWPRINT_STACK_DIR"))
BROKERS = stack.address("PAWPRINT_KAFKA_BROKERS")
BAD_EVERY = 997  # one event in so many breaks a constraint of the table

def insert(query):
    return query.startswith("INSERT INTO events")


def question(query):
    return "SELECT kafka_partition, kafka_offset" in query


class Writer(Process):
    """A writer under a name of its own in the group."""

    def __init__(self, bench, name):
        super().__init__("writer")
        self.bench, self.name = bench, name

    def settings(self):
        return {
            "PAWPRINT_CLICKHOUSE_URL": self.bench.proxy.url,
            "PAWPRINT_INSTANCE_ID": self.name,
            "PAWPRINT_WRITER_ROWS": str(self.bench.dice.choice((300, 1500, 100000))),
            "PAWPRINT_WRITER_AGE_MS": "60",
            "PAWPRINT_WRITER_FENCE_MS": "500" if self.bench.modern else "1500",
            "PAWPRINT_WRITER_LAG_MS": str(self.bench.lag_ms)}


class Bench:
    def __init__(self, engine):
        self.modern = engine == "modern"
        self.url = stack.address("PAWPRINT_CLICKHOUSE_URL" if self.modern
                                 else "PAWPRINT_OLD_CLICKHOUSE_URL")
        os.environ["PAWPRINT_CLICKHOUSE_URL"] = self.url  # for kit.stack
        self.server = "clickhouse" if self.modern else "old-clickhouse"
        self.control = pathlib.Path(os.environ["CRASH_RENAME"])
        self.proxy = Proxy(self.url)
        self.lag_ms = 0
        self.dice = self.one = self.two = None
        self.sent, self.batches, self.seed = 0, 0, 0
        if self.modern:
            self.run_sql("ALTER TABLE pawprint.events ADD CONSTRAINT small "
                         "CHECK length(pathname) < 1000")
        else:
            for sql in OLD_TABLE:
                self.run_sql(sql)

    # --- doing -------------------------------------------------------------

    def run_sql(self, sql):
        try:
            with urllib.request.urlopen(self.url, sql.encode(),
                                        timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as why:
            raise RuntimeError(f"{sql}: {why.read().decode()}") from why

    def rows(self, what):
        return [int(x) for x in self.run_sql(
            f"SELECT {what} FROM pawprint.events "
            f"WHERE event_id LIKE 's{self.seed}.%'").split()]

    def events(self, count=None):
        """Sends some; returns when Kafka has them."""
        self.batches += 1
        count = count or self.dice.randrange(200, 2500)
        words = [stack.ROOT / "build/bin/events", BROKERS, "pawprint.",
                 str(count), f"s{self.seed}.{self.batches}"]
        if self.modern:  # the old one has no constraints
            words += ["--bad", str(BAD_EVERY)]
            self.bad += count // BAD_EVERY
        if self.dice.random() < 0.5:
            words.append("--months")
        if self.dice.random() < 0.2:
            words += ["--odd", "1"]
            self.odd += 1
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert int(done.stdout) >= count
        self.sent += count

    def more(self):
        """Events now and then until what is waited for has happened."""
        stop = threading.Event()

        def work():
            while not stop.wait(0.3):
                self.events()

        thread = threading.Thread(target=work)
        thread.start()
        return lambda: (stop.set(), thread.join())

    def settled(self):
        """Until all is stored, or nothing more has been for a minute: bad rows
        are found by many small inserts."""
        good, before, now = self.sent - self.bad, -1, 0
        while now > before:
            before = now
            try:
                stack.until("all is stored",
                            lambda: self.rows("count()")[0] >= good, 60)
                return
            except AssertionError:
                now = self.rows("count()")[0]
        raise AssertionError(f"nothing is stored any more: {now} of {good}, "
                             f"{self.bad} bad, {self.odd} odd")

    def start_server(self):
        words = (["tests/stack/up", "--keep-env", "--dir", DIR] if self.modern
                 else ["tests/stack/old-clickhouse", "up", "--dir", DIR])
        # One that was killed may hold its port a little longer.
        stack.until("the server starts", lambda: subprocess.run(
            [stack.ROOT / words[0], *words[1:]], check=False,
            stdout=subprocess.DEVNULL).returncode == 0)

    def pid(self, name):
        return int((DIR / "pid" / name).read_text().split()[0])

    def kill_server(self):
        os.kill(self.pid(self.server), signal.SIGKILL)

    def server_is_dead(self):
        try:
            state = pathlib.Path(f"/proc/{self.pid(self.server)}/stat")
            return state.read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    # --- points ------------------------------------------------------------

    def writer_dies(self, point, passes=None, more=None):
        """At a point of pp_crash_point(), on one of its first passes."""
        self.one.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        passes = passes or self.dice.randrange(1, 4)
        self.one.start(crash=f"{point}:{passes}", **(more or {}))
        stop = self.more()
        try:
            self.one.await_death()
        finally:
            stop()
        self.one.start()

    def writer_dies_in_doubt(self, point):
        """Points that only recovery passes: there has to be something in doubt."""
        self.writer_dies("W6", 1)
        self.one.kill()
        self.writer_dies(point, 1)

    def writer_dies_in_bisect(self):
        if not self.modern:
            return
        self.one.kill()
        self.events(3 * BAD_EVERY)
        self.one.start(crash=f"W9:{self.dice.randrange(1, 9)}",
                       PAWPRINT_WRITER_ROWS="100000")
        self.one.await_death()
        self.one.start()

    def writer_dies_in_its_drain(self):
        self.one.kill()
        self.events()
        self.one.start(crash="W10:1", PAWPRINT_WRITER_AGE_MS="60000",
                       PAWPRINT_WRITER_ROWS="100000")
        stop = self.more()
        time.sleep(1.5)
        stop()
        self.one.process.send_signal(signal.SIGTERM)
        self.one.process.send_signal(signal.SIGTERM)
        self.one.await_death()
        self.one.start()

    def spoiled(self, fault, matches=insert):
        if not self.one.runs():
            self.one.start()
        self.proxy.spoil(fault, matches)
        stop = self.more()
        try:
            assert fault.fired.wait(20), f"{fault.kind}: nothing came"
            assert fault.over.wait(20)
        finally:
            stop()

    def writer_dies_with_the_body_half_sent(self):
        share = self.dice.randrange(0, 65) / 64
        self.spoiled(Fault("cut", share=share, before=self.one.kill))
        self.one.start()

    def writer_dies_before_the_answer(self):
        self.spoiled(Fault("deaf", middle=self.one.kill))
        self.one.start()

    def body_is_cut(self):
        self.spoiled(Fault("cut", share=self.dice.random()))

    def answer_is_lost(self):
        self.spoiled(Fault(self.dice.choice(("deaf", "truncate"))))

    def answer_is_false(self):
        """What a proxy or an old server says, whether it stored or not."""
        forward = self.dice.random() < 0.5
        self.spoiled(self.dice.choice((
            Fault("answer", headers=("X-ClickHouse-Exception-Code: 209",),
                  body=b"Code: 209. DB::Exception: Timeout", forward=forward),
            Fault("answer", status=500, forward=forward,
                  body=b"Code: 319. DB::Exception: Unknown status of insert"),
            Fault("answer", status=502, body=b"Bad gateway", forward=forward))))

    def server_refuses(self):
        """Read-only, out of memory or disk, too many parts, unheard-of."""
        for code in self.dice.sample((202, 241, 242, 243, 252, 60, 497, 1234), 3):
            self.spoiled(Fault(
                "answer", status=500,
                headers=(f"X-ClickHouse-Exception-Code: {code}",),
                body=f"Code: {code}. DB::Exception: no".encode()))

    def answer_is_slow(self):
        self.spoiled(Fault("slow", seconds=self.dice.random() * 2))

    def query_is_killed(self):
        """While its rows become visible. Old servers answer that they can't
        kill inserts (380)."""
        def killed():
            try:
                return self.run_sql("KILL QUERY WHERE query LIKE "
                                    "'INSERT INTO events%' ASYNC")
            except RuntimeError as why:
                return "Code: 380" in str(why)

        if not self.one.runs():
            self.one.start()
        self.control.write_text("pause 1\n")
        stop = self.more()
        try:
            stack.until("an insert is there to be killed", killed)
        finally:
            stop()

    def server_dies(self, when, count):
        """At the rename that makes a part visible (S1 to S4)."""
        self.control.write_text(f"{when} {count}\n")
        if not self.one.runs():
            self.one.start()
        stop = self.more()
        try:
            stack.until("the server dies", self.server_is_dead, 90)
        finally:
            stop()
        time.sleep(self.dice.random())
        self.start_server()

    def server_dies_while_asked(self):
        fault = Fault("cut", before=self.kill_server)
        self.one.kill()
        self.events()
        self.writer_dies("W6", 1)
        self.spoiled(fault, question)
        time.sleep(self.dice.random() * 2)
        self.start_server()

    def server_is_away(self):
        self.kill_server()
        self.events()
        time.sleep(1 + self.dice.random() * 2)
        self.start_server()

    def broker_dies(self):
        os.kill(self.pid("kafka"), signal.SIGKILL)
        time.sleep(self.dice.random())
        subprocess.run([stack.ROOT / "tests/stack/up", "--keep-env", "--dir",
                        DIR], check=True, stdout=subprocess.DEVNULL)
        if not self.one.runs():  # fenced: a supervisor starts it again
            self.one.start()

    def zombie_sends_late(self):
        """W11: stopped in the middle of a send, until another has taken over."""
        fault = Fault("hold", before=lambda: self.one.kill(signal.SIGSTOP))
        if not self.one.runs():
            self.one.start()
        self.proxy.spoil(fault, insert)
        self.events()
        assert fault.fired.wait(20)
        self.two.start()
        self.events()
        self.settled()  # by the successor, which had to wait for the fence
        fault.release()
        assert fault.over.wait(20)
        assert b" 200 " not in fault.body.partition(b"\r\n")[0], fault.body
        self.one.kill(signal.SIGCONT)
        self.events()
        self.settled()
        self.two.kill(self.dice.choice((signal.SIGTERM, signal.SIGKILL)))
        if not self.one.runs():
            self.one.start()

    def partitions_move_while_in_doubt(self):
        self.spoiled(Fault("deaf"))
        self.two.start()
        self.events()
        time.sleep(self.dice.random())
        self.one.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        self.events()
        self.one.start()
        time.sleep(self.dice.random())
        self.two.kill(signal.SIGTERM)

    def server_loses_its_last_seconds(self):
        """A power cut without fsync: parts of the last seconds are gone."""
        self.settled()
        self.one.kill(signal.SIGTERM)
        self.lag_ms = 8000
        if self.modern:
            self.run_sql("ALTER TABLE pawprint.events MODIFY SETTING "
                         "fsync_after_insert = 0")
        began = time.time()  # what was stored before is on disk
        self.one.start()
        stop = self.more()
        time.sleep(2)
        stop()
        self.settled()
        self.kill_server()
        stack.until("it is dead", self.server_is_dead)
        lost = self.drop_parts(max(began, time.time() - 3))
        self.start_server()
        assert lost > 0, "no part was young enough to be lost"
        self.events()
        self.settled()
        self.one.kill(signal.SIGTERM)
        self.lag_ms = 0
        if self.modern:
            self.run_sql("ALTER TABLE pawprint.events MODIFY SETTING "
                         "fsync_after_insert = 1")
        self.one.start()

    def operator_rewinds(self):
        """K3: offsets set back by hand while the writers are stopped."""
        self.one.kill(self.dice.choice((signal.SIGTERM, signal.SIGKILL)))
        self.events()

        def refused_no_more():
            try:
                return stack.pawprint("writer", "rewind", "--from",
                                      "beginning", "--yes")
            except RuntimeError as why:  # a killed one is a member for 10 s
                if "writers run" in str(why):
                    return None
                raise
        stack.until("the group is empty", refused_no_more, 20)
        self.one.start()
        self.settled()

    def drop_parts(self, since):
        young = [pathlib.Path(folder) for folder, _, files
                 in os.walk(DIR / self.server) if "columns.txt" in files
                 and os.stat(folder).st_mtime > since]
        young = [folder for folder in young
                 if "kafka_offset" in (folder / "columns.txt").read_text()]
        for folder in young:
            shutil.rmtree(folder)
        return len(young)

    # --- a seed ------------------------------------------------------------

    def points(self):
        return [
            *[(lambda p=p: self.writer_dies(p), p) for p in
              ("W1", "W2", "W3", "W6", "W7", "W8c")],
            *[(lambda p=p: self.writer_dies_in_doubt(p), p) for p in
              ("W8a", "W8b")],
            (self.writer_dies_with_the_body_half_sent, "W4"),
            (self.writer_dies_before_the_answer, "W5"),
            (self.writer_dies_in_bisect, "W9"),
            (self.writer_dies_in_its_drain, "W10"),
            (self.zombie_sends_late, "W11"),
            (lambda: self.server_dies("before", 1), "S1 and S3"),
            (lambda: self.server_dies("before", 2), "S2"),
            (lambda: self.server_dies("after", self.dice.randrange(1, 4)), "S4"),
            (self.server_is_away, "S6"),
            (self.server_dies_while_asked, "S6, while asked"),
            (self.server_loses_its_last_seconds, "S7"),
            (self.server_refuses, "S8"),
            (self.query_is_killed, "S8, KILL QUERY"),
            (self.broker_dies, "K1"),
            (self.partitions_move_while_in_doubt, "K2"),
            (self.operator_rewinds, "K3"),
            (self.body_is_cut, "N1, request"),
            (self.answer_is_lost, "N1, answer"),
            (self.answer_is_false, "N1, false answer"),
            (self.answer_is_slow, "N1, slow answer"),
        ]

    def run(self, seed):
        self.dice, self.seed = random.Random(seed), seed
        self.sent = self.batches = self.bad = self.odd = self.passed = 0
        self.lag_ms = 0
        self.one, self.two = Writer(self, "one"), Writer(self, "two")
        if self.modern:  # with tokens, or without: nothing rests on them
            self.run_sql("ALTER TABLE pawprint.events MODIFY SETTING "
                         "non_replicated_deduplication_window = "
                         f"{self.dice.choice((0, 1, 1000))}")
        points = self.points()
        self.dice.shuffle(points)
        wanted = os.environ.get("CRASH_POINTS", "").split()
        if wanted:
            points = [one for one in points if one[1].split(",")[0] in wanted]
        trace = os.environ.get("CRASH_TRACE")
        try:
            for point, name in points:
                began = time.monotonic()
                point()
                self.passed += 1
                if trace:
                    print(f"  {name}: {time.monotonic() - began:.1f} s, "
                          f"{self.rows('count()')} of {self.sent}",
                          file=sys.stderr, flush=True)
            if not self.one.runs():
                self.one.start()
            self.settled()
            time.sleep(1)  # a row too many would come by now
            return self.check()
        except BaseException as why:
            raise AssertionError(f"at point {name}: {why}") from why
        finally:
            self.proxy.heal()
            self.control.unlink(missing_ok=True)
            if self.server_is_dead():
                self.start_server()
            for writer in (self.one, self.two):
                writer.kill(signal.SIGCONT)
                writer.kill()

    def check(self):
        good = self.sent - self.bad
        rows = self.rows("count(), uniqExact(event_id), uniqExact(kafka_epoch, "
                         "kafka_partition, kafka_offset)")
        assert rows == [good, good, good], \
            f"sent {self.sent}, bad {self.bad}: rows, ids, identities {rows}"
        everything = self.run_sql(
            "SELECT count() - uniqExact(kafka_epoch, kafka_partition, "
            "kafka_offset) FROM pawprint.events").strip()
        assert everything == "0", f"{everything} rows of the table stand twice"
        if self.modern:  # the old one has no rollups, and no parameters
            stack.pawprint("rollup", "--all")
            # Each fails when it can't. Nobody meters here.
            stack.pawprint("prove", "topics", "--wait", "20")
            stack.pawprint("prove", "rollups")
        return (f"{good} of {self.sent} events stored once, {self.bad} refused, "
                f"through {self.passed} points")
