"""What a webhook costs `billing`, beside Stripe's sync engine: time, CPU, memory.

Both get the same signed requests in turn, from the same sender (deliver.c), and
write to the same Postgres, where a commit waits for the disk. In the same run:
what the disk and Postgres can do by themselves. Asserts nothing of times.
"""
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import uuid

from kit import billing, stack
from stripe import sender

ROUNDS = 3
STEADY_S, RATE = 10, 200
LINKS, BURST, WARM = 16, 6000, 500
FLOOR_S = 4
DELIVER = stack.ROOT / "build/bin/bench-deliver"
ENGINE = stack.ROOT / "build/bench-sync-engine"
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
WHAT = """\
billing      keeps each event, once by its id, and answers when it and the work
             that is due are on disk; its workers do that work meanwhile, and
             their CPU time is in the numbers
sync engine  writes the customer that the event holds over its row, and answers
             when that is on disk; keeps no event and no id; asks nothing of
             Stripe, as it is by default; ten connections, as in its README
"""


def event(at):
    """As Stripe sends it, of a customer of its own; both do it without Stripe."""
    customer = f"cus_{uuid.uuid4().hex[:14]}"
    return json.dumps({
        "id": f"evt_{uuid.uuid4().hex[:24]}", "object": "event",
        "api_version": "2020-08-27", "created": at,
        "data": {"object": {
            "id": customer, "object": "customer",
            "address": {"city": "Utrecht", "country": "NL",
                        "line1": "Oudegracht 1", "line2": None,
                        "postal_code": "3511 AB", "state": None},
            "balance": 0, "created": at - 86400, "currency": "eur",
            "default_source": None, "delinquent": False,
            "description": "A shop of " + customer, "discount": None,
            "email": customer + "@example.com", "invoice_prefix": "9A4C1F2B",
            "invoice_settings": {
                "custom_fields": None, "footer": None,
                "default_payment_method": "pm_" + uuid.uuid4().hex[:24],
                "rendering_options": None},
            "livemode": False, "metadata": {
                "account_id": str(uuid.uuid4()), "plan": "BASIC"},
            "name": "Kettles and Pans", "next_invoice_sequence": 7,
            "phone": "+31300000000", "preferred_locales": ["nl", "en"],
            "shipping": None, "tax_exempt": "none", "test_clock": None},
            "previous_attributes": {"delinquent": True,
                                    "next_invoice_sequence": 6}},
        "livemode": False, "pending_webhooks": 1,
        "request": {"id": "req_" + uuid.uuid4().hex[:14],
                    "idempotency_key": str(uuid.uuid4())},
        "type": "customer.updated"}, indent=2).encode()


