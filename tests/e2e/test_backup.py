"""A backup brings everything back, but what was erased; one that is damaged
is found out before it changes anything."""
import contextlib
import os
import pathlib
import shutil
import tempfile
import time

from kit import stack
from kit.hits import Sender

KEY = "00112233445566778899aabbccddeeff" * 2
OTHER = "ff" * 32
URL = "https://shop.example/a'b"


@contextlib.contextmanager
def place(key=KEY):
    """A folder for backups, that the CLI knows of."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PAWPRINT_BACKUP_TARGET"] = folder
        os.environ["PAWPRINT_BACKUP_KEY"] = key
        try:
            yield pathlib.Path(folder)
        finally:
            del os.environ["PAWPRINT_BACKUP_TARGET"]
            del os.environ["PAWPRINT_BACKUP_KEY"]


def sends(sender, site, name, count):
    """Hits of a site; those that were taken, by their ids."""
    hits = [{"site": site, "url": URL, "id": f"{name}-{n}", "name": "buy",
             "props": {"what": "tab\t, line\n, \\N and 'quote'"}}
            for n in range(count)]
    status, answer = sender.send(hits)
    assert status == 202 and not answer.get("refused"), (status, answer)
    return {one["id"] for one in hits}


def known_sites(sender, *names):
    sites = [stack.new_site(name) for name in names]
    for site in sites:
        stack.until("site known", lambda s=site: sender.send(
            {"site": s, "url": URL, "id": "first"})[0] == 202)
    return sites


def stored(site):
    found = [row[0] for row in stack.clickhouse(
        f"SELECT event_id FROM events WHERE site_id = '{site}'")]
    assert len(found) == len(set(found)), f"{site} has an event twice"
    return set(found)


def erase(site):
    """A staging table of rollups may go while it looks: then once more."""
    words = ("erase", "site", site, "--yes", "--grace", "1000")
    done = stack.run_pawprint(*words)
    if done.returncode != 0:
        assert "_stage_" in done.stderr, done
        stack.pawprint(*words)


def everything_is_lost():
    stack.postgres("DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
                   "GRANT USAGE ON SCHEMA public TO public")
    stack.post("DROP DATABASE pawprint")


def backed_up():
    """What the writer noted as stored is in it; the rest is in Kafka."""
    made = stack.pawprint("backup")
    return made if made["rows_clickhouse"] >= 1002 else None


def test_what_was_lost_is_restored_and_what_came_later_is_read_from_kafka():
    sender = Sender()
    stays, gone = known_sites(sender, "stays", "gone")
    taken = {"first"} | sends(sender, stays, "before", 500)
    sends(sender, gone, "before", 500)
    stack.until("stored", lambda: stored(stays) == taken
                and len(stored(gone)) == 501)
    with place():
        made = stack.until("the writer has noted what it stored", backed_up)
        assert made["encrypted"], made
        later, = known_sites(sender, "later")
        taken |= sends(sender, stays, "after", 300)
        erase(gone)
        stack.pawprint("site", "pause", later)
        stack.until("stored", lambda: stored(stays) == taken)
        stack.until("told", lambda: stack.postgres(
            "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == "0")
        refused = stack.run_pawprint("restore")
        assert "not empty" in refused.stderr, refused
        stack.services("down")
        everything_is_lost()
        began = time.monotonic()
        done = stack.pawprint("restore")
        took = time.monotonic() - began
        stack.services("up")
        stack.until("all is there again", lambda: stored(stays) == taken)
    assert done["parts_wrong"] == done["sites_wrong"] == 0, done
    assert done["sites_erased"] == 1 and done["rows_erased"] == 501, done
    assert stored(gone) == set(), "what was erased stays erased"
    status = {one["site"]: one["status"] for one in
              stack.pawprint("site", "list")}
    assert status[gone] == "erased" and status[stays] == "active", status
    assert later not in status, "its account is not in the backup"
    stack.until("hits are taken", lambda: sender.send(
        {"site": stays, "url": URL, "id": "last"})[0] == 202)
    stack.until("stored", lambda: stored(stays) == taken | {"last"})
    stack.pawprint("prove", "topics", "--wait", "60")
    return f"{made['rows_clickhouse']} events restored in {took:.1f} s"


def test_a_drill_restores_beside_the_live_ones_and_leaves_nothing():
    sender = Sender()
    site, gone = known_sites(sender, "drilled", "drilled, gone")
    taken = {"first"} | sends(sender, site, "drill", 200)
    stack.until("stored", lambda: stored(site) == taken and stored(gone))
    with place():
        stack.pawprint("backup")
        erase(gone)
        done = stack.pawprint("drill")
    assert done["sites_erased"] == 1 and done["rows_erased"] == 1, done
    assert stored(site) == taken
    assert "drill" not in stack.postgres("SELECT datname FROM pg_database")
    assert ["pawprint_drill"] not in stack.clickhouse("SHOW DATABASES")
    assert stack.postgres("SELECT kind || ' ' || state FROM backup_run ORDER "
                          "BY id DESC LIMIT 2") == "drill done\nbackup done"


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def reports_says(failed):
    """What the alert PawprintBackupFailed asks for."""
    stack.until(f"reports says {failed}", lambda: stack.metrics("reports")[
        "pawprint_reports_backup_failed"] == failed)


def test_a_damaged_backup_fails_the_drill_and_says_why():
    with place() as folder:
        made = stack.pawprint("backup")["backup"]
        piece = next(folder.glob("data/*/clickhouse.events.*"))
        manifest = folder / "manifests" / made
        for what, path, damage, words in (
                ("one bit", piece, flip, "its checksum is another"),
                ("a missing object", piece, lambda p: p.unlink(), "No such"),
                ("a cut manifest", manifest, cut, "damaged or cut"),
                ("a bit of the manifest", manifest, flip, "damaged or cut")):
            good = path.read_bytes()
            damage(path)
            for command in (("backup", "verify"), ("drill",)):
                done = stack.run_pawprint(*command)
                assert done.returncode == 1 and words in done.stderr, (
                    what, command, done)
            path.write_bytes(good)
        os.environ["PAWPRINT_BACKUP_KEY"] = OTHER
        done = stack.run_pawprint("drill")
        assert done.returncode == 1 and "another key" in done.stderr, done
        os.environ["PAWPRINT_BACKUP_KEY"] = KEY
        swapped = sorted(folder.glob("data/*/postgres.*"))[:2]
        shutil.copy(swapped[0], swapped[1])
        assert stack.run_pawprint("backup", "verify").returncode == 1
        reports_says(1)
    assert int(stack.postgres("SELECT count(*) FROM backup_run WHERE kind = "
                              "'drill' AND state = 'failed'")) >= 5
    with place():
        stack.pawprint("backup")
        stack.pawprint("drill")
        reports_says(0)


def test_nothing_is_written_unencrypted_unless_asked():
    with place(key="") as folder:
        done = stack.run_pawprint("backup")
        assert done.returncode == 2 and "BACKUP_KEY" in done.stderr, done
        assert list(folder.iterdir()) == []
        assert not stack.pawprint("backup", "--unencrypted")["encrypted"]
        stack.pawprint("backup", "verify")
        os.environ["PAWPRINT_BACKUP_KEY"] = KEY
        done = stack.run_pawprint("backup", "verify")
        assert "not encrypted" in done.stderr, done
