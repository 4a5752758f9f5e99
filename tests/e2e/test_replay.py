"""Events are read again: what is missing is stored, what is there is not."""
import datetime
import json
import pathlib
import time

from kit import stack
from kit.hits import Sender

URL = "https://shop.example/"


def send(site, name, count, url=URL):
    """Hits of a site that is known, with ids name-0 and so on."""
    sender, ids = Sender(), [f"{name}-{n}" for n in range(count)]
    hits = [{"site": site, "url": url, "id": one} for one in ids]
    for first in range(0, count, 100):
        stack.until("taken", lambda f=first: sender.send(
            hits[f:f + 100])[0] == 202, 10)
    return set(ids)


def proved():
    return stack.pawprint("prove", "topics", "--wait", "60")["all"]


def found():
    """What a proof that fails has found."""
    done = stack.run_pawprint("prove", "topics")
    assert done.returncode == 1, done
    return json.loads(done.stdout)["all"]


def rewind(*words):
    """And waits until the writer has asked for all of it and is through."""
    stack.services("down", "writer")
    moved = stack.pawprint("writer", "rewind", *words, "--yes")
    stack.services("up", "writer")
    stack.until("all is read again", is_through)
    return moved


def is_through():
    now = stack.metrics("writer")
    return now["pawprint_writer_doubts_total"] > 0 and \
        now["pawprint_writer_lag_records"] == 0


def rows():
    return stack.count("SELECT count() FROM events")


def ids_of(site):
    return [row[0] for row in stack.clickhouse(
        f"SELECT event_id FROM events WHERE site_id = '{site}'")]


def one_row(site):
    """(partition, offset) of some row."""
    return stack.clickhouse("SELECT kafka_partition, kafka_offset FROM events "
                            f"WHERE site_id = '{site}' ORDER BY 2 LIMIT 1")[0]


def delete(partition, offset):
    stack.post(f"DELETE FROM events WHERE kafka_partition = {partition} "
               f"AND kafka_offset = {offset}")


def test_offsets_are_not_set_back_while_a_writer_runs():
    send(stack.new_site("runs"), "runs", 10)
    proved()
    done = stack.run_pawprint("writer", "rewind", "--from", "beginning",
                              "--yes")
    assert done.returncode == 1 and "stop all of them first" in done.stderr, done
    for words in (["--from", "7", "--yes"], ["--yes"], ["--from", "beginning"],
                  ["--from", "yesterday", "--yes"]):
        assert stack.run_pawprint("replay", *words).returncode == 2, words


def test_all_events_read_again_twice_are_stored_once():
    ids = send(site := stack.new_site("twice"), "twice", 2000)
    before = proved()
    stored = rows()
    for _ in range(2):
        moved = rewind("--from", "beginning")
        assert any(one["from"] > one["to"] == 0 for one in moved), moved
        assert proved()["stored"] == before["stored"]
        assert rows() == stored
    assert sorted(ids_of(site)) == sorted(ids)
    assert stack.metrics("writer")["pawprint_writer_rows_found_total"] > 0
    return f"{stored} rows stayed"


def test_events_are_read_again_from_a_time_on():
    site = stack.new_site("time")
    send(site, "early", 300)
    proved()
    time.sleep(0.1)
    at = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(1.1)
    send(site, "late", 300)
    stored, all_before = proved(), rows()
    moved = rewind("--from", f"{at:%Y-%m-%dT%H:%M:%S}Z")
    again = sum(one["from"] - one["to"] for one in moved)
    assert again >= 300, moved
    assert again < stored["produced"], moved
    assert proved()["stored"] == stored["stored"] and rows() == all_before


def test_an_old_backup_is_restored_and_the_rows_are_exact():
    first = send(site := stack.new_site("restore"), "first", 1000)
    proved()
    stack.backup_clickhouse("old")
    second = send(site, "second", 1500)
    proved()
    stored = rows()
    stack.restore_clickhouse("old")
    assert found()["missing"] == 1500
    stack.services("down", "writer")
    stack.services("up", "writer")
    stack.until("all is there again", lambda: rows() == stored)
    assert proved()["missing"] == 0
    assert sorted(ids_of(site)) == sorted(first | second)
    return f"1500 of {stored} rows came from Kafka again"


