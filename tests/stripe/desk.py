"""One request to /v1 from its key to its answer: who asks, whether it was asked
before, and what the test wants to go wrong.
"""
import base64
import copy
import time

from stripe import api, faults, shapes
from stripe.errors import StripeError
from stripe.faults import Faults, error_of
from stripe.idempotency import Idempotency


class Desk:
    """`requests` is what was asked, and how each was answered."""

    def __init__(self, world, routes, mirror, secret_key):
        self.world, self.api, self.mirror = world, routes, mirror
        self.secret_key = secret_key
        self.clear()

    def clear(self):
        self.faults, self.requests = Faults(), []
        self.keys = Idempotency(self.world.clock)

    def answer(self, method, target, headers, body):
        """(status, headers, body); or HangUp."""
        path, _, query = target.partition("?")
        key = headers.get("Idempotency-Key")
        with self.world.lock:
            asked = {"id": self.world.new_id("req"), "method": method,
                     "path": path, "query": query,
                     "body": body.decode("utf-8", "replace"),
                     "idempotency_key": key, "status": None, "error": None,
                     "version": headers.get("Stripe-Version"),
                     "client": headers.get("User-Agent")}
            self.requests.append(asked)
        try:
            status, more, said = self.judge(asked, method, target, headers, body)
        except faults.HangUp:
            asked["status"] = 0
            raise
        except StripeError as why:
            status, more, said = why.status, why.headers, why.body
            asked["error"] = said["error"].get("code") or said["error"]["type"]
        asked["status"] = status
        return status, {"Request-Id": asked["id"], **more}, said

    def judge(self, asked, method, target, headers, body):
        self.check_key(headers.get("Authorization", ""))
        self.mirror.send(method, target, headers, body)
        slow = self.meet(asked, "before")
        version = shapes.check(headers.get(
            "Stripe-Version", self.world.settings["api_version"]))
        params = api.parameters(asked["query"], asked["body"])
        key = asked["idempotency_key"] if method == "POST" else None
        if key is None:
            time.sleep(slow)
            status, said = self.execute(asked, params, version)
            more = {}
        else:
            status, more, said = self.once(key, asked, params, version, slow)
        time.sleep(self.meet(asked, "after"))
        return status, {"Stripe-Version": version, **more}, said

    def check_key(self, given):
        """The key as a token, or as the user of basic authentication."""
        basic = base64.b64encode(f"{self.secret_key}:".encode()).decode()
        if given not in (f"Bearer {self.secret_key}", f"Basic {basic}"):
            raise StripeError(401, "invalid_request_error",
                              "Invalid API Key provided")

    def meet(self, asked, when):
        """Raises what a fault wants, or gives the seconds to wait."""
        with self.world.lock:
            fault = self.faults.take(asked["method"], asked["path"],
                                     asked["client"] or "", when)
        if fault is None:
            return 0
        if fault["kind"] == "slow":
            return fault.get("seconds", 1)
        raise error_of(fault)

    def once(self, key, asked, params, version, slow):
        request = (asked["method"], asked["path"], copy.deepcopy(params))
        with self.world.lock:
            kept = self.keys.begin(key, request)
        if kept:
            return kept[0], {"Idempotent-Replayed": "true",
                             "Original-Request": kept[1]}, kept[2]
        time.sleep(slow)
        try:
            status, said = self.execute(asked, params, version)
        except StripeError as why:
            self.keep(key, asked, why)
            raise
        except BaseException:
            with self.world.lock:
                self.keys.forget(key)
            raise
        with self.world.lock:
            self.keys.finish(key, (status, asked["id"], said))
        return status, {}, said

    def keep(self, key, asked, why):
        """A card that was declined has been tried; the rest was refused."""
        with self.world.lock:
            if why.status == 402 or why.status >= 500:
                self.keys.finish(key, (why.status, asked["id"], why.body))
            else:
                self.keys.forget(key)

    def execute(self, asked, params, version):
        with self.world.lock:
            self.world.advance(0)  # what has become due meanwhile
            self.world.request = (asked["id"], asked["idempotency_key"])
            try:
                return 200, self.api.run(asked["method"], asked["path"], params,
                                         version)
            finally:
                self.world.request = (None, None)
