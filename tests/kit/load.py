"""Hits at a steady rate, some in each request, sent until they are taken; then
whether ClickHouse has each of them, and only once."""
import http.client
import threading
import time

from kit import stack
from kit.hits import Sender

AGENT = ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 "
         "Firefox/121.0")
SENDERS = 4
GIVE_UP_S = 60
TURNS = 10  # requests on a connection: another collector may get the next ones


class Load:
    """Ids of hits begin with prefix. With several urls it does what a balancer
    would: who finds one collector going turns to the next. What none took at
    once is an error; it is sent again until one does.

    taken: hits that were acknowledged; errors: what was said instead; moves:
    how often a sender had to turn; given_up: batches that nobody ever took."""

    def __init__(self, site, prefix, urls, hits_a_second, in_one):
        self.site, self.prefix, self.urls = site, prefix, urls
        self.in_one, self.every = in_one, in_one * SENDERS / hits_a_second
        self.taken = self.moves = self.given_up = 0
        self.errors, self.slowest_s = [], 0.0
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
        due, batch = time.monotonic(), 0
        while not self.stopped.wait(max(0, due - time.monotonic())):
            due, batch = due + self.every, batch + 1
            self.send(senders, f"{number}-{batch}",
                      f"198.51.{number}.{batch % 250}")
            if batch % TURNS == 0:
                for one in senders:
                    one.close()

    def send(self, senders, name, address):
        hits = [{"site": self.site, "url": "https://shop.example/cups",
                 "id": f"{self.prefix}-{name}-{i}"} for i in range(self.in_one)]
        end = time.monotonic() + GIVE_UP_S
        while not self.is_taken(senders, hits, address):
            if time.monotonic() > end:
                with self.lock:
                    self.given_up += 1
                return
            time.sleep(0.2)

    def is_taken(self, senders, hits, address):
        told = []
        for _ in senders:
            told.append(self.ask(senders[0], hits, address))
            if told[-1] == 202:
                break
            senders.append(senders.pop(0))
        with self.lock:
            self.moves += len(told) - 1
            if told[-1] == 202:
                self.taken += self.in_one
            else:
                self.errors.append(told)
        return told[-1] == 202

    def ask(self, sender, hits, address):
        """The status, or what went wrong before there was one."""
        began = time.monotonic()
        try:
            status, answer = sender.send(hits, AGENT, address)
            if status == 202 and answer["accepted"] != self.in_one:
                return answer
            return status
        except (OSError, ValueError, http.client.HTTPException) as why:
            sender.close()
            return type(why).__name__
        finally:
            with self.lock:
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def until(self, seconds):
        """Goes on until it has sent for so long."""
        time.sleep(max(0, self.began + seconds - time.monotonic()))

    def stored(self):
        """(rows, different ids) in ClickHouse; it may be away for a moment."""
        try:
            row = stack.clickhouse(
                "SELECT count(), uniqExact(event_id) FROM events WHERE site_id "
                f"= '{self.site}' AND startsWith(event_id, '{self.prefix}-')")[0]
        except OSError:
            return 0, 0
        return int(row[0]), int(row[1])

    def await_stored(self, seconds):
        """What is stored once all that was taken is, or when time is up."""
        end = time.monotonic() + seconds
        while True:
            rows, ids = self.stored()
            if ids >= self.taken or time.monotonic() > end:
                return rows, ids
            time.sleep(0.5)

    def is_stored_once(self):
        """Fails when somebody has seen an error or a hit is not one row."""
        assert not self.errors, (len(self.errors), self.errors[:3])
        stored = self.await_stored(180)
        assert stored == (self.taken, self.taken), (stored, self.taken)
        return (f"{self.taken} hits in {self.took:.0f} s, "
                f"{self.taken / self.took:.0f} a second, {self.moves} times sent "
                "to another collector, no error")
