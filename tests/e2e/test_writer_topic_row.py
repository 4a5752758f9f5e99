"""One row that ClickHouse refuses, among a hundred thousand."""
import pathlib
import subprocess

from kit import stack

ROWS = 100_000


def events(seed, *options):
    done = subprocess.run(
        [stack.ROOT / "build/bin/events", stack.address("PAWPRINT_KAFKA_BROKERS"),
         "pawprint.", str(ROWS), seed, *options],
        capture_output=True, text=True, check=True)
    assert int(done.stdout) == ROWS


def refused():
    return sum(one["rejected"] for one in stack.pawprint(
        "rejects", "list", "--stage", "writer",
        "--reason", "refused_by_clickhouse"))


def test_one_bad_row_among_a_hundred_thousand_costs_eighteen_inserts_more():
    more = pathlib.Path(stack.address("PAWPRINT_STACK_DIR"), "more")
    before = refused()
    stack.services("down", "writer")
    stack.post("ALTER TABLE events ADD CONSTRAINT small CHECK "
               "length(pathname) < 1000")
    # All of them in one batch: it is sealed by its age, when they are read.
    more.write_text("PAWPRINT_WRITER_ROWS=1000000\n"
                    "PAWPRINT_WRITER_AGE_MS=5000\n", encoding="ascii")
    try:
        events("one-bad", "--bad", "66666")
        stack.services("up", "writer")
        stack.until("the others are stored", lambda: stack.count(
            "SELECT count() FROM events WHERE startsWith(event_id, 'one-bad-')")
            == ROWS - 1)
        inserts = stack.metrics("writer")["pawprint_writer_inserts_total"]
        # The last insert may be through before Kafka has the reject.
        stack.until("the one is rejected", lambda: refused() > before, 20)
        rejected = refused() - before
    finally:
        more.unlink()
        stack.post("ALTER TABLE events DROP CONSTRAINT small")
        stack.services("down", "writer")
        stack.services("up", "writer")
    assert inserts <= 1 + 18, inserts
    assert rejected == 1, rejected
    assert stack.count("SELECT count() - uniqExact(event_id) FROM events WHERE "
                       "startsWith(event_id, 'one-bad-')") == 0
    return f"{inserts:.0f} inserts for {ROWS} rows"
