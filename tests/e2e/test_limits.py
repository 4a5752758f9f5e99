"""Limits hold, also for several collectors together, and refuse nobody else."""
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from kit import stack
from kit.hits import Sender

BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN") or stack.ROOT / "build/bin")
NETWORKS = 1_000_000


@dataclasses.dataclass
class Collector:
    """One more collector, on ports of its own."""
    pid: int
    url: str
    internal: str

    def number(self, name):
        with urllib.request.urlopen(self.internal + "/metrics") as answer:
            text = answer.read().decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.internal + "/readyz"):
                return True
        except OSError:
            return False

    def shares(self):
        return self.number("pawprint_collector_limits_shared") == 1

    def memory_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(
            encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def ports(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    found = [re.search(rf'"{name}":(\d+)', text)
             for name in ("internal_port", "port")]
    return [int(one[1]) for one in found] if all(found) else None


@contextlib.contextmanager
def collectors(count, **limits):
    """So many, that share the stack's Redis; they are ready, and share."""
    environment = {**os.environ, "PAWPRINT_COLLECTOR_PORT": "0",
                   "PAWPRINT_INTERNAL_PORT": "0",
                   "PAWPRINT_COLLECTOR_ADDRESS": "127.0.0.1",
                   "PAWPRINT_TRUSTED_HOPS": "1", **limits}
    with contextlib.ExitStack() as end:
        made = []
        for _ in range(count):
            log = end.enter_context(tempfile.NamedTemporaryFile("w"))
            process = subprocess.Popen([BIN / "collector"], stdout=log,
                                       stderr=log, env=environment)
            end.callback(process.wait)
            end.callback(process.terminate)
            internal, port = stack.until("it listens",
                                         lambda name=log.name: ports(name))
            made.append(Collector(process.pid, f"http://127.0.0.1:{port}",
                                  f"http://127.0.0.1:{internal}"))
        for one in made:
            stack.until("it is ready", one.is_ready)
            stack.until("it shares", one.shares)
        yield made


def known_site(name, one):
    hit = {"site": stack.new_site(name), "url": "https://shop.example/"}
    sender, networks = Sender(one.url), itertools.count()
    stack.until("site known", lambda: sender.send(
        hit, address=f"10.{next(networks)}.2.1")[0] == 202)
    return hit


def flood(made, hit, address, seconds):
    """As fast as it goes to all of them; how many they accepted and refused,
    and how long it took: longer than it should on a busy machine."""
    counts = [[0, 0] for _ in made]
    began = time.monotonic()
    end = began + seconds

    def work(number):
        sender = Sender(made[number].url)
        while time.monotonic() < end:
            status, _ = sender.send(hit, address=address)
            assert status in (202, 429), status
            counts[number][status == 429] += 1

    threads = [threading.Thread(target=work, args=(n,))
               for n in range(len(made)) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    took = time.monotonic() - began
    return *(sum(one) for one in zip(*counts)), took


def say(accepted, expected):
    return f"{accepted} accepted, {expected} allowed"


def close_to(accepted, expected):
    assert abs(accepted - expected) <= expected * 0.05, say(accepted, expected)


def test_what_is_too_much_is_answered_429_and_when_to_come_again():
    with collectors(1, PAWPRINT_LIMIT_NETWORK="5/m",
                    PAWPRINT_LIMIT_PIXEL="2/m") as (one,):
        hit = known_site("too much", one)
        sender = Sender(one.url)
        for _ in range(5):
            assert sender.send(hit, address="198.51.100.7")[0] == 202
        # Another address of the same /24: the same network.
        status, headers, body = sender.request(
            "POST", "/e", json.dumps(hit).encode(),
            {"X-Forwarded-For": "198.51.100.250"})
        assert status == 429, status
        assert headers["X-Pawprint-Result"] == "rate_limited"
        assert 1 <= int(headers["Retry-After"]) <= 12
        assert json.loads(body) == {"result": "rate_limited"}
        # The hit that was refused is counted, and so are those of a batch.
        refused = 'pawprint_collector_hits_total{result="rate_limited"}'
        assert one.number(refused) == 1
        status, answer = sender.send([hit, hit], address="198.51.100.7")
        assert status == 429 and answer["accepted"] == 0, answer
        assert one.number(refused) == 3
        # Somebody else is not held up, and an endpoint counts by itself.
        pixel = f"/p.gif?site={hit['site']}&url=https://shop.example/"
        got = [sender.request("GET", pixel, None,
                              {"X-Forwarded-For": "2001:db8:7::1"})[0]
               for _ in range(3)]
        assert got == [200, 200, 429], got
        assert sender.send(hit, address="2001:db8:7:8::2")[0] == 202
        assert one.number('pawprint_collector_limited_total{limit="pixel"}') == 1


def test_of_a_batch_only_what_is_too_much_for_its_site_is_refused():
    with collectors(1, PAWPRINT_LIMIT_SITE="10/m") as (one,):
        hit = known_site("batch", one)  # which took one
        other = known_site("other", one)
        status, headers, body = Sender(one.url).request(
            "POST", "/b", json.dumps([hit] * 12 + [other]).encode())
        answer = json.loads(body)
        assert status == 202 and answer["accepted"] == 10, answer
        assert answer["refused"] == [
            {"index": i, "reason": "rate_limited"} for i in (9, 10, 11)]
        assert 1 <= int(headers["Retry-After"]) <= 6


def test_two_collectors_allow_together_what_one_would():
    with collectors(2, PAWPRINT_LIMIT_NETWORK="100/s") as made:
        hit = known_site("together", made[0])
        known_site("together", made[1])
        accepted, refused, took = flood(made, hit, "198.51.100.7", 10)
        expected = round(100 * (took + 1))
        close_to(accepted, expected)
        assert refused > 0
        return say(accepted, expected) + f", {refused} refused"


def test_without_redis_each_collector_counts_alone_and_refuses_nobody_else():
    with collectors(2, PAWPRINT_LIMIT_NETWORK="50/s") as made:
        hit = known_site("alone", made[0])
        known_site("alone", made[1])
        stack.stop_server("redis", signal.SIGKILL)
        try:
            quiet, slowest, stop = [], 0.0, threading.Event()
            sender = Sender(made[0].url)

            def visit():
                nonlocal slowest
                while not stop.wait(0.1):
                    began = time.monotonic()
                    quiet.append(sender.send(hit, address="203.0.113.9")[0])
                    slowest = max(slowest, time.monotonic() - began)

            visitor = threading.Thread(target=visit)
            visitor.start()
            accepted, _, took = flood(made, hit, "198.51.100.7", 8)
            stop.set()
            visitor.join()
            assert set(quiet) == {202}, quiet
            alone = round(50 * (took + 1) * 2)
            close_to(accepted, alone)
            assert not made[0].shares() and not made[1].shares()
        finally:
            stack.bring_back()
        for one in made:
            stack.until("it shares again", one.shares)
        time.sleep(2)  # the debt of having counted alone is over
        again, _, took = flood(made, hit, "198.51.100.7", 8)
        together = round(50 * (took + 1))
        close_to(again, together)
        return (f"alone {say(accepted, alone)}; a quiet network: "
                f"{len(quiet)} of {len(quiet)}, slowest {slowest * 1000:.0f} "
                f"ms; together again {say(again, together)}")


def test_a_redis_that_hangs_holds_up_no_request():
    with collectors(1, PAWPRINT_LIMIT_NETWORK="100/s") as (one,):
        hit = known_site("hangs", one)
        account = stack.pawprint("account", "create", "--name", "hangs too",
                                 "--mail", "owner@example.com")["account"]
        pid, slowest = stack.pid_of("redis"), 0.0
        os.kill(pid, signal.SIGSTOP)
        try:
            # A change of capacity is to be told to Redis, too.
            stack.pawprint("account", "block", account, "--reason", "a test")
            sender, end = Sender(one.url), time.monotonic() + 3
            while time.monotonic() < end:
                began = time.monotonic()
                assert sender.send(hit, address="198.51.100.7")[0] in (202, 429)
                slowest = max(slowest, time.monotonic() - began)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert slowest < 0.15, slowest
        stack.until("it shares again", one.shares)
        return f"the slowest answer took {slowest * 1000:.0f} ms"


def test_no_address_and_no_network_is_in_redis():
    with collectors(1, PAWPRINT_LIMIT_NETWORK="5/m") as (one,):
        hit, place = known_site("hashed", one), urllib.parse.urlsplit(
            stack.address("PAWPRINT_REDIS_URL"))
        sender = Sender(one.url)
        for _ in range(5):
            sender.send(hit, address="198.51.100.7")
        words = ["redis-cli", "-p", str(place.port), "--no-raw"]

        def keys():
            return subprocess.check_output([*words, "KEYS", "limit:*"],
                                           text=True)

        stack.until("told", lambda: re.search(r"limit:[0-9a-f]{16}", keys()))
        assert "198.51" not in keys() and "10.0.2" not in keys(), keys()
        for key in re.findall(r"limit:[0-9a-f:key]+", keys()):
            left = int(subprocess.check_output(
                [*words, "PTTL", key], text=True).split()[-1])
            # -2: it is gone by now; -1 would be for ever.
            assert left == -2 or 0 <= left <= 172_800_000, (key, left)


def request_of(number):
    """From a network of its own: the number is the upper 24 bits."""
    network = f"{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}.1"
    return (f"GET /p.gif?site=nosuchsite&url=https://a.example/ HTTP/1.1\r\n"
            f"Host: a\r\nX-Forwarded-For: {network}\r\n\r\n").encode()


def attack(url, first, count, step=50):
    """A request each of count networks, several on their way at once."""
    place = urllib.parse.urlsplit(url)
    with socket.create_connection((place.hostname, place.port)) as server:
        for start in range(first, first + count, step):
            some = range(start, min(start + step, first + count))
            server.sendall(b"".join(request_of(n) for n in some))
            got = b""
            while got.count(b"HTTP/1.1 ") < len(some) or \
                    not got.endswith(b"\x00;"):
                more = server.recv(1 << 20)
                assert more, "closed"
                got += more


def test_a_million_networks_at_once_cost_no_memory():
    with collectors(1, PAWPRINT_LIMIT_NETWORK="5/m") as (one,):
        hit, sender = known_site("attacked", one), Sender(one.url)
        for _ in range(5):
            sender.send(hit, address="198.51.100.7")
        tenth = NETWORKS // 10
        attack(one.url, 1 << 16, tenth)
        before, began = one.memory_kib(), time.monotonic()
        attack(one.url, (1 << 16) + tenth, NETWORKS - tenth)
        took, after = time.monotonic() - began, one.memory_kib()
        assert after - before < 2048, (before, after)
        assert one.number("pawprint_collector_limit_evicted_buckets") > 0
        assert sender.send(hit, address="203.0.113.9")[0] == 202
        return (f"{before} KiB before, {after} KiB after, "
                f"{(NETWORKS - tenth) / took:.0f} networks a second")
