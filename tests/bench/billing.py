"""What a webhook costs `billing`: time to its answer, webhooks a second, memory.

The floor is the same rows written by psql, one transaction a
row and one connection: what Postgres and the disk take by themselves.
"""
import concurrent.futures
import http.client
import json
import pathlib
import subprocess
import time
import urllib.parse
import uuid

from kit import billing, stack
from stripe import sender

STEADY_S, RATE = 10, 200
LINKS, BURST = 16, 8000
FLOOR_ROWS = 2000
FILLER = "x" * 1600  # so that a body has about the 2 kB of Stripe's


def made(secret, count):
    """(body, header) of so many events that nothing follows from."""
    at, found = int(time.time()), []
    for _ in range(count):
        body = json.dumps({
            "id": f"evt_{uuid.uuid4().hex}", "object": "event", "created": at,
            "livemode": False, "type": "invoice.created",
            "data": {"object": {"object": "invoice", "filler": FILLER}},
        }).encode()
        found.append((body, sender.header([secret], at, body)))
    return found


def post_all(address, events, pause_s=0):
    """Seconds that each took, one after the other on one connection."""
    link, took = http.client.HTTPConnection(*address, timeout=60), []
    start = time.monotonic()
    for number, (body, header) in enumerate(events):
        time.sleep(max(0, start + number * pause_s - time.monotonic()))
        began = time.monotonic()
        link.request("POST", "/webhooks/stripe", body,
                     {"Stripe-Signature": header})
        answer = link.getresponse()
        answer.read()
        took.append(time.monotonic() - began)
        assert answer.status == 200, answer.status
    link.close()
    return took


def together(address, events, pause_s=0):
    """All of them on LINKS connections; what each took, and the whole."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(LINKS) as pool:
        parts = list(pool.map(
            lambda n: post_all(address, events[n::LINKS], pause_s * LINKS),
            range(LINKS)))
    return sorted(sum(parts, [])), time.monotonic() - began


def memory_mib(port):
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        if path.read_text(encoding="ascii") != "billing\n":
            continue
        if f"PAWPRINT_BILLING_PORT={port}\0" in (
                path.parent / "environ").read_text(encoding="utf-8"):
            words = (path.parent / "status").read_text(encoding="ascii").split()
            return int(words[words.index("VmHWM:") + 1]) / 1024
    raise AssertionError("it is not there")


def floor():
    """Rows a second."""
    body = "repeat('x', 1900)::bytea"
    rows = "".join(
        "INSERT INTO stripe_event (event_id, type, livemode, body, sha256, "
        f"state) VALUES ('evt_{uuid.uuid4().hex}', 'floor', false, {body}, "
        "'x', 'done');\n" for _ in range(FLOOR_ROWS))
    began = time.monotonic()
    subprocess.run(["psql", "-qX", stack.address("PAWPRINT_POSTGRES_DSN")],
                   input=rows, text=True, check=True)
    return FLOOR_ROWS / (time.monotonic() - began)


def bench():
    secret = pathlib.Path(stack.address("PAWPRINT_STRIPE_SECRETS")).read_text(
        encoding="ascii").split()[1]
    least = floor()
    with billing.running(PAWPRINT_BILLING_SWEEP_SECONDS="86400") as url:
        where = urllib.parse.urlsplit(url)
        address = (where.hostname, where.port)
        steady, _ = together(address, made(secret, STEADY_S * RATE), 1 / RATE)
        burst, took_s = together(address, made(secret, BURST))
        memory = memory_mib(where.port)
    print(f"{RATE} webhooks a second: p50 {1000 * steady[len(steady) // 2]:.1f} "
          f"ms, p99 {1000 * steady[len(steady) * 99 // 100]:.1f} ms")
    print(f"{LINKS} connections: {BURST / took_s:.0f} a second, p99 "
          f"{1000 * burst[len(burst) * 99 // 100]:.1f} ms")
    print(f"floor, a row and a commit each: {least:.0f} a second")
    print(f"most memory: {memory:.1f} MiB")
