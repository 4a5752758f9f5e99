"""The running stack, as tests and the demo see it: addresses, CLI, stores.

Addresses come from the environment (build/run/env or a test's own stack).
"""
import json
import os
import pathlib
import subprocess
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def address(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: source the stack's env first")
    return value


def collector():
    return address("PAWPRINT_COLLECTOR_URL")


def pawprint(*words):
    """Runs the CLI and gives what it prints as JSON; its failure is raised."""
    done = subprocess.run([ROOT / "build/bin/pawprint", *words, "--json"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pawprint {' '.join(words)}: {done.returncode}: "
                           f"{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def new_site(name, *options):
    """An account with one site; gives the site's key."""
    account = pawprint("account", "create", "--name", name,
                       "--mail", "owner@example.com")
    return pawprint("site", "create", "--account", account["account"],
                    "--name", name, *options)["site"]


def clickhouse(sql):
    """Rows of texts. SQL ends without a FORMAT."""
    url = address("PAWPRINT_CLICKHOUSE_URL") + "/?database=pawprint"
    body = f"{sql} FORMAT JSONCompactStringsEachRow".encode()
    with urllib.request.urlopen(url, body, timeout=60) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def clickhouse_do(sql):
    """A statement that gives no rows."""
    url = address("PAWPRINT_CLICKHOUSE_URL") + "/?database=pawprint"
    with urllib.request.urlopen(url, sql.encode(), timeout=60) as answer:
        answer.read()


def count(sql):
    return int(clickhouse(sql)[0][0])


def until(what, holds, seconds=60):
    """Waits until holds() is true; says what did not become true in time."""
    end = time.monotonic() + seconds
    while True:
        last = holds()
        if last:
            return last
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def services(*words):
    """tests/stack/services on the stack of this environment."""
    words = [words[0], "--dir", address("PAWPRINT_STACK_DIR"), *words[1:]]
    done = subprocess.run([ROOT / "tests/stack/services", *words],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"services {words}: {done.stdout}{done.stderr}")


def metrics(name):
    """The numbers of a service's internal port, by their whole name."""
    url = address(f"PAWPRINT_{name.upper()}_INTERNAL") + "/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines if line and not line.startswith("#")}
