"""Hits at a rate, sent to two collectors as a balancer would: whoever finds one
going turns to the other."""
import contextlib
import http.client
import threading
import time
import uuid

from compose.kit import compose, containers, docker
from compose.test_journeys import AGENT, SHOP
from kit import stack
from kit.hits import Sender

HITS_A_SECOND = 2000
IN_ONE = 50
SENDERS = 4


class Load:
    """IN_ONE hits at a time to one of the collectors. What both did not take at
    once is an error; it is sent again until one does."""

    def __init__(self, site, urls):
        self.site, self.urls, self.name = site, urls, uuid.uuid4().hex[:8]
        self.taken, self.errors, self.moves = 0, [], 0
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(number,))
                        for number in range(SENDERS)]

    def __enter__(self):
        self.began = time.monotonic()
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for one in self.threads:
            one.join()
        self.took = time.monotonic() - self.began

    def work(self, number):
        senders = [Sender(url, timeout=10) for url in self.urls]
        every = IN_ONE * SENDERS / HITS_A_SECOND
        due, batch = time.monotonic(), 0
        while not self.stopped.wait(max(0, due - time.monotonic())):
            due, batch = due + every, batch + 1
            self.send(senders, f"{number}-{batch}",
                      f"198.51.{number}.{batch % 250}")

    def send(self, senders, name, address):
        hits = [{"site": self.site, "url": SHOP,
                 "id": f"{self.name}-{name}-{i}"} for i in range(IN_ONE)]
        while not self.is_taken(senders, hits, address):
            time.sleep(0.2)

    def is_taken(self, senders, hits, address):
        told = [ask(senders[0], hits, address)]
        if told != [202]:
            senders.reverse()
            told.append(ask(senders[0], hits, address))
        with self.lock:
            self.moves += len(told) > 1
            if told[-1] == 202:
                self.taken += IN_ONE
            else:
                self.errors.append(told)
        return told[-1] == 202

    def until(self, seconds):
        """Goes on until it has sent for so long."""
        time.sleep(max(0, self.began + seconds - time.monotonic()))

    def is_stored_once(self):
        """Fails when somebody has seen an error or a hit is not one row."""
        assert not self.errors, (len(self.errors), self.errors[:3])
        sql = ("SELECT count(), uniqExact(event_id) FROM events WHERE site_id = "
               f"'{self.site}' AND startsWith(event_id, '{self.name}-')")
        stack.until("all is stored", lambda: int(stack.clickhouse(sql)[0][1]) >=
                    self.taken, 180)
        rows, ids = map(int, stack.clickhouse(sql)[0])
        assert (rows, ids) == (self.taken, self.taken), (rows, ids, self.taken)
        return (f"{self.taken} hits in {self.took:.0f} s, "
                f"{self.taken / self.took:.0f} a second, {self.moves} times sent "
                "to the other collector, no error")


def ask(sender, hits, address):
    """The status, or what went wrong before there was one."""
    try:
        return sender.send(hits, AGENT, address)[0]
    except (OSError, ValueError, http.client.HTTPException) as why:
        sender.close()
        return type(why).__name__


class Second:
    """A collector beside the one of compose.yaml, on a port of its own."""

    def __init__(self):
        self.port = stack.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.container = None

    def start(self):
        self.stop()
        self.container = compose(
            "run", "-d", "--no-deps", "--name",
            f"pawprint-second-{uuid.uuid4().hex[:8]}", "-p",
            f"127.0.0.1:{self.port}:8080", "collector").split()[-1]
        stack.until("the second collector is well",
                    lambda: health(self.container) == "healthy", 60)

    def stop(self):
        if self.container:
            docker("stop", "-t", "45", self.container)
            docker("rm", "-f", self.container)
        self.container = None


@contextlib.contextmanager
def second_collector():
    second = Second()
    try:
        second.start()
        yield second
    finally:
        second.stop()


def health(container):
    return docker("inspect", "-f", "{{.State.Health.Status}}",
                  container).strip()


def is_well(service):
    return all(health(one) == "healthy" for one in containers(service))


def roll(service):
    """A new container in place of the old one, as an upgrade does it."""
    compose("up", "-d", "--no-deps", "--force-recreate", service)
    stack.until(f"{service} is well", lambda: is_well(service), 120)
