"""ClickHouse's table changes, or it hangs, while hits flow: the writer waits,
says so, goes on by itself, and nothing is lost or stored twice."""
import contextlib
import os
import re
import signal
import socket
import struct
import threading
import time

from kit import stack
from kit.hits import Sender

LAYOUT = 'pawprint_writer_insert_failures_total{verdict="layout"}'
WAITING = "pawprint_writer_waiting_since_seconds"
IN_ONE = 20
HUNG_S = 45


class Traffic:
    """Batches of a site, from many visitors, each until it is taken."""

    def __init__(self, name):
        self.site, self.taken = stack.new_site(name), set()
        self.stop, self.trouble = threading.Event(), []
        self.thread = threading.Thread(target=self.run)

    def once(self, sender, number):
        batch = [{"site": self.site, "url": "https://shop.example/",
                  "id": f"{number}-{n}"} for n in range(IN_ONE)]
        stack.until("taken", lambda: sender.send(
            batch, address=f"198.51.{number % 250}.1")[0] == 202, 20)
        self.taken |= {hit["id"] for hit in batch}

    def run(self):
        sender, number = Sender(), 1
        try:
            while not self.stop.wait(0.05):
                self.once(sender, number)
                number += 1
        except Exception as why:  # pylint: disable=broad-except
            self.trouble.append(why)

    def stored(self):
        return {row[0] for row in stack.clickhouse(
            f"SELECT event_id FROM events WHERE site_id = '{self.site}'")}

    def more(self, count=5):
        """So many batches more are taken from now on."""
        end = len(self.taken) + count * IN_ONE
        stack.until("more is taken",
                    lambda: self.trouble or len(self.taken) >= end, 30)
        assert not self.trouble, self.trouble


@contextlib.contextmanager
def traffic(name):
    """Hits flow, and some are stored. Afterwards all are, and one time each,
    by the writer that was there before."""
    pid, flow = stack.pid_of("writer"), Traffic(name)
    flow.once(Sender(), 0)
    stack.until("stored", lambda: len(flow.stored()) == IN_ONE, 30)
    flow.thread.start()
    try:
        flow.more()
        yield flow
        flow.more()
    finally:
        flow.stop.set()
        flow.thread.join()
    assert not flow.trouble, flow.trouble
    stack.until("all is stored", lambda: flow.stored() == flow.taken, 90)
    assert stack.pid_of("writer") == pid and os.path.exists(f"/proc/{pid}")
    proved = stack.pawprint("prove", "topics", "--wait", "60")["all"]
    assert proved["missing"] == proved["twice"] == proved["lag"] == 0, proved


def members(group):
    """Who is in the group: DescribeGroups, version 5, of Kafka's protocol.
    Version 5 is a flexible one: lengths are one more, and tags may follow."""
    host, port = stack.address("PAWPRINT_KAFKA_BROKERS").split(":")
    name = group.encode()
    body = (struct.pack(">hhih", 15, 5, 1, -1) + b"\0\2" +
            bytes([len(name) + 1]) + name + b"\0\0")
    with socket.create_connection((host, int(port)), timeout=10) as broker:
        broker.sendall(struct.pack(">i", len(body)) + body)
        stream = broker.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    return set(re.findall(rb"writer-[0-9a-f-]{36}", answer))


def test_a_column_more_needs_no_restart_and_loses_nothing():
    with traffic("a column more") as flow:
        failures = stack.metrics("writer")[LAYOUT]
        stack.post("ALTER TABLE events ADD COLUMN extra String DEFAULT 'x'")
        try:
            before = set(flow.taken)
            flow.more(20)
            later = stack.until("what came later is stored",
                                lambda: flow.stored() - before, 30)
        finally:
            stack.post("ALTER TABLE events DROP COLUMN extra")
        assert stack.metrics("writer")[LAYOUT] == failures
    return f"{len(flow.taken)} hits, {len(later)} of them seen with the column"


def test_a_column_less_makes_the_writer_wait_until_it_is_there_again():
    with traffic("a column less") as flow:
        failures = stack.metrics("writer")[LAYOUT]
        stack.post("ALTER TABLE events DROP COLUMN browser_version")
        try:
            stack.until("it says so", lambda: stack.metrics("writer")[LAYOUT]
                        > failures, 30)
            waits = flow.stored()
            flow.more(20)  # hits are taken all the same
            assert flow.stored() == waits
            assert stack.metrics("writer")[WAITING] > 0
            assert '"verdict":"layout"' in (
                stack.folder() / "log/writer").read_text(encoding="utf-8")
        finally:
            stack.post("ALTER TABLE events ADD COLUMN browser_version "
                       "LowCardinality(String) AFTER browser")
        back, held = time.monotonic(), set(flow.taken) - waits
        stack.until("it goes on", lambda: held <= flow.stored(), 60)
        took = time.monotonic() - back
    return f"{len(held)} hits waited, stored {took:.1f} s after it was back"


def test_a_clickhouse_that_hangs_makes_the_writer_wait_and_keep_its_place():
    with traffic("hangs") as flow:
        pid, before = stack.pid_of("clickhouse"), members("writer")
        assert len(before) == 1, before
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(HUNG_S)
            since = stack.metrics("writer")[WAITING]
            assert since > 0 and time.time() - since > HUNG_S - 10, since
            assert members("writer") == before
        finally:
            os.kill(pid, signal.SIGCONT)
        back, held = time.monotonic(), set(flow.taken)
        stack.until("it has caught up", lambda: held <= flow.stored(), 90)
        took = time.monotonic() - back
        assert members("writer") == before
    stack.until("nothing waits",
                lambda: stack.metrics("writer")[WAITING] == 0, 10)
    return (f"hung for {HUNG_S} s, {len(held)} hits, caught up {took:.1f} s "
            "after it went on")
