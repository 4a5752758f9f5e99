"""Jobs by hand: what there is, what came of it, and a command of one's own."""
import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

from kit import stack

BIN = stack.ROOT / "build/bin/pawprint"


def cli(*words):
    """Exit code, text and complaint, as a person gets them."""
    done = subprocess.run([BIN, *words], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def history(job):
    code, text, _ = cli("jobs", "history", job, "--json")
    assert code == 0
    return json.loads(text)


def test_a_job_is_listed_run_paused_and_resumed():
    stack.until("jobs of three services are known", lambda: {
        "reports", "meter", "billing"} <= {
            row["service"] for row in json.loads(cli("jobs", "list", "--json")[1])})
    listed = cli("jobs", "list")[1]
    assert "rollup.all" in listed and "every 86400 s" in listed, listed
    assert len(cli("jobs", "next", "rollup.all", "--count", "3")[1].splitlines()) == 4
    before = len(history("rollup.all"))
    assert cli("jobs", "run", "rollup.all")[0] == 0
    stack.until("it was done", lambda: sum(
        row["state"] == "done" for row in history("rollup.all")) > before - 1)
    assert cli("jobs", "pause", "rollup.all")[0] == 2, "a reason is needed"
    assert cli("jobs", "pause", "rollup.all", "--reason", "a test")[0] == 0
    assert "paused: a test" in cli("jobs", "list")[1]
    code, _, why = cli("jobs", "run", "rollup.all")
    assert code == 1 and "paused" in why
    assert cli("jobs", "resume", "rollup.all")[0] == 0
    code, _, why = cli("jobs", "history", "no.such")
    assert code == 1 and "there is no job no.such" in why


def test_usage_is_kept_by_the_quarter_and_the_house_is_kept():
    account = stack.pawprint("account", "create", "--name", "Kept",
                             "--mail", "kept@example.com")["account"]
    stack.postgres(f"INSERT INTO usage_bucket SELECT '{account}', to_timestamp("
                   "floor(extract(epoch FROM pp_now()) / 900) * 900) - interval "
                   "'15 minutes', 's', 'pageview', false, 7")
    stack.postgres("UPDATE account SET created_at = pp_now() - interval '1 day' "
                   f"WHERE account_id = '{account}'")
    stack.pawprint("capacity", "override", account, "--limit", "100",
                   "--reason", "a test")
    for job in ("usage.snapshot", "housekeeping", "usage.snapshot"):
        before = sum(row["state"] == "done" for row in history(job))
        assert cli("jobs", "run", job)[0] == 0
        stack.until(f"{job} was done", lambda job=job, before=before: sum(
            row["state"] == "done" for row in history(job)) > before)
    assert '"job_runs": 0' in history("housekeeping")[0]["numbers"]
    assert stack.postgres("SELECT DISTINCT in_quarter FROM usage_snapshot WHERE "
                          f"account_id = '{account}'") == "7"
    assert stack.pawprint("usage", "show", account)["days"][-1][1:3] == [
        "ok", "100"]


def test_dead_runs_are_tried_again_or_given_up():
    for number in (1, 2):
        stack.postgres("INSERT INTO job_run (job, scope, scheduled_for, state, "
                       f"error) VALUES ('rollup.all', 's{number}', pp_now(), "
                       "'dead', 'no')")
    assert cli("jobs", "retry", "rollup.all", "--scope", "s1")[0] == 0
    assert cli("jobs", "discard", "rollup.all", "--scope", "s2", "--reason",
               "a test")[0] == 0
    stack.until("the one is done", lambda: {
        row["scope"]: row["state"] for row in history("rollup.all")}.get("s1") == "done")
    gone = [row for row in history("rollup.all") if row["scope"] == "s2"][0]
    assert gone["state"] == "skipped" and "a test" in gone["error"], gone
    assert cli("jobs", "retry", "rollup.all")[0] == 1, "there is none"


def test_a_command_is_a_run_and_ends_as_it_would_alone():
    name = f"backup{os.getpid()}"
    assert cli("job-run", name, "--", "sh", "-c", "echo --json; exit 0")[:2] == (0, "--json\n")
    assert cli("job-run", name, "--", "sh", "-c", "exit 7")[0] == 7
    assert cli("job-run", name, "--", "/no/such")[0] == 127
    states = [row["state"] for row in history(name)]
    assert states == ["dead", "dead", "done"], states
    assert '"exit_code": 7' in history(name)[1]["numbers"]
    process = subprocess.Popen([BIN, "job-run", name, "--", "sleep", "60"])
    stack.until("it is under way", lambda: history(name)[0]["state"] == "running")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    assert '"exit_code": 143' in history(name)[0]["numbers"]
    code, _, why = cli("jobs", "retry", name)
    assert code == 1 and "run its command again" in why
    code, _, why = cli("job-run", "rollup", "--", "sh", "-c", "exit 3")
    assert code == 3 and "service's job" in why


def test_a_watcher_that_is_away_changes_nothing():
    code, text, why = cli("job-run", f"watched{os.getpid()}", "--beat",
                          "healthchecks:http://127.0.0.1:1/x", "--", "echo", "it ran")
    assert (code, text) == (0, "it ran\n") and "no beat" in why, why
    code, text, why = cli("job-run", "watched", "--beat", "nowhere", "--", "echo")
    assert code == 1 and "healthchecks:URL" in why, why


class Watcher(http.server.ThreadingHTTPServer):
    """Keeps what it is asked for; a path with "slow" in it takes its time."""

    def __init__(self):
        self.got = []
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,),
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            self.server.got.append((self.command, self.path, length))
            if "slow" in self.path and len(self.server.got) == 1:
                time.sleep(5)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(b"OK")

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_):
            pass


