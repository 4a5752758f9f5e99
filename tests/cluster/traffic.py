"""Hits at a steady rate until SIGTERM, each batch until it is taken; then waits
until ClickHouse has them. Prints what came of it in a line; exit code 1 when
what is stored is not what was acknowledged.

    python3 -m cluster.traffic SITE PREFIX [--perfect]

With --perfect no try may have failed, and none may be stored twice. Addresses
are in the environment, as kit.stack has them.
"""
import argparse
import http.client
import signal
import sys
import threading
import time

from kit import stack
from kit.hits import Sender

SENDERS = 4
IN_ONE = 20
PAUSE_S = 0.2  # less than 400 hits a second in all
GIVE_UP_S = 60
STORED_S = 150
AGENT = ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 "
         "Firefox/121.0")


class Traffic:
    def __init__(self, options):
        self.options = options
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.next = self.acknowledged = self.failed = 0
        self.slowest_s, self.why, self.lost = 0.0, "", 0

    def batch(self):
        with self.lock:
            first = self.next
            self.next += IN_ONE
        return [{"site": self.options.site, "url": "https://shop.example/cups",
                 "id": f"{self.options.prefix}{number}"}
                for number in range(first, first + IN_ONE)]

    def once(self, sender, batch):
        """What is wrong, or nothing."""
        began = time.monotonic()
        try:
            status, answer = sender.send(batch, AGENT)
            why = "" if status == 202 and answer["accepted"] == IN_ONE else (
                f"{status} {answer}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            sender.close()
            why = repr(error)
        with self.lock:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            if why:
                self.failed, self.why = self.failed + 1, why
            else:
                self.acknowledged += IN_ONE
        return why

    def work(self):
        sender, turn = Sender(timeout=10), 0
        while not self.stop.is_set():
            batch, end = self.batch(), time.monotonic() + GIVE_UP_S
            while self.once(sender, batch):
                if time.monotonic() > end:
                    self.lost += 1
                    return
                time.sleep(0.1)
            turn += 1
            if turn % 10 == 0:
                sender.close()  # another pod may take the next ones
            self.stop.wait(PAUSE_S)

    def stored(self):
        """(rows, different ids) in ClickHouse."""
        row = stack.clickhouse(
            "SELECT count(), uniqExact(event_id) FROM events WHERE site_id = "
            f"'{self.options.site}' AND "
            f"startsWith(event_id, '{self.options.prefix}')")[0]
        return int(row[0]), int(row[1])

    def await_stored(self):
        end = time.monotonic() + STORED_S
        while True:
            try:
                rows, ids = self.stored()
                if ids >= self.acknowledged:
                    return rows, ids
            except OSError as error:
                rows, ids = 0, 0
                print(repr(error), file=sys.stderr)
            if time.monotonic() > end:
                return rows, ids
            time.sleep(0.5)


def known(options):
    """A site that was just made is known to every collector in seconds."""
    sender, end = Sender(timeout=10), time.monotonic() + 30
    while time.monotonic() < end:
        if sender.send({"site": options.site, "id": "known " + options.prefix,
                        "url": "https://shop.example/"}, AGENT)[0] == 202:
            return
        sender.close()
        time.sleep(0.2)
    sys.exit("no collector knows the site")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("site")
    parser.add_argument("prefix")
    parser.add_argument("--perfect", action="store_true")
    traffic = Traffic(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: traffic.stop.set())
    known(traffic.options)
    threads = [threading.Thread(target=traffic.work) for _ in range(SENDERS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    rows, ids = traffic.await_stored()
    print(f"acknowledged {traffic.acknowledged}, stored {ids}, twice "
          f"{rows - ids}, repeated {traffic.failed}, slowest answer "
          f"{traffic.slowest_s * 1000:.0f} ms {traffic.why}")
    right = ids == traffic.acknowledged > 0 and not traffic.lost
    if traffic.options.perfect:
        right = right and rows == ids and not traffic.failed
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
