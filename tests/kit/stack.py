"""The running stack, as tests and the demo see it: addresses, CLI, stores.

Addresses come from the environment (build/run/env or a test's own stack).
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
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


def run_pawprint(*words):
    """Runs the CLI, however it ends."""
    return subprocess.run([ROOT / "build/bin/pawprint", *words, "--json"],
                          capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)


def pawprint(*words):
    """Runs the CLI and gives what it prints as JSON; its failure is raised."""
    done = run_pawprint(*words)
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


def postgres(sql):
    """What it answers, as psql prints it without a frame."""
    done = subprocess.run(
        ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1",
         address("PAWPRINT_POSTGRES_DSN"), "-c", sql],
        check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask_clickhouse(path, body):
    who = {"X-ClickHouse-User": os.environ.get("PAWPRINT_CLICKHOUSE_USER"),
           "X-ClickHouse-Key": os.environ.get("PAWPRINT_CLICKHOUSE_PASSWORD")}
    request = urllib.request.Request(
        address("PAWPRINT_CLICKHOUSE_URL") + path, body,
        {name: value for name, value in who.items() if value})
    return urllib.request.urlopen(request, timeout=60)


def clickhouse(sql):
    """Rows of texts. SQL ends without a FORMAT."""
    body = f"{sql} FORMAT JSONCompactStringsEachRow".encode()
    with ask_clickhouse("/?database=pawprint", body) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def post(sql):
    """A statement that changes something, until it is done."""
    with ask_clickhouse("/?database=pawprint&mutations_sync=2"
                        "&lightweight_deletes_sync=2", sql.encode()):
        pass


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


@contextlib.contextmanager
def with_settings(name, **settings):
    """A service of the stack, started again with settings that go before its
    environment, and at the end as it was before."""
    path = folder() / "more"
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text((before or "") + "".join(
        f"\n{key}='{value}'" for key, value in settings.items()) + "\n",
        encoding="utf-8")
    services("down", name)
    services("up", name)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
        services("down", name)
        services("up", name)


def free_port():
    """One that nothing listens on at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def folder():
    """Where this stack keeps its data, logs and pids."""
    return pathlib.Path(address("PAWPRINT_STACK_DIR"))


def pid_of(name):
    """Of a server or service."""
    return int((folder() / "pid" / name).read_text(encoding="ascii").split()[0])


def stop_server(name, how=signal.SIGTERM):
    """Until it is gone; services know nothing of it."""
    pid = pid_of(name)
    os.kill(pid, how)
    until(f"{name} gone", lambda: not pathlib.Path(f"/proc/{pid}").exists())


def bring_back():
    """Starts the servers that are down, as they were."""
    subprocess.run([ROOT / "tests/stack/up", "--dir", folder(), "--keep-env"],
                   check=True, stdout=subprocess.DEVNULL)


def backup_clickhouse(name):
    """A copy of all its data, taken while it is stopped."""
    stop_server("clickhouse")
    copy = folder() / f"backup-{name}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder() / "clickhouse", copy, symlinks=True)
    bring_back()


def restore_clickhouse(name):
    """What it holds becomes what it held then; the copy is used up."""
    stop_server("clickhouse")
    shutil.rmtree(folder() / "clickhouse")
    (folder() / f"backup-{name}").rename(folder() / "clickhouse")
    bring_back()


def metrics_in(text):
    """The numbers of a page of /metrics, by their whole name."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines() if line and not line.startswith("#")}


def metrics(name):
    """Those of a service's internal port."""
    url = address(f"PAWPRINT_{name.upper()}_INTERNAL") + "/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return metrics_in(answer.read().decode())
