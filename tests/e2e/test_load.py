"""100,000 hits: every id that was answered 202 is stored, whoever is killed."""
import http.client
import itertools
import subprocess
import threading
import time

from kit import stack
from kit.hits import Sender

HITS = 100_000
IN_ONE = 200
SENDERS = 4
AGENT = ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 "
         "Firefox/121.0")


def send_all(site, prefix, pause_s=0.0, half=None):
    """Sends HITS hits, each batch until it is answered 202. half() is called
    once in the middle. Gives how many tries failed."""
    numbers = iter(range(0, HITS, IN_ONE))
    lock, failures, trouble = threading.Lock(), itertools.count(), []

    def work(number):
        sender = Sender()
        while True:
            with lock:
                first = next(numbers, None)
            if first is None or trouble:
                return
            batch = [{"site": site, "id": f"{prefix}{i}",
                      "url": f"https://shop.example/{i % 50}"}
                     for i in range(first, first + IN_ONE)]
            end = time.monotonic() + 60
            while True:
                try:
                    status, answer = sender.send(
                        batch, AGENT, f"198.51.{number}.{first // IN_ONE % 250}")
                    if status == 202 and answer["accepted"] == IN_ONE:
                        break
                except (OSError, http.client.HTTPException, ValueError):
                    sender.close()
                next(failures)
                if time.monotonic() > end:
                    trouble.append(f"batch {first} not taken within 60 s")
                    return
                time.sleep(0.1)
            time.sleep(pause_s)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(SENDERS)]
    for one in threads:
        one.start()
    if half:
        try:
            half()
        except Exception as why:  # pylint: disable=broad-except
            trouble.append(str(why))
    for one in threads:
        one.join()
    assert not trouble, trouble
    return next(failures)


def stored(site, prefix):
    """(rows, distinct ids) in ClickHouse."""
    row = stack.clickhouse(
        "SELECT count(), uniqExact(event_id) FROM events WHERE "
        f"site_id = '{site}' AND startsWith(event_id, '{prefix}')")[0]
    return int(row[0]), int(row[1])


def ready_site(name):
    site = stack.new_site(name)
    stack.until("the site is known", lambda: Sender().send(
        {"site": site, "url": "https://shop.example/", "id": "known"}
    )[0] == 202)
    return site


def test_a_hundred_thousand_hits_are_stored_none_twice():
    site = ready_site("load")
    began = time.monotonic()
    failed = send_all(site, "up-")
    sent = time.monotonic() - began
    stack.until("all are stored", lambda: stored(site, "up-")[1] >= HITS, 120)
    rows, ids = stored(site, "up-")
    assert (rows, ids, failed) == (HITS, HITS, 0), (rows, ids, failed)
    return f"sent in {sent:.1f} s, stored after {time.monotonic() - began:.1f} s"


def survive(name):
    site, prefix = ready_site("kill " + name), name + "-"

    def half():
        # In the middle of the load, seen from the side that is killed.
        stack.until("a third has been sent", lambda: stack.metrics("collector")[
            'pawprint_collector_hits_total{result="accepted"}'] - before
            >= HITS / 3)
        stack.services("kill", name)
        stack.services("up", name)

    before = stack.metrics("collector")[
        'pawprint_collector_hits_total{result="accepted"}']
    failed = send_all(site, prefix, 0.03, half)
    stack.until("all are stored", lambda: stored(site, prefix)[1] >= HITS, 180)
    balanced = stack.pawprint("balance", "--wait", "60")
    rows, ids = stored(site, prefix)
    assert ids == HITS, ids
    return (f"none lost, {rows - ids} stored twice, {failed} tries repeated; "
            f"received {balanced['received']}, stored {balanced['stored']}")


def test_none_is_lost_when_the_collector_is_killed():
    return survive("collector")


def test_none_is_lost_when_the_enricher_is_killed():
    return survive("enricher")


def test_none_is_lost_when_the_writer_is_killed():
    return survive("writer")


def test_none_is_lost_when_the_relay_is_killed():
    return survive("relay")


def test_hits_that_kafka_hands_out_again_become_no_second_event():
    """As when what the group had committed was lost with a broker."""
    before = stack.pawprint("balance", "--wait", "60")
    stack.services("down", "enricher")
    stack.until("the group is empty", lambda: subprocess.run(
        [stack.ROOT / "build/bin/regroup", stack.address(
            "PAWPRINT_KAFKA_BROKERS"), "pawprint.hits.v1", "enricher"],
        capture_output=True, check=False).returncode == 0)
    stack.services("up", "enricher")
    stack.until("all are read again", lambda: stack.metrics("enricher")[
        "pawprint_enricher_done_before_total"] == before["received"])
    ready_site("read again")
    after = stack.pawprint("balance", "--wait", "60")
    again = after["received"] - before["received"]
    assert after["stored"] == before["stored"] + again, (before, after)
    return f"{before['received']} read again, {again} new"