def watched(where, *command):
    """What a run of the command asks a watcher for, and its exit code."""
    watcher = Watcher()
    code, _, why = cli("job-run", f"watched{os.getpid()}", "--beat",
                       where.replace("URL", watcher.url), "--", *command)
    watcher.shutdown()
    assert all(one[0] == "GET" and one[2] == 0 for one in watcher.got)
    return code, [one[1] for one in watcher.got], why


UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_each_watcher_is_asked_for_exactly_what_its_protocol_says():
    took = r"metric=duration:0\.\d{3}"
    for where, command, wanted in (
            ("healthchecks:URL/ping/slug", ("true",),
             [r"/ping/slug/start\?rid=ID", r"/ping/slug\?rid=ID"]),
            ("healthchecks:URL/ping/slug", ("sh", "-c", "exit 7"),
             [r"/ping/slug/start\?rid=ID", r"/ping/slug/7\?rid=ID"]),
            ("cronitor:URL/p/key/backup", ("true",),
             [r"/p/key/backup\?state=run&series=ID",
              rf"/p/key/backup\?state=complete&series=ID&status_code=0&{took}"]),
            ("cronitor:URL/p/key/backup", ("sh", "-c", "exit 7"),
             [r"/p/key/backup\?state=run&series=ID",
              rf"/p/key/backup\?state=fail&series=ID&status_code=7&{took}"]),
            ("url:URL/any?x=1", ("true",), [r"/any\?x=1"]),
            ("url:URL/any?x=1", ("false",), [])):
        code, got, why = watched(where, *command)
        assert len(got) == len(wanted) and not why, (where, got, why)
        ids = set(re.findall(UUID, " ".join(got)))
        assert len(ids) == (0 if where.startswith("url") else 1), got
        for one, pattern in zip(got, wanted):
            assert re.fullmatch(pattern.replace("ID", UUID), one), (one, pattern)
        assert code == {"true": 0, "false": 1}.get(command[0], 7)


def test_a_watcher_that_is_slow_holds_a_command_up_for_3_seconds_at_most():
    began = time.monotonic()
    code, got, why = watched("healthchecks:URL/slow", "sh", "-c", "exit 4")
    took = time.monotonic() - began
    assert code == 4 and 2.5 < took < 4.5, (code, took)
    assert [one.split("?")[0] for one in got] == ["/slow/start", "/slow/4"], got
    assert "no beat" in why, why
    return f"{took:.1f} s"


def test_a_command_runs_also_without_postgres():
    away = dict(os.environ, PAWPRINT_POSTGRES_DSN="postgresql://u@127.0.0.1:1/x")
    done = subprocess.run([BIN, "job-run", "alone", "--", "sh", "-c", "exit 5"],
                          capture_output=True, text=True, check=False, env=away)
    assert done.returncode == 5 and "is not recorded" in done.stderr, done.stderr
