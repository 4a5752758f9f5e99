"""Everything was down over the time at which something was due: for a second, a
minute, an hour, three days. What is done afterwards is what the policy says.

Time is what Postgres says, which a database that is a test may shift. Each
absence begins before an instant at which all is due, and ends after it.
"""
import contextlib
import datetime
import os
import subprocess
import uuid

from e2e.test_notifier import BIN, mails, psql
from e2e.test_reports import a_site
from kit import stack
from kit.stack import postgres as sql

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
ABSENCES = {"1 s": datetime.timedelta(seconds=1),
            "1 min": datetime.timedelta(minutes=1),
            "1 h": datetime.timedelta(hours=1), "3 days": 3 * DAY}
# Each time a day of its own, where no other test has been.
FIRST = datetime.datetime.combine(
    datetime.date.today() + 20 * DAY, datetime.time(9), UTC)


@contextlib.contextmanager
def all_down():
    sql("UPDATE installation SET is_test = true")
    stack.services("down", "reports")
    try:
        yield
    finally:
        sql("UPDATE installation SET clock_shift = '0'")
        # The clock goes back, which it does nowhere else.
        sql("DELETE FROM job_run WHERE scheduled_for > pp_now() OR job LIKE "
            "'policy.%'")
        sql("DELETE FROM job WHERE job LIKE 'policy.%'")
        stack.services("up", "reports")


def now_is(instant):
    sql(f"UPDATE installation SET clock_shift = '{instant.isoformat()}'"
        "::timestamptz - now()")


@contextlib.contextmanager
def running(name, role="pawprint", **settings):
    """A program, for as long as it is needed; then it is killed."""
    dsn = stack.address("PAWPRINT_POSTGRES_DSN").replace("pawprint@", role + "@")
    with (stack.folder() / "log" / name).open("ab") as log:
        process = subprocess.Popen(
            [BIN / name], stdout=log, stderr=log,
            env={**os.environ, "PAWPRINT_POSTGRES_DSN": dsn, **settings})
    try:
        yield
        assert process.poll() is None, f"{name} ended by itself"
    finally:
        process.kill()
        process.wait(10)


def policies():
    """tests/kit/policies.c"""
    return running("policies")


def reports():
    return running("reports", "pawprint_reports", PAWPRINT_INTERNAL_PORT="0",
                   PAWPRINT_REPORTS_DISPATCH_SECONDS="1",
                   PAWPRINT_REPORTS_SPREAD_SECONDS="0")


def planned(until):
    """All jobs of the program have looked beyond that instant, and nothing of
    theirs waits."""
    stack.until("all is planned and done", lambda: sql(
        "SELECT count(*) = 4 AND min(next_at) > "
        f"'{until.isoformat()}' AND NOT EXISTS (SELECT FROM job_run r WHERE "
        "r.job LIKE 'policy.%' AND r.state <> 'done') FROM job WHERE job LIKE "
        "'policy.%'") == "t")


def done(job, since, until):
    """How many runs, of which instants, the first and the last."""
    return sql("SELECT count(*), min(scheduled_for) AT TIME ZONE 'UTC', "
               "max(scheduled_for) AT TIME ZONE 'UTC' FROM job_run WHERE "
               f"job = '{job}' AND state = 'done' AND scheduled_for > "
               f"'{since.isoformat()}' AND scheduled_for <= "
               f"'{until.isoformat()}'").split("|")


def skipped():
    return {job: int(count) for job, count in psql(
        "SELECT job, skipped FROM job WHERE job LIKE 'policy.%'")}


def test_after_an_absence_a_job_does_what_its_policy_says():
    # Runs that are done, instants that are left out; all are due at 09:15,
    # some each minute. Whoever is back a moment later is not too late for none.
    wanted = {
        "1 s": {"latest": (1, 0), "none": (1, 0), "window": (1, 0),
                "must": (0, 0)},
        "1 min": {"latest": (1, 0), "none": (0, 1), "window": (1, 0),
                  "must": (0, 0)},
        "1 h": {"latest": (1, 59), "none": (0, 60), "window": (1, 0),
                "must": (1, 0)},
        "3 days": {"latest": (1, 3 * 1440 - 1), "none": (0, 3 * 1440),
                   "window": (48, 24), "must": (72, 0)},
    }
    with all_down():
        for number, (name, absence) in enumerate(ABSENCES.items()):
            due = FIRST + number * 10 * DAY + datetime.timedelta(minutes=15)
            # Half of the absence is before it at most, so that it is back
            # 0.5 s after it, or 30 s, or as long as it was away.
            away = due - min(absence / 2, datetime.timedelta(seconds=30))
            sql("DELETE FROM job WHERE job LIKE 'policy.%'")
            now_is(away - datetime.timedelta(seconds=20))
            with policies():
                planned(away)
            before, back = skipped(), away + absence
            now_is(back)
            with policies():
                planned(back)
            left_out = skipped()
            for policy, (runs, gone) in wanted[name].items():
                job = f"policy.{policy}"
                got = done(job, away, back)
                assert int(got[0]) == runs, (name, policy, got)
                assert left_out[job] - before[job] == gone, (
                    name, policy, before, left_out)
            # The newest, and within the window the oldest.
            last = done("policy.latest", away, back)[2]
            assert last == (back.replace(second=0, microsecond=0)
                            ).strftime("%Y-%m-%d %H:%M:%S"), (name, last)
    return f"{len(ABSENCES)} absences, 4 policies"


