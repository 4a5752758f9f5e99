"""The answers to requests with an Idempotency-Key, kept for 24 hours.

A key answers again what it answered first, 500 included; not kept is what
was refused before it was executed. [Stripe API, Idempotent requests]
"""
from stripe.clock import DAY
from stripe.errors import StripeError, invalid

LONGEST = 255


class Idempotency:
    """Whoever calls holds the world's lock."""

    def __init__(self, clock):
        self.clock, self.kept = clock, {}

    def begin(self, key, request):
        """The answer of then, or None: execute it, then finish or forget."""
        if len(key) > LONGEST:
            raise invalid("The idempotency key is longer than "
                          f"{LONGEST} characters", code="idempotency_key_too_long")
        kept = self.kept.get(key)
        if kept and kept["at"] + DAY <= self.clock.now():
            kept = None
        if kept is None:
            self.kept[key] = {"at": self.clock.now(), "request": request,
                              "answer": None}
            return None
        if kept["request"] != request:
            raise StripeError(
                400, "idempotency_error", "Keys for idempotent requests can "
                "only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to "
                "execute a different request.")
        if kept["answer"] is None:
            raise StripeError(
                409, "idempotency_error", "There is currently another "
                "in-progress request using this Idempotent Key.",
                code="idempotency_key_in_use")
        return kept["answer"]

    def finish(self, key, answer):
        self.kept[key]["answer"] = answer

    def forget(self, key):
        self.kept.pop(key, None)
