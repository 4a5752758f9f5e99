"""A store is away: Pawprint waits or says so, guesses nothing, loses nothing."""
import signal
import time

from kit import stack
from kit.hits import Sender

URL = "https://shop.example/"


def away(server):
    stack.stop_server(server, signal.SIGKILL)


def known_site(name):
    site, sender = stack.new_site(name), Sender()
    hit = {"site": site, "url": URL}
    stack.until("site known", lambda: sender.send(hit)[0] == 202)
    return hit, sender


def is_stored(hit, ids):
    rows = stack.clickhouse("SELECT DISTINCT event_id FROM events WHERE "
                            f"site_id = '{hit['site']}' ORDER BY 1")
    return set(ids) <= {row[0] for row in rows}


def test_hits_are_taken_without_clickhouse_and_stored_when_it_is_back():
    hit, sender = known_site("no clickhouse")
    away("clickhouse")
    try:
        ids = [f"ch-{n}" for n in range(50)]
        for one in ids:
            assert sender.send({**hit, "id": one})[0] == 202
        time.sleep(3)
    finally:
        stack.bring_back()
    stack.until("stored", lambda: is_stored(hit, ids), 60)


def test_hits_are_taken_without_redis_and_none_is_refused():
    hit, sender = known_site("no redis")
    away("redis")
    try:
        ids = [f"redis-{n}" for n in range(50)]
        for one in ids:
            assert sender.send({**hit, "id": one})[0] == 202
    finally:
        stack.bring_back()
    stack.until("stored", lambda: is_stored(hit, ids), 60)


def test_without_kafka_a_hit_is_answered_503_and_taken_when_it_is_back():
    hit, sender = known_site("no kafka")
    # Amid a transaction a kill is another matter (services/enricher/README.md).
    assert sender.send({**hit, "id": "before"})[0] == 202
    stack.until("stored", lambda: is_stored(hit, ["before"]), 60)
    away("kafka")
    try:
        status, headers, _ = sender.request(
            "POST", "/e", b'{"site":"%s","url":"%s","id":"lost"}'
            % (hit["site"].encode(), URL.encode()),
            {"Content-Type": "text/plain"})
        assert status == 503, status
        assert headers["X-Pawprint-Result"] == "not_durable"
        assert int(headers["Retry-After"]) > 0
    finally:
        stack.bring_back()
    began = time.monotonic()
    stack.until("taken again", lambda: sender.send(
        {**hit, "id": "back"})[0] == 202, 60)
    took = time.monotonic() - began
    stack.until("stored", lambda: is_stored(hit, ["back"]), 60)
    return f"taken again {took:.1f} s after Kafka was back"


def test_nothing_is_missing_after_all_of_it():
    balanced = stack.pawprint("balance", "--wait", "60")
    assert balanced["received"] == (
        balanced["stored"] + balanced["duplicate"] + balanced["rejected"])
    assert balanced["received"] > 0
    return f"received {balanced['received']}, stored {balanced['stored']}"