def test_after_an_absence_reports_does_each_of_its_jobs_once():
    jobs = [row[0] for row in psql(
        "SELECT job FROM job WHERE service LIKE 'reports%' AND catch_up = "
        "'latest' AND every_s > 0 ORDER BY job")]
    assert {"rollup", "rollup.all", "report.dispatch"} <= set(jobs), jobs
    with all_down():
        away = FIRST + 60 * DAY
        back = away + ABSENCES["3 days"]
        now_is(away)
        sql("UPDATE job SET skipped = 0, next_at = date_trunc('hour', "
            "pp_now()) + interval '1 hour' WHERE service LIKE 'reports%'")
        now_is(back)
        with reports():
            stack.until("each has begun", lambda: int(sql(
                "SELECT count(DISTINCT job) FROM job_run WHERE scheduled_for > "
                f"'{away.isoformat()}' AND attempt > 0 AND job = ANY "
                f"('{{{','.join(jobs)}}}')")) == len(jobs))
        for job in jobs:
            early, left_out = psql(
                "SELECT count(r.job), skipped > 0 FROM job j LEFT JOIN job_run "
                "r ON r.job = j.job AND r.scheduled_for > "
                f"'{away.isoformat()}' AND r.scheduled_for <= "
                f"'{back.isoformat()}'::timestamptz - every_s * interval "
                f"'1 s' WHERE j.job = '{job}' GROUP BY j.job")[0]
            assert (early, left_out) == ("0", "t"), (job, early, left_out)
    return ", ".join(jobs)


def subscription(site, every, recipient, date):
    """Due at that date at nine, by UTC; the one before has been told."""
    before = {"day": date - DAY, "week": date - 7 * DAY,
              "month": (date - DAY).replace(day=1)}[every]
    return sql(
        "INSERT INTO report_subscription (account_id, site_id, every, minute, "
        "weekday, recipient, state, last_date, next_at, confirmed_at) SELECT "
        f"account_id, site_id, '{every}', 540, {date.isoweekday()}, "
        f"'{recipient}', 'active', '{before}', '{date} 09:00+00', pp_now() "
        f"FROM site WHERE site_id = '{site}' RETURNING subscription_id")


def dates_told(number):
    """Of which its reports are, by the date at which they were due."""
    return [row[0] for row in psql(
        "SELECT split_part(scope, '/', 2) FROM job_run WHERE job = 'report' "
        f"AND split_part(scope, '/', 1) = '{number}' AND state = 'done' "
        "ORDER BY scheduled_for")]


LATE_MOST = {"day": 1.5 * DAY, "week": 3 * DAY, "month": 5 * DAY}


def worth_telling(every, due, back):
    """The dates of which a report is made, as docs/reports.md has it."""
    if every != "day":
        return [str(due.date())] if back - due <= LATE_MOST[every] else []
    ats = [due + n * DAY for n in range((back - due).days + 1)]
    return [str(at.date()) for at in ats if back - at <= LATE_MOST[every]]


def tell_after(absence, date):
    """What is made of three subscriptions, due at that date, by what each is
    of; what should be; and how many mails that is."""
    tag = uuid.uuid4().hex[:8]
    site = a_site(f"{tag}@example.com")
    due = datetime.datetime.combine(date, datetime.time(9), UTC)
    back = due - min(absence / 2, datetime.timedelta(hours=1)) + absence
    ids = {every: subscription(site, every, f"{every}.{tag}@example.com", date)
           for every in LATE_MOST}
    among = ", ".join(ids.values())
    wanted = {every: worth_telling(every, due, back) for every in ids}
    now_is(back)
    with reports():
        stack.until("all has been looked at and made", lambda: sql(
            f"""SELECT count(*) = 3 AND NOT EXISTS (SELECT FROM job_run WHERE
            job = 'report' AND state <> 'done' AND split_part(scope, '/',
            1)::bigint IN ({among})) FROM report_subscription WHERE next_at >
            pp_now() AND subscription_id IN ({among})""") == "t")
    got = {every: dates_told(number) for every, number in ids.items()}
    # Nobody came: that is said once.
    count = sum(bool(dates) for dates in wanted.values())
    stack.until(f"{count} mails", lambda: len(
        [one for one in mails(tag) if "no traffic" in one["Subject"]]) == count)
    sql("UPDATE report_subscription SET state = 'paused' WHERE "
        f"subscription_id IN ({among})")
    return got, wanted, [len(dates) for dates in got.values()]


def test_after_an_absence_a_report_is_made_while_it_is_worth_something():
    made, month = {}, FIRST.date() + 120 * DAY
    with all_down():
        for name, absence in {**ABSENCES, "6 days": 6 * DAY}.items():
            month = (month.replace(day=1) + 32 * DAY).replace(day=1)
            got, wanted, made[name] = tell_after(absence, month)
            assert got == wanted, (name, got, wanted)
    # Of a day, of a week, of a month.
    assert made == {"1 s": [1, 1, 1], "1 min": [1, 1, 1], "1 h": [1, 1, 1],
                    "3 days": [1, 1, 1], "6 days": [1, 0, 0]}, made
    return ", ".join(made)
