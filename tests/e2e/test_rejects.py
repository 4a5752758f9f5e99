"""What can never become an event goes to `rejects`, counted by its reason."""
import re
import subprocess

from kit import stack
from kit.hits import Sender

UNFRAMED = 'pawprint_enricher_rejects_total{reason="unframed"}'
UNDECODABLE = 'pawprint_enricher_rejects_total{reason="undecodable"}'


def put_on_hits(value):
    subprocess.run([stack.ROOT / "build/bin/produce",
                    stack.address("PAWPRINT_KAFKA_BROKERS"), "pawprint.",
                    "hits.v1"], input=value, check=True)


def fingerprint():
    """The first bytes of every record of today's schema of hits."""
    text = (stack.ROOT / "build/gen/hit.h").read_text(encoding="ascii")
    number = int(re.search(r"HIT_FINGERPRINT UINT64_C\((0x[0-9a-f]+)\)",
                           text)[1], 16)
    return b"\xc3\x01" + number.to_bytes(8, "little")


def test_bytes_that_are_no_hit_are_rejected_and_their_neighbours_are_stored():
    site, sender = stack.new_site("rejects"), Sender()
    hit = {"site": site, "url": "https://shop.example/"}
    stack.until("taken", lambda: sender.send({**hit, "id": "a"})[0] == 202, 10)
    before = stack.pawprint("balance", "--wait", "30")
    counted = stack.metrics("enricher")
    put_on_hits(b"not a record at all")
    put_on_hits(fingerprint() + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
    put_on_hits(b"")
    assert sender.send({**hit, "id": "b"})[0] == 202
    stack.until("both are stored", lambda: stack.count(
        "SELECT uniqExact(event_id) FROM events WHERE event_id IN ('a', 'b') "
        f"AND site_id = '{site}'") == 2)
    after = stack.pawprint("balance", "--wait", "30")  # fails when they differ
    assert after["rejected"] - before["rejected"] == 3, after
    assert after["received"] - before["received"] == 4, after
    now = stack.metrics("enricher")
    assert now[UNFRAMED] - counted[UNFRAMED] == 2
    assert now[UNDECODABLE] - counted[UNDECODABLE] == 1