def test_a_backup_restored_under_a_running_writer_is_noticed_by_itself():
    ids = send(site := stack.new_site("noticed"), "noticed", 400)
    proved()
    stack.backup_clickhouse("under")
    ids |= send(site, "later", 300)
    proved()
    stack.services("down", "writer")
    more = pathlib.Path(stack.address("PAWPRINT_STACK_DIR"), "more")
    more.write_text("PAWPRINT_WRITER_CHECK_MS=500\n", encoding="ascii")
    try:
        stack.services("up", "writer")
        ids |= send(site, "seen", 10)
        stack.until("they are stored", lambda: len(ids_of(site)) == 710)
        stack.until("it has looked", lambda: time.sleep(1) or True)
        stack.restore_clickhouse("under")
        ids |= send(site, "after", 5)
        stack.until("all is there again",
                    lambda: sorted(ids_of(site)) == sorted(ids), 90)
        assert proved()["missing"] == 0
    finally:
        more.unlink()
        stack.services("down", "writer")
        stack.services("up", "writer")


def test_a_row_that_was_deleted_by_hand_is_missing_and_comes_again():
    ids = send(site := stack.new_site("deleted"), "deleted", 50)
    proved()
    partition, offset = one_row(site)
    delete(partition, offset)
    assert found()["missing"] == 1
    moved = rewind("--from", offset, "--partition", partition)
    assert moved[0]["to"] == int(offset) and len(moved) == 1, moved
    assert proved()["missing"] == 0
    assert sorted(ids_of(site)) == sorted(ids)


def test_a_row_that_was_inserted_by_hand_is_there_twice():
    ids = send(site := stack.new_site("inserted"), "inserted", 50)
    proved()
    partition, offset = one_row(site)
    stack.post("INSERT INTO events SELECT * REPLACE (now64(3) + 60 AS "
               "valid_until) FROM events WHERE kafka_partition = "
               f"{partition} AND kafka_offset = {offset}")
    assert found()["twice"] == 1
    delete(partition, offset)
    rewind("--from", offset, "--partition", partition)
    assert proved()["twice"] == 0
    assert sorted(ids_of(site)) == sorted(ids)


def test_a_row_that_clickhouse_refused_goes_back_once_that_is_mended():
    site = stack.new_site("refused")
    known = send(site, "known", 10)
    proved()
    before = stack.pawprint("balance", "--wait", "30")
    stack.post("ALTER TABLE events ADD CONSTRAINT no_bad CHECK "
               "hostname != 'bad.example'")
    try:
        bad = send(site, "bad", 3, "https://bad.example/")
        stack.until("rejected", lambda: sum(
            one["rejected"] for one in stack.pawprint(
                "rejects", "list", "--stage", "writer")) == 3)
        assert proved()["rejected"] == 3
    finally:
        stack.post("ALTER TABLE events DROP CONSTRAINT no_bad")
    words = ("--stage", "writer", "--reason", "refused_by_clickhouse", "--yes")
    assert stack.pawprint("rejects", "replay", *words) == {"replayed": 3}
    assert stack.pawprint("rejects", "replay", *words) == {"replayed": 0}
    stack.until("they are stored", lambda: sorted(ids_of(site)) ==
                sorted(known | bad))
    assert proved()["missing"] == 0
    after = stack.pawprint("balance", "--wait", "30")
    assert after["replayed"] - before["replayed"] == 3, after
    listed, = stack.pawprint("rejects", "list", "--stage", "writer")
    assert (listed["rejected"], listed["replayed"]) == (3, 3), listed
    rewind("--from", "beginning")  # refused then, acceptable now: settled
    assert sorted(ids_of(site)) == sorted(known | bad)
    assert proved()["rejected"] == 3
    # The meter has counted them twice, until what is stored corrects that.
    stack.pawprint("usage", "reconcile", "--wait", "60")
    assert stack.pawprint("prove", "usage")["accounts_that_differ"] == 0
