"""What time it is at the fake: the machine's, moved forward on request.

Each customer can be ahead of the others, like with Stripe's test clocks, so
that one customer's year doesn't age the rest. One's clock can stand, so that
all that happens to him until it is moved is of the same second.
"""
import calendar
import datetime
import time

HOUR, DAY = 3600, 86400


class Clock:
    """Seconds since 1970."""

    def __init__(self, real=time.time):
        self.real = real
        self.reset()

    def reset(self):
        self.ahead, self.own, self.stood = 0, {}, {}

    def now(self, customer=None):
        real = self.stood.get(customer) or int(self.real())
        return real + self.ahead + self.own.get(customer, 0)

    def stand(self, customer):
        """From now on it moves only when it is told to."""
        self.stood[customer] = int(self.real())

    def reach(self, instant, customer=None):
        """Goes forward until it is then; never back."""
        step = max(0, instant - self.now(customer))
        if customer is None:
            self.ahead += step
        else:
            self.own[customer] = self.own.get(customer, 0) + step


def period_end(anchor, after, interval):
    """The first end of a period after an instant: the anchor's day of the
    month, or the month's last where it has no such day."""
    begin = datetime.datetime.fromtimestamp(anchor, datetime.timezone.utc)
    step = 12 if interval == "year" else 1
    months = 0
    while True:
        months += step
        year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        end = begin.replace(year=year, month=month + 1,
                            day=min(begin.day, last))
        if end.timestamp() > after:
            return int(end.timestamp())
