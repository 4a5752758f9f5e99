"""A site is erased: at once, for ever, and nobody else loses anything."""
import json
import threading
import time

from kit import stack
from kit.hits import Sender

URL = "https://shop.example/"
GRACE = "1000"


class Traffic(threading.Thread):
    """Sends hits of some sites until it is stopped; knows what was taken."""

    def __init__(self, sites, name):
        super().__init__()
        self.taken = {site: set() for site in sites}
        self.refused = {site: 0 for site in sites}
        self.name, self.going, self.number = name, True, 0

    def once(self, sender):
        for site, taken in self.taken.items():
            ids = [f"{self.name}-{self.number}-{n}" for n in range(10)]
            status, answer = sender.send(
                [{"site": site, "url": URL, "id": one} for one in ids])
            assert status in (202, 404), (status, answer)
            gone = {one["index"] for one in answer.get("refused", [])}
            taken.update(one for n, one in enumerate(ids) if n not in gone)
            self.refused[site] += len(gone)
        self.number += 1

    def run(self):
        sender = Sender()
        while self.going:
            self.once(sender)
            time.sleep(0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.join()


def known_sites(*names):
    sites, sender = [stack.new_site(name) for name in names], Sender()
    for site in sites:
        stack.until("site known", lambda s=site: sender.send(
            {"site": s, "url": URL, "id": "first"})[0] == 202)
    return sites


def rows(site):
    return stack.count(f"SELECT count() FROM events WHERE site_id = '{site}'")


def denied():
    """By the present process."""
    return stack.metrics("writer")["pawprint_writer_denied_total"]


def is_whole(site, taken):
    """Every hit of it is there, and none twice."""
    found = [row[0] for row in stack.clickhouse(
        f"SELECT event_id FROM events WHERE site_id = '{site}'")]
    return len(found) == len(set(found)) and set(found) == taken | {"first"}


def test_a_site_is_erased_while_its_hits_keep_coming():
    gone, stays = known_sites("gone", "stays")
    with Traffic([gone, stays], "flow") as traffic:
        stack.until("both are stored",
                    lambda: rows(gone) > 100 and rows(stays) > 100)
        receipt = stack.pawprint("erase", "site", gone, "--yes",
                                 "--grace", GRACE)
        assert rows(gone) == 0
        stack.until("the collector knows it",
                    lambda: traffic.refused[gone] > 0, 10)
        time.sleep(2)
    assert receipt["rows_before"] >= 100 and receipt["rows_after"] == 0, receipt
    assert receipt["site"] == gone and "events" in receipt["tables"]
    stack.until("the other site is whole",
                lambda: is_whole(stays, traffic.taken[stays]))
    assert traffic.refused[stays] == 0
    assert rows(gone) == 0
    return (f"{receipt['rows_before']} rows erased, "
            f"{len(traffic.taken[stays])} of the other site stored once")


def test_hits_that_wait_in_kafka_when_their_site_is_erased_are_not_stored():
    gone, stays = known_sites("waits", "waits too")
    stack.until("both are stored", lambda: rows(gone) == rows(stays) == 1)
    stack.services("down", "writer")
    with Traffic([gone, stays], "wait") as traffic:
        stack.until("many wait", lambda: len(traffic.taken[gone]) > 200)
    stack.pawprint("erase", "site", gone, "--yes", "--grace", GRACE)
    stack.services("up", "writer")
    stack.until("the other site is whole",
                lambda: is_whole(stays, traffic.taken[stays]))
    stack.until("denied", lambda: denied() >= len(traffic.taken[gone]))
    assert rows(gone) == 0


def written_anew():
    """How often the table was written without what was deleted."""
    return stack.count("SELECT count() FROM system.mutations WHERE is_done AND "
                       "table = 'events' AND command LIKE '%DELETED MASK%'")


def test_an_erased_site_is_on_no_disk():
    site, = known_sites("on disk")
    stack.until("stored", lambda: rows(site) == 1)
    before = written_anew()
    stack.pawprint("erase", "site", site, "--yes", "--grace", "100")
    assert written_anew() == before + 1
    assert stack.count("SELECT sum(has_lightweight_delete) FROM system.parts "
                       "WHERE active AND table = 'events'") == 0


def test_an_erased_site_is_never_anything_else_again():
    site, = known_sites("for ever")
    stack.until("stored", lambda: rows(site) == 1)
    stack.pawprint("erase", "site", site, "--yes", "--grace", "100")
    for word in ("resume", "pause", "delete"):
        try:
            stack.pawprint("site", word, site)
        except RuntimeError as why:
            assert "erased, for ever" in str(why), why
        else:
            raise AssertionError(f"site {word} was done")
    again = stack.pawprint("erase", "site", site, "--yes", "--grace", "100")
    assert again["rows_before"] == 0
    kept = stack.postgres(
        f"SELECT count(*) FROM erasure WHERE site_id = '{site}'")
    assert kept == "2", "each erasure has its receipt"


def test_nothing_is_erased_without_a_yes():
    site, = known_sites("unsure")
    for words in ([site], ["no0such0site", "--yes"], ["--yes"]):
        try:
            stack.pawprint("erase", "site", *words)
        except RuntimeError:
            continue
        raise AssertionError(words)
    stack.until("stored", lambda: rows(site) == 1)
    listed = {one["site"]: one["status"]
              for one in stack.pawprint("site", "list")}
    assert listed[site] == "active"


def read_all_again():
    stack.services("down", "writer")
    stack.pawprint("writer", "rewind", "--from", "beginning", "--yes")
    stack.services("up", "writer")


def test_old_events_read_again_bring_nothing_of_it_back():
    gone, stays = known_sites("read again", "stays too")
    with Traffic([gone, stays], "again") as traffic:
        stack.until("both are stored",
                    lambda: rows(gone) > 100 and rows(stays) > 100)
    stack.pawprint("prove", "topics", "--wait", "60")
    stack.pawprint("erase", "site", gone, "--yes", "--grace", GRACE)
    for _ in range(2):
        read_all_again()
        stack.until("denied again",
                    lambda: denied() >= len(traffic.taken[gone]))
        proved = stack.pawprint("prove", "topics", "--wait", "60")["all"]
        assert rows(gone) == 0
        assert is_whole(stays, traffic.taken[stays])
    assert proved["denied"] >= len(traffic.taken[gone]), proved
    balanced = stack.pawprint("balance", "--wait", "30")
    assert balanced["denied"] == proved["denied"], (balanced, proved)
    return f"denied {proved['denied']}, stored {proved['stored']}"


def test_a_restored_backup_that_holds_it_is_erased_again():
    gone, stays = known_sites("backed up", "stays as well")
    with Traffic([gone, stays], "backup") as traffic:
        stack.until("both are stored",
                    lambda: rows(gone) > 100 and rows(stays) > 100)
    stack.pawprint("prove", "topics", "--wait", "60")
    held = rows(gone)
    stack.backup_clickhouse("before")
    stack.pawprint("erase", "site", gone, "--yes", "--grace", GRACE)
    assert rows(gone) == 0
    stack.restore_clickhouse("before")
    stack.services("down", "writer")
    stack.services("up", "writer")
    assert rows(gone) == held, "the backup holds it"
    found = stack.run_pawprint("prove", "topics", "--wait", "30")
    assert found.returncode == 1, found
    assert json.loads(found.stdout)["all"]["erased"] == held, found
    receipts = {one["site"]: one for one in stack.pawprint("erase", "apply")}
    # And what was made of them, if it was by then.
    assert receipts[gone]["rows_before"] >= held
    assert receipts[gone]["rows_after"] == 0 and stays not in receipts
    assert rows(gone) == 0
    assert stack.pawprint("erase", "apply") == []
    assert is_whole(stays, traffic.taken[stays])
    stack.pawprint("prove", "topics", "--wait", "60")
    return f"{held} rows came back, and went"
