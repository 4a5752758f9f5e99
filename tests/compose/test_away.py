"""Each backend is stopped in turn, while hits come in: every service stays
alive, those that can do nothing say that they are not ready, a metric says what
is missing, and afterwards all is as it was, with every hit that was taken."""
import contextlib
import http.client
import time

from compose.kit import are, compose, not_ready, value
from compose.test_journeys import AGENT, SHOP, a_site, known, rows
from kit import stack
from kit.hits import Sender

SOON_S = 90   # until services say what is missing
BACK_S = 240  # until they say that all is well again


class Case:
    """What there is while `backend` is away: how hits are answered, who is not
    ready, who may say so as well since it depends on what he has just done, and
    a metric of a service that holds() then."""

    def __init__(self, backend, answer, missing, metric, holds, may=()):
        self.backend, self.answer, self.missing = backend, answer, missing
        self.service, self.metric, self.holds = *metric, holds
        self.may = set(may)

    def is_so(self, sender):
        answer, missing = sender.send(), not_ready()
        told = value(self.service, self.metric)
        self.last = answer, missing, told
        return answer == self.answer and \
            set(self.missing) <= set(missing) <= {*self.missing, *self.may} and \
            told is not None and self.holds(told)


CASES = [
    # The collector says so while deliveries fail, the relay while it has some,
    # the meter once librdkafka has noticed.
    Case("kafka", 503, [],
         ("collector", 'pawprint_collector_hits_total{result="not_durable"}'),
         lambda told: told > 0, may=["collector", "meter", "relay"]),
    Case("postgres", 202, ["billing", "meter", "notifier", "relay", "reports"],
         ("relay", "pawprint_relay_active"), lambda told: told == 0),
    Case("clickhouse", 202, [],
         ("writer", "pawprint_writer_waiting_since_seconds"),
         lambda told: told > 0),
    Case("valkey", 202, [],
         ("collector", "pawprint_collector_limits_shared"),
         lambda told: told == 0),
]


class Visitor:
    """Sends hits to a site and counts what became of them."""

    def __init__(self):
        self.site = a_site("owner@example.com")
        known(self.site)
        self.taken, self.open = 1, 0

    def send(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = Sender().send({"site": self.site, "url": SHOP}, AGENT,
                                   "203.0.113.1")[0]
            self.taken += status == 202
            self.open += status != 202  # may be stored all the same
            return status
        self.open += 1
        return None


def is_well(visitor):
    return not_ready() == [] and visitor.send() == 202


def while_away(case, visitor):
    compose("stop", "-t", "30", case.backend)
    try:
        stack.until(f"{case.backend} is missed as it should be",
                    lambda: case.is_so(visitor), SOON_S)
        assert all(are("/livez").values()), are("/livez")
    except AssertionError as wrong:
        raise AssertionError(f"{wrong}; last: {case.last}") from None
    finally:
        compose("start", case.backend)
    began = time.monotonic()
    stack.until(f"all are well with {case.backend}",
                lambda: is_well(visitor), BACK_S)
    print(f"       without {case.backend}: hits are answered {case.answer}, "
          f"not ready {', '.join(case.last[1]) or 'nobody'}; all well "
          f"{time.monotonic() - began:.0f} s after it is back", flush=True)


def test_whoever_is_away_is_missed_as_it_should_be_and_no_hit_is_lost():
    visitor = Visitor()
    for case in CASES:
        while_away(case, visitor)
    stack.until("all is stored", lambda: rows(visitor.site) >= visitor.taken)
    assert rows(visitor.site) <= visitor.taken + visitor.open
    return (f"{visitor.taken} hits were taken and stored, "
            f"{visitor.open} refused meanwhile")
