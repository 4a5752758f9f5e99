"""An upgrade, and how soon each of three collectors takes hits again.

A seed is one upgrade of an account that is refused, by the CLI, as staff do it.
The time runs from before the command is started until the last of the
collectors has answered 202; each is asked all the time by somebody of its own.
"""
import contextlib
import http.client
import threading
import time

from e2e.test_usage_capacity import SOON_S, Account
from e2e.test_usage_edges import Program
from kit import stack
from kit.hits import Sender

COLLECTORS = 3


class Watch(threading.Thread):
    """Asks one collector until it takes a hit; at is when it did."""

    def __init__(self, account, url):
        super().__init__(daemon=True)
        self.account, self.sender, self.at = account, Sender(url), None

    def run(self):
        end = time.monotonic() + 10
        while self.at is None and time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.account.send(self.sender) == 202:
                    self.at = time.monotonic()
            time.sleep(0.002)
        self.sender.close()


class Bench:
    def __init__(self, _engine):
        stack.services("up")
        self.more = [Program("collector") for _ in range(COLLECTORS - 1)]
        self.urls = [stack.collector(), *(one.url() for one in self.more)]
        self.account = Account("upgraded", "NOW")
        self.account.use(3)
        self.slowest_s = 0

    def is_refused(self, url):
        return self.account.send(Sender(url)) == 402

    def run(self, _seed):
        self.account.exhaust()
        for url in self.urls:
            stack.until("refused by each", lambda u=url: self.is_refused(u), 20)
        watches = [Watch(self.account, url) for url in self.urls]
        began = time.monotonic()
        for watch in watches:
            watch.start()
        self.account.plan("PREMIUM")
        for watch in watches:
            watch.join()
            assert watch.at, f"{watch.sender.place.netloc} never took it"
        took_s = max(watch.at for watch in watches) - began
        self.slowest_s = max(self.slowest_s, took_s)
        assert took_s < SOON_S, f"{took_s:.3f} s"
        assert self.account.plan("NOW") == "grace"
        return (f"{1000 * took_s:.0f} ms in {COLLECTORS} collectors, "
                f"the slowest so far {1000 * self.slowest_s:.0f} ms")

    def close(self):
        for one in self.more:
            one.__exit__()
