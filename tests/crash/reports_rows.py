"""Sites with traffic and many subscriptions to their reports, all of which are
due at one instant; and what each of them has to say.

The clock of Postgres is set to noon of UTC on the first of a month: reports of
a day, of a week and of a month are due then, in all zones below.
"""
import collections
import dataclasses
import datetime
import random
import zoneinfo

from kit import stack
from kit.stack import postgres as sql

# At noon of UTC it is the same day in each of them, and four o'clock or later.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns",
         "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Kolkata",
         "Africa/Casablanca")
ACCOUNTS, SITES = 20, 60
EMPTY = (7, 31)  # sites that nobody came to
EVERY = ("day", "week", "month")
PARTITION = 998  # of rows that no writer has made
DAY = datetime.timedelta(days=1)


def first_of_next_month():
    today = datetime.date.today()
    return (today.replace(day=1) + 32 * DAY).replace(day=1)


def period(every, date):
    """The first date in it, and the first that is not."""
    if every == "day":
        return date - DAY, date
    if every == "week":
        return date - 7 * DAY, date
    return (date - DAY).replace(day=1), date


@dataclasses.dataclass
class Site:
    number: int
    id: str
    zone: str
    views: list  # local date and visitor of each page view

    def numbers(self, every, date):
        """Visitors and page views, as its reports have to say them."""
        first, end = period(every, date)
        seen = [visitor for day, visitor in self.views if first <= day < end]
        return len(set(seen)), len(seen)


def local(date, zone, seconds):
    """Milliseconds of an instant by the clocks there, after midnight."""
    at = datetime.datetime.combine(
        date, datetime.time(), zoneinfo.ZoneInfo(zone))
    # Of the clock, not of what has passed: days have 23 and 25 hours, too.
    at += datetime.timedelta(seconds=seconds)
    return int(at.timestamp() * 1000)


class Rows:
    """Of one seed; tag is in all names."""

    def __init__(self, seed, tag):
        self.date, self.tag, self.dice = first_of_next_month(), tag, \
            random.Random(seed)
        self.sites = [Site(n, f"{tag}s{n}", ZONES[n % len(ZONES)], [])
                      for n in range(SITES)]
        self.add_accounts()
        self.add_traffic()

    def add_accounts(self):
        """Sites are spread over them, most of them in few."""
        sql("INSERT INTO account (account_id, name, owner_mail) SELECT "
            f"'{self.tag}a' || n, 'Account ' || n, 'owner@{self.tag}.example' "
            f"FROM generate_series(0, {ACCOUNTS - 1}) AS n")
        rows = ", ".join(
            f"('{one.id}', '{self.tag}a{one.number ** 2 % ACCOUNTS}', "
            f"'{one.id}.example', '{one.zone}')" for one in self.sites)
        sql("INSERT INTO site (site_id, account_id, name, zone) VALUES "
            + rows)

    def add_traffic(self):
        """Site n had n + 1 page views yesterday, others before, and some that
        are a second short of a day, or of the next one."""
        rows = []
        for site in self.sites:
            if site.number in EMPTY:
                continue
            for ago in (0, 1, 2, 5, 7, 8, 20, 32):
                date = self.date - ago * DAY
                for view in range(site.number + 1 if ago == 1
                                  else self.dice.randint(1, 9)):
                    visitor = self.dice.randint(1, 5 + site.number)
                    seconds = self.dice.choice((1, 14400, 43200, 86399))
                    site.views.append((date, visitor))
                    rows.append((site, local(date, site.zone, seconds),
                                 visitor, ago, view))
        stack.post(
            "INSERT INTO events (site_id, event_at, received_at, event_id, "
            "kind, visitor, visit_id, hostname, pathname, kafka_epoch, "
            "kafka_partition, kafka_offset, valid_until) VALUES "
            + ", ".join(f"('{site.id}', fromUnixTimestamp64Milli({at}), now64(3), "
                        f"'{site.id}/{n}', 'pageview', {visitor}, "
                        f"{visitor * 100 + ago}, 'shop.example', '/{view % 7}',"
                        f" 1, {PARTITION}, {n}, now64(3) + 600)"
                        for n, (site, at, visitor, ago, view)
                        in enumerate(rows)))

    def subscribe(self, first, end):
        """Confirmed ones, from number first to before end. One in three of a
        small shop's is of its one site; half of all are of one account."""
        last = ", ".join(
            f"('{every}', date '{period(every, self.date)[0]}')"
            for every in EVERY)
        sql(f"""INSERT INTO report_subscription (account_id, site_id, every,
            minute, weekday, recipient, state, last_date, confirmed_at)
            SELECT s.account_id, s.site_id, e.every, n * 37 % 240,
            {self.date.isoweekday()}, 'n' || n || '.' || s.site_id || '.' ||
            e.every || '@{self.tag}.example', 'active', e.last, pp_now() FROM
            generate_series({first}, {end - 1}) AS n JOIN site s ON s.site_id =
            '{self.tag}s' || CASE WHEN n % 2 = 0 THEN 10 * (n % 6) ELSE n %
            {SITES} END JOIN (VALUES {last}) AS e (every, last) ON e.every =
            (ARRAY['day', 'week', 'month'])[1 + n / 2 % 3]""")

    def expected(self):
        """Recipient to what its mail has to say: the site, the first date of
        the period, and numbers."""
        wanted = collections.namedtuple("Wanted", "site every first numbers")
        by_id = {one.id: one for one in self.sites}
        found = {}
        for line in sql("SELECT recipient, site_id, every FROM "
                        "report_subscription WHERE recipient LIKE "
                        f"'%@{self.tag}.example'").splitlines():
            recipient, site, every = line.split("|")
            found[recipient] = wanted(
                site, every, period(every, self.date)[0],
                by_id[site].numbers(every, self.date))
        return found
