"""More partitions of `events`; the last file of all, since it stays so."""
import subprocess
import time

from e2e.test_usage_edges import counted_account, rows
from kit import stack

PARTITIONS = 9


def test_partitions_that_are_added_are_counted_from_their_beginning():
    account = counted_account("more partitions")
    subprocess.run(
        [stack.ROOT / "build/bin/topics",
         stack.address("PAWPRINT_KAFKA_BROKERS"), "partitions",
         "pawprint.events.v1", str(PARTITIONS)], check=True)
    for name in ("enricher", "meter", "writer"):
        # Else they hear of it within 5 minutes.
        stack.services("down", name)
        stack.services("up", name)
    account.receive(500, time.time())
    stack.until("all is counted", lambda: account.counted() >= 501)
    stack.until("all is stored", lambda: rows(account) >= 501)
    assert account.counted() == rows(account) == 501
    added = stack.count(
        f"SELECT count() FROM events WHERE site_id = '{account.site}' AND "
        f"kafka_partition = {PARTITIONS - 1}")
    assert added > 0, "nothing came to the new one"
    return f"{added} of 501 in the new one"
