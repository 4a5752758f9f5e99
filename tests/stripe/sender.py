"""Delivers events to the webhook endpoint: signed, and as badly as it is told.

Every attempt has a time and signatures of its own, one for each secret, as
while a secret is being rolled. [Stripe docs, Verify webhook signatures]
"""
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse

from stripe.shapes import fits, show

CHAOS = {
    "seed": 1,
    "shuffle_ms": 0,   # each waits a random time up to this
    "delay_ms": 0,     # and this one, all of them
    "duplicate": 0.0,  # this share goes out twice
    "drop": 0.0,       # this share never goes out
    "retry_ms": 200,   # after the first failure; doubled each time, up to
    "retry_most_ms": 5000,
    "attempts": 20,
    "timeout_s": 10,
}
WORKERS = 16


def signature(secret, at, body):
    """v1 of the bytes, in hex."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body,
                    hashlib.sha256).hexdigest()


def header(secrets, at, body):
    return ",".join([f"t={at}", *(f"v1={signature(secret, at, body)}"
                                  for secret in secrets)])


class Delivery:
    def __init__(self, event, body):
        self.event, self.body = event, body
        self.attempt, self.state = 0, "pending"
        self.answers = []  # (unix time, status or what went wrong, ms)

    def shown(self):
        return {"event": self.event["id"], "type": self.event["type"],
                "customer": self.event.get("_customer"),
                "state": self.state, "attempts": self.attempt,
                "answers": self.answers}


class Sender:
    """State of a delivery: held, pending, dropped, delivered or failed."""

    def __init__(self, world):
        self.world, self.wake = world, threading.Condition()
        self.order = itertools.count()
        self.url, self.secrets, self.types = None, [], ["*"]
        self.closed = False
        self.clear()
        world.listener = self.take
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()

    def clear(self):
        with self.wake:
            self.chaos, self.dice = dict(CHAOS), random.Random(CHAOS["seed"])
            self.dice_of = {}  # by customer
            self.holding, self.workers = False, WORKERS
            self.queue, self.all, self.busy = [], [], 0

    def settle(self, chaos):
        """Other settings from now on; the seed starts the dice anew."""
        strange = set(chaos) - set(CHAOS) - {"workers"}
        if strange:
            raise ValueError(f"no such setting: {', '.join(sorted(strange))}")
        with self.wake:
            self.workers = chaos.pop("workers", self.workers)
            self.chaos.update(chaos)
            if "seed" in chaos:
                self.dice = random.Random(chaos["seed"])
            self.wake.notify_all()

    def set_dice(self, customer, seed):
        """So what its webhooks meet is not for others' to change."""
        with self.wake:
            self.dice_of[customer] = random.Random(seed)

    # --- what goes out, and when -------------------------------------------

    def take(self, event):
        """An event that has just happened."""
        if self.url is None or not any(fits(event["type"], kind)
                                       for kind in self.types):
            event["_delivered"] = True  # nobody was to be told
            return
        self.send(event)

    def send(self, event, plainly=False):
        self.send_bytes(event, json.dumps(
            show(event, event["api_version"]), indent=2).encode(), plainly)

    def send_bytes(self, event, body, plainly):
        """Queues it, without any mischief when that is wanted."""
        with self.wake:
            chaos = self.chaos
            dice = self.dice_of.get(event.get("_customer"), self.dice)
            twice = not plainly and dice.random() < chaos["duplicate"]
            for _ in range(2 if twice else 1):
                delivery = Delivery(event, body)
                self.all.append(delivery)
                if not plainly and dice.random() < chaos["drop"]:
                    delivery.state = "dropped"
                elif self.holding and not plainly:
                    delivery.state = "held"
                else:
                    self.push(delivery, chaos["delay_ms"] + dice.random() *
                              chaos["shuffle_ms"])

    def push(self, delivery, after_ms):
        delivery.state = "pending"
        heapq.heappush(self.queue, (time.monotonic() + after_ms / 1000,
                                    next(self.order), delivery))
        self.wake.notify()

    def hold(self):
        """From now on events wait for release()."""
        with self.wake:
            self.holding = True

    def release(self, shuffled):
        """Those held go out, in their order or in the dice's."""
        with self.wake:
            self.holding = False
            held = [one for one in self.all if one.state == "held"]
            if shuffled:
                self.dice.shuffle(held)
            for one in held:
                self.push(one, 0)
            return len(held)

    def pending(self):
        with self.wake:
            return len(self.queue) + self.busy

    # --- one attempt -------------------------------------------------------

    def close(self):
        """Nothing goes out any more."""
        with self.wake:
            self.closed = True
            self.wake.notify_all()

    def next(self):
        """The delivery that is due, or None once it is closed."""
        with self.wake:
            while not self.closed:
                now = time.monotonic()
                if self.queue and self.busy < self.workers:
                    if self.queue[0][0] <= now:
                        self.busy += 1
                        return heapq.heappop(self.queue)[2]
                    self.wake.wait(self.queue[0][0] - now)
                else:
                    self.wake.wait()
            return None

    def work(self):
        while delivery := self.next():
            began = time.monotonic()
            at = int(time.time())
            delivery.attempt += 1
            status = self.post(delivery.body, at)
            took = round((time.monotonic() - began) * 1000, 1)
            delivery.answers.append((at, status, took))
            self.finish(delivery, isinstance(status, int) and
                        200 <= status < 300)

    def post(self, body, at):
        """The status of the answer, or in words why there was none."""
        place = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if place.scheme == "https" else \
            http.client.HTTPConnection
        target = (place.path or "/") + ("?" + place.query) * bool(place.query)
        connection = kind(place.netloc, timeout=self.chaos["timeout_s"])
        try:
            connection.request("POST", target, body, {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                "Stripe-Signature": header(self.secrets, at, body)})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as why:
            return type(why).__name__
        finally:
            connection.close()

    def finish(self, delivery, taken):
        with self.wake:
            self.busy -= 1
            chaos = self.chaos
            if taken:
                delivery.state, delivery.event["_delivered"] = "delivered", True
            elif delivery.attempt >= chaos["attempts"]:
                delivery.state = "failed"
            else:
                self.push(delivery, min(chaos["retry_ms"] * 2 **
                                        (delivery.attempt - 1),
                                        chaos["retry_most_ms"]))
            self.wake.notify_all()