def requests(secret, count):
    """A file of them, as deliver reads it, good for five minutes."""
    at = int(time.time())
    with tempfile.NamedTemporaryFile(delete=False) as file:
        for _ in range(count):
            body = event(at)
            whole = (
                "POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
                "Accept: */*; q=0.5, application/xml\r\n"
                "Content-Type: application/json; charset=utf-8\r\n"
                f"Stripe-Signature: {sender.header([secret], at, body)}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
            file.write(f"{len(whole)}\n".encode() + whole)
    return file.name


def deliver(port, file, rate):
    done = subprocess.run([DELIVER, str(port), file, str(LINKS), str(rate)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, refused, wall, p50, p99, _, spent = map(int, done.stdout.split())
    assert refused == 0, f"{refused} of {count} were not answered 200"
    return {"p50": p50 / 1000, "p99": p99 / 1000,
            "second": count / wall * 1e6, "sender": spent / count}


# --- processes --------------------------------------------------------------

def stat(pid):
    """Fields behind the name, or none when it has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def cpu_us(pid):
    return sum(map(int, stat(pid)[11:13])) * TICK_US


def postgres_us():
    """Of the server and all its processes, also those that have ended."""
    server = str(stack.pid_of("postgres"))
    spent = sum(map(int, stat(server)[11:15]))
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        fields = stat(path.name)
        if fields and fields[1] == server:
            spent += sum(map(int, fields[11:13]))
    return spent * TICK_US


def most_mib(pid):
    words = pathlib.Path(f"/proc/{pid}/status").read_text(
        encoding="ascii").split()
    return int(words[words.index("VmHWM:") + 1]) / 1024


def pid_of_billing(port):
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text(encoding="ascii") == "billing\n" and \
                    f"PAWPRINT_BILLING_PORT={port}\0" in (
                        path.parent / "environ").read_text(encoding="utf-8"):
                return int(path.parent.name)
    raise AssertionError("it is not there")


@contextlib.contextmanager
def sync_engine(secret):
    """Its port and process; None for both where it is not installed."""
    if not (ENGINE / "installed").exists():
        yield None, None
        return
    stack.postgres("DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE "
                   "rolname = ''postgres'') THEN CREATE ROLE postgres; END IF; "
                   "END'")  # its migrations name that one
    stack.postgres("DROP DATABASE IF EXISTS sync_engine")
    stack.postgres("CREATE DATABASE sync_engine")
    port = stack.free_port()
    address = urllib.parse.urlsplit(stack.address("PAWPRINT_POSTGRES_DSN"))
    with (stack.folder() / "log/sync-engine").open("ab") as log, \
            subprocess.Popen(
                ["node", "server.cjs"], cwd=ENGINE, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env={
                    **os.environ, "NODE_ENV": "production",
                    "WEBHOOK_SECRET": secret, "PORT": str(port),
                    "DATABASE_URL": address._replace(
                        path="/sync_engine").geturl()}) as process:
        try:
            stack.until("the sync engine answers", lambda: billing.is_ready(
                f"http://127.0.0.1:{port}"))
            yield port, process.pid
        finally:
            process.terminate()


# --- limits -----------------------------------------------------------------

def disk():
    """Writes a second of a page each, every one on disk before the next."""
    place = pathlib.Path(stack.postgres("SHOW data_directory")).parent
    with tempfile.NamedTemporaryFile(dir=place) as file:
        page, count = b"x" * 8192, 0
        os.pwrite(file.fileno(), page * 2000, 0)
        os.fsync(file.fileno())
        began = time.monotonic()
        while time.monotonic() < began + FLOOR_S / 2:
            os.pwrite(file.fileno(), page, count % 2000 * 8192)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - began)


def inserts(clients):
    """Of a row like ours, a second, each with a commit of its own."""
    body = event(int(time.time())).hex()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(
            "INSERT INTO floor_event (event_id, type, livemode, api_version, "
            "created_at, object_type, object_id, customer_id, secret_label, "
            "body, sha256, state) SELECT 'evt_' || id, 'customer.updated', "
            "false, '2020-08-27', pp_now(), 'customer', 'cus_' || id, 'cus_' "
            "|| id, 'floor', decode(:body, 'hex'), sha256(id::bytea), 'new' "
            "FROM (SELECT replace(gen_random_uuid()::text, '-', '')) AS x (id) "
            "ON CONFLICT DO NOTHING;\n")
        script.flush()
        out = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
             "-T", str(FLOOR_S), "-D", f"body={body}", "-f", script.name,
             stack.address("PAWPRINT_POSTGRES_DSN")],
            capture_output=True, text=True, check=True).stdout
    return float(re.search(r"tps = ([0-9.]+)", out).group(1))


def limits():
    stack.postgres("DROP TABLE IF EXISTS floor_event; CREATE TABLE floor_event "
                   "(LIKE stripe_event INCLUDING ALL)")
    found = {"disk": disk(), "one": inserts(1), "many": inserts(LINKS)}
    stack.postgres("DROP TABLE floor_event")
    return found


# --- the rounds -------------------------------------------------------------

def is_done():
    return stack.postgres("SELECT NOT EXISTS (SELECT FROM stripe_event WHERE "
                          "state IN ('new', 'failed'))") == "t"


def one_round(port, pid, files, done):
    """done says when nothing is left to do of what was answered."""
    deliver(port, files["warm"], 0)
    stack.until("done", done)
    found = {"steady": deliver(port, files["steady"], RATE)}
    stack.until("done", done)
    before, others = cpu_us(pid), postgres_us()
    found["burst"] = deliver(port, files["burst"], 0)
    began = time.monotonic()
    stack.until("done", done, 300)
    found["left_s"] = time.monotonic() - began
    found["cpu"] = (cpu_us(pid) - before) / BURST
    found["postgres"] = (postgres_us() - others) / BURST
    found["mib"] = most_mib(pid)
    return found


def rounds(secret, systems):
    """What each system had in each round, the systems in turn."""
    found = {name: [] for name in systems}
    for _ in range(ROUNDS):
        files = {"warm": requests(secret, WARM),
                 "steady": requests(secret, RATE * STEADY_S),
                 "burst": requests(secret, BURST)}
        for name, (port, pid, done) in systems.items():
            found[name].append(one_round(port, pid, files, done))
        for file in files.values():
            os.unlink(file)
    return found


ROWS = (
    (f"{RATE} a second: p50, ms", lambda r: r["steady"]["p50"], ""),
    (f"{RATE} a second: p99, ms", lambda r: r["steady"]["p99"], "<= 50"),
    (f"{LINKS} connections: a second", lambda r: r["burst"]["second"],
     ">= 1000"),
    (f"{LINKS} connections: p99, ms", lambda r: r["burst"]["p99"], ""),
    ("then, until all is done, s", lambda r: r["left_s"], ""),
    ("CPU, us each", lambda r: r["cpu"], ""),
    ("CPU of Postgres, us each", lambda r: r["postgres"], ""),
    ("CPU of the sender, us each", lambda r: r["burst"]["sender"], ""),
    ("resident memory, MiB", lambda r: r["mib"], "<= 32"),
)


def shown(values):
    """The middle of the rounds, and the least and the most."""
    return (f"{statistics.median(values):,.1f} "
            f"({min(values):,.1f}-{max(values):,.1f})")


def print_table(found, limit):
    names = list(found)
    print(f"{'':<30}" + "".join(f"{name:>26}" for name in names) +
          f"{'ratio':>8}   goal")
    for what, pick, goal in ROWS:
        values = {name: [pick(one) for one in found[name]] for name in names}
        middle = [statistics.median(values[name]) for name in names]
        ratio = (f"{middle[0] / middle[1]:.2f}"
                 if len(middle) == 2 and middle[1] >= 0.01 else "")
        print(f"{what:<30}" + "".join(
            f"{shown(values[name]):>26}" for name in names) +
            f"{ratio:>8}   {goal}")
    for name in names:
        second = statistics.median(one["burst"]["second"]
                                   for one in found[name])
        print(f"{name}: {second / limit['many']:.2f} of what Postgres does of "
              f"such inserts with {LINKS} clients, "
              f"{second / limit['disk']:.2f} of the disk's writes")


def bench():
    secret = pathlib.Path(stack.address("PAWPRINT_STRIPE_SECRETS")).read_text(
        encoding="ascii").split()[1]
    print(WHAT + f"{os.cpu_count()} processors, load "
          f"{os.getloadavg()[0]:.1f} at the start; synchronous_commit "
          f"{stack.postgres('SHOW synchronous_commit')}, fsync "
          f"{stack.postgres('SHOW fsync')}; the middle of {ROUNDS} rounds",
          flush=True)
    with billing.running(PAWPRINT_BILLING_SWEEP_SECONDS="86400") as url, \
            sync_engine(secret) as (port, pid):
        limit = limits()
        print(f"limits: {limit['disk']:.0f} writes to the disk a second; such "
              f"inserts with a commit each, {limit['one']:.0f} a second with 1 "
              f"client, {limit['many']:.0f} with {LINKS}", flush=True)
        own = urllib.parse.urlsplit(url).port
        systems = {"billing": (own, pid_of_billing(own), is_done)}
        if port:
            systems["sync engine"] = (port, pid, lambda: True)
        print_table(rounds(secret, systems), limit)
