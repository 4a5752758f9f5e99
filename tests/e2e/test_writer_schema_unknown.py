"""A record that only a newer program can read stops its own partition only.

What plays the newer program is one that knows the numbers of a schema registry.
So it runs after the tests that read all events again, as test_writer_schema_registry.
"""
import os

from kit import stack
from kit.hits import Sender
from kit.registry import Registry

HITS = 60


def restart(registry, *names):
    """With the registry's numbers, or without where there is none."""
    stack.services("down", *names)
    if registry:
        os.environ["SCHEMA_REGISTRY_URL"] = registry.url
    try:
        stack.services("up", *names)
    finally:
        os.environ.pop("SCHEMA_REGISTRY_URL", None)


def send(hit, ids):
    """From a visitor each, so that they fall on all partitions."""
    sender = Sender()
    for number, one in enumerate(ids):
        stack.until("taken", lambda o=one, n=number: sender.send(
            {**hit, "id": o}, address=f"198.51.{n}.1")[0] == 202, 20)


def stored(hit):
    return {row[0] for row in stack.clickhouse(
        f"SELECT event_id FROM events WHERE site_id = '{hit['site']}'")}


def twice(hit):
    return stack.count("SELECT count() - uniqExact(event_id) FROM events "
                       f"WHERE site_id = '{hit['site']}'")


def stops_one_partition(service, newer):
    """newer(registry, hit) has the record "new" written as only a newer
    program can read it."""
    hit = {"site": stack.new_site("newer"), "url": "https://shop.example/"}
    send(hit, ["first"])
    stack.until("stored", lambda: "first" in stored(hit), 30)
    registry = Registry()
    newer(registry, hit)
    waits = f"pawprint_{service}_schema_waits_total"
    stack.until("it waits", lambda: stack.metrics(service)[waits] > 0, 30)
    ids = [f"later-{n}" for n in range(HITS)]
    send(hit, ids)
    # Of 8 partitions one waits: about an eighth of what came later is not there.
    stack.until("most is stored",
                lambda: len(stored(hit)) >= 1 + HITS * 0.65, 30)
    waiting = set(ids) - stored(hit)
    assert "new" not in stored(hit)
    lag = stack.metrics(service)[f"pawprint_{service}_lag_records"]
    assert lag >= 1, lag
    return hit, registry, set(ids) | {"first", "new"}, waiting


def ends_well(hit, ids):
    stack.until("all is stored", lambda: stored(hit) == ids, 60)
    assert twice(hit) == 0
    balanced = stack.pawprint("balance", "--wait", "60")
    assert balanced["received"] + balanced["replayed"] == sum(
        balanced[one] for one in ("stored", "duplicate", "rejected", "denied")
    ), balanced


def test_a_hit_of_a_newer_program_stops_only_its_partition_of_the_enricher():
    def newer(registry, hit):
        restart(registry, "collector")
        send(hit, ["new"])
        restart(None, "collector")

    hit, registry, ids, waiting = stops_one_partition("enricher", newer)
    # The newer enricher; the writer has to read what it writes.
    restart(registry, "enricher", "writer")
    ends_well(hit, ids)
    restart(None, "enricher", "writer")
    return f"{len(waiting)} of {HITS} waited behind it"


def test_an_event_of_a_newer_program_stops_only_its_partition_of_the_writer():
    def newer(registry, hit):
        stack.services("down", "enricher")
        send(hit, ["new"])
        restart(registry, "enricher")
        stack.until("it is an event", lambda: stack.metrics("enricher")[
            "pawprint_enricher_events_total"] >= 1, 30)
        restart(None, "enricher")

    hit, registry, ids, waiting = stops_one_partition("writer", newer)
    restart(registry, "writer")
    ends_well(hit, ids)
    restart(None, "writer")
    return f"{len(waiting)} of {HITS} waited behind it"
