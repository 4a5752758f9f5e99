"""A site is known to every collector soon after it was made."""
import subprocess
import time
import uuid

from kit import stack
from kit.hits import Sender

SOON_S = 2


def first_taken(site, began):
    """Seconds from began until the collector takes hits of the site."""
    sender = Sender()
    hit = {"site": site, "url": "https://shop.example/"}
    stack.until(f"site {site} known", lambda: sender.send(hit)[0] == 202, 10)
    return time.monotonic() - began


def test_a_new_site_is_known_to_the_collector_within_two_seconds():
    # The first hit of all waits for the collector's first contact with Kafka.
    first_taken(stack.new_site("first"), time.monotonic())
    began = time.monotonic()
    took = first_taken(stack.new_site("soon"), began)
    assert took < SOON_S, took
    return f"{took:.2f} s"


def test_no_site_is_lost_or_held_up_behind_a_transaction_that_takes_longer():
    """One row of the outbox gets its number first and is committed last."""
    made = stack.new_site("model")
    late = uuid.uuid4().hex[: len(made)]
    with subprocess.Popen(
            ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1",
             stack.address("PAWPRINT_POSTGRES_DSN")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
        def run(sql):
            psql.stdin.write(sql + ";\n\\echo done\n")
            psql.stdin.flush()
            while (line := psql.stdout.readline()) != "done\n":
                assert line, "psql ended"

        run(f"""BEGIN; INSERT INTO outbox (topic, key, value)
            SELECT topic, '{late}', overlay(value PLACING '{late}'::bytea
                FROM position('{made}'::bytea IN value))
            FROM outbox WHERE key = '{made}'::bytea""")
        began = time.monotonic()
        took = first_taken(stack.new_site("overtakes"), began)
        assert took < SOON_S, took
        began = time.monotonic()
        run("COMMIT")
        took = first_taken(late, began)
        assert took < SOON_S, took
        psql.stdin.close()


def test_the_role_of_the_relay_may_empty_the_outbox_and_nothing_else():
    dsn = stack.address("PAWPRINT_POSTGRES_DSN").replace(
        "pawprint@", "pawprint_relay@")

    def run(sql):
        return subprocess.run(["psql", "-qAtX", dsn, "-c", sql], check=False,
                              capture_output=True, text=True)

    assert run("SELECT count(*) FROM outbox").returncode == 0
    for sql in ("SELECT * FROM account", "SELECT * FROM site",
                "UPDATE outbox SET value = 'x'", "DELETE FROM topic",
                "INSERT INTO outbox (topic, key) VALUES ('sites.v1', 'x')",
                "CREATE TABLE x (y int)"):
        tried = run(sql)
        assert "permission denied" in tried.stderr, (sql, tried)


def test_a_time_zone_is_checked_when_it_is_chosen():
    made = stack.pawprint("account", "create", "--name", "east", "--mail",
                          "owner@example.com", "--zone", "US/Eastern")
    zone = f"SELECT zone FROM account WHERE account_id = '{made['account']}'"
    assert stack.postgres(zone) == "America/New_York", "it has a newer name"
    for wrong in ("Mars/Olympus", "../../etc/passwd", "localtime", ""):
        for words in (("account", "create", "--mail", "owner@example.com"),
                      ("site", "create", "--account", made["account"])):
            done = stack.run_pawprint(*words, "--name", "x", "--zone", wrong)
            assert done.returncode == 1, done
            assert f"--zone {wrong}: there is no such" in done.stderr, done
