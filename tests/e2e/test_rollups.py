"""Visits and rollups follow the events by themselves, and a command proves it."""
import os
import pathlib
import subprocess
import time

from kit import stack, traffic
from kit.hits import Sender

ROWS = ("SELECT (SELECT count() FROM events), (SELECT sum(row_count) FROM "
        "rollup_day WHERE dimension = 'all'), (SELECT sum(row_count) FROM "
        "rollup_hour), (SELECT sum(row_count) FROM rollup_minute)")


def followed():
    rows = stack.clickhouse(ROWS)[0]
    return rows if len(set(rows)) == 1 and rows[0] != "0" else None


def cli(*words):
    """Exit code and text, as a person gets them."""
    done = subprocess.run([stack.ROOT / "build/bin/pawprint", *words],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_tables_follow_what_is_stored_also_after_a_kill():
    with stack.with_settings("reports", PAWPRINT_REPORTS_ROLLUP_SECONDS=1,
                             PAWPRINT_REPORTS_LAG_SECONDS=2,
                             PAWPRINT_REPORTS_STATEMENT_SECONDS=5):
        site = stack.new_site("rollups", "--retention", "90")
        stack.until("taken", lambda: Sender().send(
            {"site": site, "url": "https://shop.example/", "id": "first"})[0] == 202, 10)
        sender = Sender()
        sent = 1
        for seed in (1, 2, 3):
            for hits, agent, address in traffic.visits(site, 20, seed):
                assert sender.send(hits, agent, address)[0] == 202
                sent += len(hits)
            stack.services("kill", "reports")
            stack.services("up", "reports")
        stack.until("all is stored", lambda: stack.count(
            f"SELECT count() FROM events WHERE site_id = '{site}'") == sent)
        stack.until("the tables have followed", followed, 180)
        code, text = cli("prove", "rollups")
        assert code == 0 and "DIFFERS" not in text, text
        assert stack.clickhouse("SELECT DISTINCT retention_days FROM events "
                                f"WHERE site_id = '{site}'") == [["90"]]
        visits, rows = stack.clickhouse(
            "SELECT (SELECT uniqExact(visit_id) FROM events WHERE NOT bot), "
            "(SELECT count() FROM visits)")[0]
        assert visits == rows, (visits, rows)
        assert stack.metrics("reports")[
            "pawprint_reports_rollup_age_seconds"] >= 0
    return f"{sent} events"


def runs_since(instant):
    """Rollups that were done, attempts that they took, processes that did
    them; other services have runs there, too."""
    row = stack.postgres(
        "SELECT count(*), sum(attempt), count(DISTINCT worker) FROM job_run "
        "WHERE job = 'rollup' AND state = 'done' AND created_at > "
        f"to_timestamp({instant})")
    return [int(one or 0) for one in row.split("|")]


def test_two_replicas_share_the_runs_and_do_none_twice():
    dsn = stack.address("PAWPRINT_POSTGRES_DSN")
    folder = pathlib.Path(os.environ.get("PAWPRINT_BIN") or
                          stack.ROOT / "build/bin")
    with stack.with_settings("reports", PAWPRINT_REPORTS_ROLLUP_SECONDS=1):
        began = time.time()
        with subprocess.Popen(
                [folder / "reports"], stdout=subprocess.DEVNULL,
                cwd=stack.ROOT, env={
                    **os.environ, "PAWPRINT_REPORTS_ROLLUP_SECONDS": "1",
                    "PAWPRINT_POSTGRES_DSN":
                        dsn.replace("pawprint@", "pawprint_reports@")}) as second:
            stack.until("both have done runs",
                        lambda: runs_since(began)[0] > 15 and
                        runs_since(began)[2] == 2, 120)
            second.terminate()
            assert second.wait(30) == 0
    runs, attempts, _ = runs_since(began)
    assert runs == attempts, (runs, attempts)
    return f"{runs} runs"


def test_a_damaged_day_is_found_and_made_anew_by_hand():
    stack.services("down", "reports")
    try:
        day = stack.clickhouse("SELECT max(day) FROM rollup_day")[0][0]
        stack.post(f"ALTER TABLE rollup_day DROP PARTITION '{day}'")
        code, text = cli("prove", "rollups")
        assert code == 1 and "DIFFERS" in text, text
        made = stack.pawprint("rollup")
        assert made["partitions"] == 1 and made["days_left"] == 0, made
        assert cli("prove", "rollups")[0] == 0
        assert stack.pawprint("rollup", "--all")["partitions"] == 0
        assert stack.pawprint("rollup", "--day", day)["partitions"] == 4
        assert cli("prove", "rollups")[0] == 0
        assert cli("rollup", "--day", "2026-02-30")[0] == 2
    finally:
        stack.services("up", "reports")
