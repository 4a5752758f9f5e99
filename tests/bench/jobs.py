"""What `reports` and `notifier` need where much is due, and where nothing is.

Beside the least that Postgres and the relay can do in the same run. Asserts
nothing.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

from kit import stack

from .billing import cpu_us, postgres_us

JOBS = stack.ROOT / "build/bin/bench-jobs"
WAITING, CLAIMS = 100_000, 2000
SUBSCRIPTIONS, SUPPRESSED, TICKS = 1_000_000, 10_000, 20
DUE = 2000  # subscriptions of one tick
REPORTS, MAILS, LINKS = 300, 4000, 8
IDLE_S = 20


def dsn(role):
    return stack.address("PAWPRINT_POSTGRES_DSN").replace(
        "pawprint@", f"pawprint_{role}@")


def run(*words):
    """What it says, and the CPU time of Postgres meanwhile."""
    spent = postgres_us()
    out = subprocess.check_output([JOBS, *map(str, words)], text=True)
    lines = [list(map(int, line.split())) for line in out.splitlines()]
    return lines, postgres_us() - spent


def show(what, text):
    print(f"  {what:<44}{text}", flush=True)


def ms(us):
    return f"{us / 1000:,.2f} ms"


# --- runs -------------------------------------------------------------------

def fill_runs(accounts):
    stack.postgres(
        "DELETE FROM job_run WHERE job = 'bench'; INSERT INTO job_run (job, "
        "scope, scheduled_for, account_id, turn) SELECT 'bench', n::text, "
        f"pp_now() - interval '1 minute', 'bench' || n % {accounts}, n / "
        f"{accounts} FROM generate_series(1, {WAITING}) AS n; "
        "ANALYZE job_run")


def bench_claims():
    print(f"{WAITING:,} runs are due", flush=True)
    stack.postgres(
        "DROP TABLE IF EXISTS floor_queue; CREATE TABLE floor_queue (id bigint "
        "PRIMARY KEY, state text); INSERT INTO floor_queue SELECT n, 'due' "
        f"FROM generate_series(1, {WAITING}) AS n; CREATE INDEX ON floor_queue "
        "(id) WHERE state = 'due'; ANALYZE floor_queue")
    (least,), least_us = run("floor", dsn("reports").replace(
        "pawprint_reports", "pawprint"), CLAIMS)
    fill_runs(1000)
    (claim, whole), spent = run("claims", dsn("reports"), "bench", CLAIMS)
    show("a claim", f"p50 {ms(claim[0])}, p99 {ms(claim[1])}, slowest "
         f"{ms(claim[2])}")
    show("a run that does nothing", f"p50 {ms(whole[0])}, p99 {ms(whole[1])}")
    show("CPU of Postgres", f"{spent / CLAIMS:,.0f} us a run; "
         f"{least_us / CLAIMS:,.0f} where a bare SKIP LOCKED takes a row and "
         f"ends it (p50 {ms(least[0])}): ratio {spent / least_us:.1f}")
    for accounts in (1, 1000):
        fill_runs(accounts)
        ((took, before),), _ = run("fresh", dsn("reports"), "bench",
                                   f"fresh{accounts}")
        show(f"of {accounts:,} accounts: one more's first",
             f"claimed {ms(took)} after it was due, behind {before:,} others")
    stack.postgres("DELETE FROM job_run WHERE job = 'bench'; DELETE FROM job "
                   "WHERE job = 'bench'; DROP TABLE floor_queue")


# --- ticks ------------------------------------------------------------------

def add_sites():
    """Those of events.sql."""
    stack.postgres(
        "INSERT INTO account (account_id, name, owner_mail) SELECT 'acc' || n, "
        "'Shop', 'owner@example.com' FROM generate_series(0, 39) AS n; "
        "INSERT INTO site (site_id, account_id, name) SELECT 'site' || "
        "lpad(n::text, 4, '0'), 'acc' || n % 40, 'shop' || n || '.example' "
        "FROM generate_series(1, 100) AS n")


def subscribe(first, last, due):
    stack.postgres(
        "INSERT INTO report_subscription (account_id, site_id, every, minute, "
        "recipient, state, last_date, next_at) SELECT 'acc' || (1 + n % 100) % "
        "40, 'site' || lpad((1 + n % 100)::text, 4, '0'), 'day', 0, 'r' || n "
        "|| '@example.com', 'active', (pp_now() - interval '1 day')::date, "
        f"{due} FROM generate_series({first}, {last}) AS n")


def bench_ticks():
    print(f"{SUBSCRIPTIONS:,} subscriptions, {SUPPRESSED:,} suppressed "
          "addresses", flush=True)
    subscribe(1, SUBSCRIPTIONS, "pp_now() + interval '1 day' + n * interval "
              "'1 ms'")
    stack.postgres(
        "INSERT INTO suppression (channel, target, code, answer) SELECT "
        "'mail', 'gone' || n || '@example.com', 550, 'no' FROM "
        f"generate_series(1, {SUPPRESSED}) AS n")
    stack.postgres("ANALYZE report_subscription, suppression")
    (took,), spent = run("ticks", dsn("reports"), TICKS)
    show("a tick, nothing is due", f"p50 {ms(took[0])}, slowest {ms(took[2])};"
         f" CPU of Postgres {ms(spent / TICKS)}")
    began = time.monotonic()
    stack.postgres("SELECT subscription_id, recipient FROM report_subscription "
                   "WHERE state = 'active' AND next_at <= pp_now() ORDER BY "
                   "next_at LIMIT 500")
    show("  the bare question, psql and all",
         ms((time.monotonic() - began) * 1e6))
    subscribe(SUBSCRIPTIONS + 1, SUBSCRIPTIONS + DUE, "pp_now()")
    (took,), spent = run("ticks", dsn("reports"), 1)
    show(f"a tick, {DUE:,} are due", f"{ms(took[0])}, "
         f"{took[0] / DUE:,.0f} us each; CPU of Postgres "
         f"{spent / DUE:,.0f} us each")
    stack.postgres("TRUNCATE report_subscription, job_run, suppression "
                   "CASCADE")


# --- mails ------------------------------------------------------------------

@contextlib.contextmanager
def notifiers(count):
    """The pids of so many, each with a connection of its own to the relay."""
    processes = []
    log = (stack.folder() / "log/notifier").open("ab")
    for _ in range(count):
        port = stack.free_port()
        processes.append(subprocess.Popen(
            [stack.ROOT / "build/bin/notifier"], stdout=log, stderr=log,
            env={**os.environ, "PAWPRINT_POSTGRES_DSN": dsn("notifier"),
                 "PAWPRINT_INTERNAL_PORT": str(port),
                 "PAWPRINT_SMTP_TLS": "off"}))
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)
        log.close()


def sent():
    return int(stack.postgres("SELECT count(*) FROM notification WHERE state "
                              "= 'sent'"))


def bench_path():
    """From what is due to the mailbox."""
    # Not up to half an hour later, as else.
    with notifiers(LINKS) as pids, stack.with_settings(
            "reports", PAWPRINT_REPORTS_SPREAD_SECONDS=0):
        before = (cpu_us(stack.pid_of("clickhouse")), postgres_us(),
                  cpu_us(stack.pid_of("reports")), sum(map(cpu_us, pids)))
        subscribe(1, REPORTS, "pp_now()")
        stack.postgres("DELETE FROM job_run WHERE job = 'report.dispatch'")
        stack.until("the first is sent", sent, 120)
        began, had = time.monotonic(), sent()
        stack.until("all are sent", lambda: sent() == REPORTS, 1200)
        took = time.monotonic() - began
        after = (cpu_us(stack.pid_of("clickhouse")), postgres_us(),
                 cpu_us(stack.pid_of("reports")), sum(map(cpu_us, pids)))
    each = [(b - a) / REPORTS / 1000 for a, b in zip(before, after)]
    show(f"run, numbers, mail, {LINKS} notifiers",
         f"{(REPORTS - had) / took:,.1f} a second with one replica of reports")
    show("  CPU of one report, ms", f"ClickHouse {each[0]:.1f}, Postgres "
         f"{each[1]:.1f}, reports {each[2]:.1f}, notifier {each[3]:.1f}")
    stack.services("down", "reports")


def bench_sending():
    stack.postgres(
        "INSERT INTO notification (business_key, kind, account_id, site_id, "
        "channel, target, facts, state, not_before) SELECT 'bench/' || n, "
        "kind, account_id, site_id, channel, target, facts, 'due', pp_now() + "
        "interval '1 hour' FROM (SELECT * FROM notification WHERE kind = "
        f"'report' LIMIT 1) AS one, generate_series(1, {MAILS}) AS n; ANALYZE "
        "notification")
    with notifiers(LINKS) as pids:
        time.sleep(2)
        before = postgres_us(), sum(map(cpu_us, pids)), cpu_us(
            stack.pid_of("mail"))
        had, began = sent(), time.monotonic()
        stack.postgres("UPDATE notification SET not_before = pp_now() WHERE "
                       "state = 'due'")
        stack.until("all are sent", lambda: sent() == had + MAILS, 1200)
        took = time.monotonic() - began
        after = postgres_us(), sum(map(cpu_us, pids)), cpu_us(
            stack.pid_of("mail"))
    each = [(b - a) / MAILS for a, b in zip(before, after)]
    mails = sorted(pathlib.Path(stack.address("PAWPRINT_STACK_MAIL")).glob(
        "*.eml"))
    body = mails[-1].read_bytes().split(b"\r\n", 3)[3] + b".\r\n"
    one = stack.folder() / "one.eml"
    one.write_bytes(body)
    port = stack.address("PAWPRINT_SMTP_URL").rpartition(":")[2]
    ((least,),), _ = run("smtp", port, one, LINKS, MAILS)
    show(f"sending, {LINKS} notifiers, {len(body):,} bytes each",
         f"{MAILS / took:,.0f} a second; the relay of the tests takes "
         f"{MAILS / least * 1e6:,.0f} of a bare client: ratio "
         f"{MAILS / took / (MAILS / least * 1e6):.2f}")
    show("  CPU of one, us", f"notifier {each[1]:,.0f}, Postgres "
         f"{each[0]:,.0f}, relay {each[2]:,.0f}")


# --- nothing to do ----------------------------------------------------------

def bench_idle():
    stack.postgres("TRUNCATE report_subscription, notification, job_run "
                   "CASCADE")
    for name in ("reports", "notifier"):
        quiet = postgres_us()
        time.sleep(IDLE_S / 4)
        quiet = (postgres_us() - quiet) / (IDLE_S / 4)
        stack.services("up", name)
        time.sleep(5)
        spent, theirs = cpu_us(stack.pid_of(name)), postgres_us()
        time.sleep(IDLE_S)
        spent = (cpu_us(stack.pid_of(name)) - spent) / IDLE_S
        theirs = (postgres_us() - theirs) / IDLE_S - quiet
        show(f"{name}, idle", f"{spent:,.0f} us of CPU a second, and "
             f"{theirs:,.0f} of Postgres: {(spent + theirs) / 10_000:.1f} % "
             "of a core")
        stack.services("down", name)


def bench():
    """After a day of events.sql is stored."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
          f"synchronous_commit {stack.postgres('SHOW synchronous_commit')}, "
          f"fsync {stack.postgres('SHOW fsync')}", flush=True)
    add_sites()
    bench_claims()
    bench_ticks()
    print("mails", flush=True)
    bench_path()
    bench_sending()
    bench_idle()
