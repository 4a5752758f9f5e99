"""What becomes of `events` in Kafka behind the writer's back (K3)."""
import subprocess

from kit import stack

TOPIC = "pawprint.events.v1"


def tool(name, *words):
    done = subprocess.run([stack.ROOT / "build/bin" / name,
                           stack.address("PAWPRINT_KAFKA_BROKERS"),
                           *map(str, words)],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


def events(count, seed):
    assert int(tool("events", "pawprint.", count, seed)) == count


def stored(seed):
    row = stack.clickhouse(
        "SELECT count(), uniqExact(event_id), uniqExact(kafka_epoch, "
        "kafka_partition, kafka_offset) FROM events "
        f"WHERE startsWith(event_id, '{seed}-')")[0]
    return [int(cell) for cell in row]


def test_records_that_kafka_dropped_too_soon_are_counted_and_the_rest_stored():
    events(2000, "kept")
    stack.until("all are stored", lambda: stored("kept")[0] == 2000)
    stack.services("down", "writer")
    before = {int(row[0]): int(row[1]) for row in stack.clickhouse(
        "SELECT kafka_partition, max(kafka_offset) FROM events WHERE "
        "startsWith(event_id, 'kept-') GROUP BY kafka_partition")}
    events(4000, "eaten")
    gone = 100
    tool("topics", "drop", TOPIC, 3, before[3] + 1 + gone)
    stack.services("up", "writer")
    stack.until("the rest is stored",
                lambda: stored("eaten")[0] == 4000 - gone)
    assert stored("eaten") == [4000 - gone] * 3
    counted = stack.metrics("writer")["pawprint_writer_records_gone_total"]
    assert counted == gone, counted


def test_a_topic_that_was_made_anew_stops_the_writer_until_it_starts_again():
    events(1000, "first topic")
    stack.until("all are stored", lambda: stored("first topic")[0] == 1000)
    stack.services("down", "enricher")
    tool("topics", "delete", TOPIC)
    stack.until("it is gone and made anew", made_anew)
    stack.until("its epoch is out", lambda: stack.postgres(
        "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == "0")
    events(1500, "second topic")
    stack.until("the writer has stopped by itself", lambda: not runs("writer"))
    assert stored("second topic")[0] == 0, \
        "an offset was taken for another record's"
    stack.services("up")  # whoever else has stopped, too
    stack.until("all are stored", lambda: stored("second topic")[0] == 1500)
    assert stored("second topic") == [1500] * 3
    assert stored("first topic") == [1000] * 3
    assert stack.count("SELECT max(kafka_epoch) FROM events") > 1


def made_anew():
    """A topic is deleted a while after Kafka has said so."""
    try:
        return stack.pawprint("topics")["created"] == 1
    except RuntimeError:
        return False


def runs(name):
    place = f"{stack.address('PAWPRINT_STACK_DIR')}/pid/{name}"
    with open(place, encoding="ascii") as file:
        pid = file.read().split()[0]
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
