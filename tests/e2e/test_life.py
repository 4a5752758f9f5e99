"""How every service starts, says how it is, and stops."""
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from kit import stack

BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN") or stack.ROOT / "build/bin")
SERVICES = sorted(path.parent.name for path in
                  (stack.ROOT / "services").glob("*/main.c")
                  if path.parent.name != "pawprint")
# What each cannot do without, where that is not Kafka.
NEEDS = {"billing": "PAWPRINT_POSTGRES_DSN",
         "notifier": "PAWPRINT_POSTGRES_DSN",
         "reports": "PAWPRINT_CLICKHOUSE_URL"}


def run(name, *words, **environment):
    bare = {key: value for key, value in os.environ.items()
            if not key.startswith("PAWPRINT_")}
    return subprocess.run([BIN / name, *words], capture_output=True, text=True,
                          cwd=stack.ROOT, env={**bare, **environment},
                          timeout=30, check=False)


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_every_service_explains_itself():
    for name in SERVICES:
        shown = run(name, "--help")
        assert shown.returncode == 0 and "(required)" in shown.stdout, name
        assert run(name, "--nonsense").returncode == 2, name
    return ", ".join(SERVICES)


def test_a_wrong_setting_is_named_and_ends_with_2():
    for name in SERVICES:
        missing = run(name, "--check")
        assert missing.returncode == 2, (name, missing.returncode)
        said = missing.stdout + missing.stderr
        assert NEEDS.get(name, "PAWPRINT_KAFKA_BROKERS") + " has to be set" \
            in said, said
    wrong = run("collector", "--check", PAWPRINT_KAFKA_BROKERS="x:1",
                PAWPRINT_REDIS_URL="redis://x:1", PAWPRINT_COLLECTOR_PORT="70000")
    assert wrong.returncode == 2
    assert "PAWPRINT_COLLECTOR_PORT" in wrong.stdout + wrong.stderr


def test_every_service_says_that_it_lives_is_ready_and_what_it_counts():
    for name in SERVICES:
        url = stack.address(f"PAWPRINT_{name.upper()}_INTERNAL")
        assert get(url + "/livez")[0] == 200, name
        assert get(url + "/readyz")[0] == 200, name
        status, text = get(url + "/metrics")
        assert status == 200 and f"pawprint_{name}_" in text, name
        for line in text.splitlines():
            assert line.startswith("#") or len(line.rpartition(" ")[0]) > 5


def test_told_to_stop_every_service_ends_with_0_and_says_so():
    folder = pathlib.Path(stack.address("PAWPRINT_STACK_DIR"))
    for name in SERVICES:
        pid = int((folder / "pid" / name).read_text(encoding="ascii").split()[0])
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        stack.until(f"{name} has ended",
                    lambda p=pid: not pathlib.Path(f"/proc/{p}").exists(), 15)
        assert time.monotonic() - began < 10
        log = (folder / "log" / name).read_text(encoding="utf-8")
        assert '"event":"service.stopped"' in log.splitlines()[-1], log[-300:]
    stack.services("up")
