"""Errors and slowness on request. A fault is

    {"method": "POST", "path": "/v1/checkout", "kind": "error"}

method  which requests; all of them without it
path    how their path begins; "/v1/" without it
client  their User-Agent, "" for those that have none; all without it
kind    error, hangup (the connection ends without an answer), slow
when    before (nothing happened; the default) or after (it did happen)
status, error, headers   what an error answers; 500, an api_error
seconds of slow, which holds the request's idempotency key meanwhile
times   so often, then it is gone; always without it
share   of the requests that it meets, 0 to 1
"""
import random

from stripe.errors import StripeError, invalid

KINDS = ("error", "hangup", "slow")
FIELDS = ("method", "path", "client", "kind", "when", "status", "error",
          "headers", "seconds", "times", "share")


class HangUp(Exception):
    """The client gets no answer."""


class Faults:
    def __init__(self):
        self.clear()

    def clear(self):
        self.faults, self.dice = [], random.Random(1)

    def add(self, fault):
        strange = set(fault) - set(FIELDS)
        if strange or fault.get("kind") not in KINDS:
            raise invalid(f"a fault has a kind of {', '.join(KINDS)}, and of "
                          f"{', '.join(FIELDS)} what it needs")
        self.faults.append({"path": "/v1/", "when": "before", **fault})

    def take(self, method, path, client, when):
        """The first that fits, or None; it counts as used."""
        for fault in self.faults:
            if not path.startswith(fault["path"]) or fault["when"] != when or \
                    fault.get("method", method) != method or \
                    fault.get("client", client) != client or \
                    self.dice.random() >= fault.get("share", 1):
                continue
            if "times" in fault:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
            return fault
        return None


def error_of(fault):
    """What it raises, unless it is slow."""
    if fault["kind"] == "hangup":
        return HangUp()
    error = StripeError(fault.get("status", 500), "api_error", "Told so by the "
                        "test.")
    error.body["error"].update(fault.get("error", {}))
    error.headers = fault.get("headers", {})
    return error
