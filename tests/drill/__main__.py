"""One disaster on the stack of this environment; tests/drill/run calls it.

RPO is the age of what is missing afterwards: of Postgres, since the backup
began; of events nothing, as long as Kafka lives. RTO is from the first command
of the restore until every acknowledged hit is stored again.
"""
import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from kit import stack
from kit.hits import Sender

SITES, ROUNDS, BATCH = 8, 25, 100
URL = "https://shop.example/a'b"
ACCESS, SECRET = "drill", "of-a-drill-on-loopback"


def say(text):
    print(text, flush=True)


class Load:
    """Hits of several sites of several accounts; what was acknowledged."""

    def __init__(self):
        self.sender, self.number = Sender(), 0
        self.taken = {stack.new_site(f"drill {n}"): set()
                      for n in range(SITES)}
        for site in self.taken:
            stack.until("site known", lambda s=site: self.sender.send(
                {"site": s, "url": URL, "id": "first"})[0] == 202)
            self.taken[site].add("first")

    def send(self, rounds):
        for _ in range(rounds):
            for site, taken in self.taken.items():
                ids = [f"{self.number}-{n}" for n in range(BATCH)]
                status, answer = self.sender.send(
                    [{"site": site, "url": URL, "id": one} for one in ids])
                assert status == 202 and not answer.get("refused"), answer
                taken.update(ids)
                self.number += 1

    def wrong(self):
        """Sites that don't have exactly what was acknowledged, once."""
        rows = {row[0]: (int(row[1]), int(row[2])) for row in stack.clickhouse(
            "SELECT site_id, count(), uniqExact(event_id) FROM events "
            "GROUP BY site_id")}
        return {site: (len(taken), rows.get(site)) for site, taken
                in self.taken.items()
                if rows.get(site, (0, 0)) != (len(taken), len(taken))}


@contextlib.contextmanager
def s3(folder):
    """rclone serves the folder, and checks each request's signature."""
    port = stack.free_port()
    (folder / "bucket").mkdir()
    server = subprocess.Popen(
        [os.environ["PAWPRINT_DRILL_RCLONE"], "serve", "s3", "--auth-key",
         f"{ACCESS},{SECRET}", "--addr", f"127.0.0.1:{port}", str(folder)],
        stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    os.environ.update({"PAWPRINT_BACKUP_TARGET": "s3://bucket/pawprint",
                       "PAWPRINT_BACKUP_S3_URL": url,
                       "PAWPRINT_BACKUP_S3_KEY": ACCESS,
                       "PAWPRINT_BACKUP_S3_SECRET": SECRET})
    try:
        stack.until("S3 answers", lambda: answers(url))
        os.environ["PAWPRINT_BACKUP_S3_SECRET"] = "another"
        done = stack.run_pawprint("backup")
        assert done.returncode == 1 and "Signature" in done.stderr, done
        say("ok     a wrong secret is refused by the server: "
            + done.stderr.strip().splitlines()[-1])
        os.environ["PAWPRINT_BACKUP_S3_SECRET"] = SECRET
        yield folder / "bucket/pawprint"
    finally:
        server.terminate()
        server.wait()


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def place(kind):
    os.environ["PAWPRINT_BACKUP_KEY"] = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if kind == "s3":
            with s3(folder) as inside:
                yield inside
        else:
            os.environ["PAWPRINT_BACKUP_TARGET"] = name
            yield folder


def postgres_folder():
    elsewhere = stack.folder() / "postgres.place"
    return pathlib.Path(elsewhere.read_text().strip()
                        if elsewhere.exists() else stack.folder() / "postgres")


def destroy():
    """Both servers killed, their folders deleted, new empty ones started."""
    stack.services("down")
    for server in ("postgres", "clickhouse"):
        stack.stop_server(server, 9)
    shutil.rmtree(stack.folder() / "clickhouse")
    shutil.rmtree(postgres_folder())
    (stack.folder() / "postgres.place").unlink(missing_ok=True)
    stack.bring_back()
    assert stack.postgres("SELECT to_regclass('account') IS NULL") == "t"


def metric(name):
    return stack.metrics("reports")[f"pawprint_reports_{name}"]


def must_fail(folder, what, path, damage):
    """The drill finds it, and the metric that the alert goes by says so."""
    good = path.read_bytes()
    damage(path)
    done = stack.run_pawprint("drill")
    assert done.returncode == 1, (what, done)
    stack.until("the alert's metric", lambda: metric("backup_failed") == 1)
    path.write_bytes(good)
    say(f"ok     {what}: {done.stderr.strip().splitlines()[-1]}")
    stack.pawprint("drill")
    stack.until("it is over", lambda: metric("backup_failed") == 0)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def damages(folder, made):
    piece = next(folder.glob("data/*/clickhouse.events.*"))
    manifest = folder / "manifests" / made
    must_fail(folder, "one bit of a piece", piece, flip)
    must_fail(folder, "a missing object", piece, lambda p: p.unlink())
    must_fail(folder, "a cut manifest", manifest,
              lambda p: p.write_bytes(p.read_bytes()[:-40]))
    key = os.environ["PAWPRINT_BACKUP_KEY"]
    os.environ["PAWPRINT_BACKUP_KEY"] = secrets.token_hex(32)
    done = stack.run_pawprint("drill")
    os.environ["PAWPRINT_BACKUP_KEY"] = key
    assert done.returncode == 1 and "another key" in done.stderr, done
    say("ok     a wrong key: " + done.stderr.strip().splitlines()[-1])
    stack.pawprint("drill")


def erase(site):
    """A staging table of rollups may go while it looks: then once more."""
    words = ("erase", "site", site, "--yes", "--grace", "1000")
    if stack.run_pawprint(*words).returncode != 0:
        stack.pawprint(*words)


def disaster(kind):
    load = Load()
    load.send(ROUNDS)
    stack.until("stored", lambda: not load.wrong())
    with place(kind) as folder:
        began = time.time()
        made = stack.pawprint("backup")
        say(f"backup into {kind}: {made['rows_postgres']} rows of Postgres, "
            f"{made['rows_clickhouse']} events, {made['bytes']} bytes, "
            f"{made['took_ms']} ms")
        done = stack.pawprint("drill")
        say(f"drill: as it was, loaded in {done['load_ms']} ms")
        stack.until("the drill's age", lambda: 0 <= metric(
            "backup_drill_age_seconds") < 60)
        damages(folder, made["backup"])
        load.send(ROUNDS // 2)
        gone = next(iter(load.taken))
        erase(gone)
        load.taken[gone] = set()
        stack.until("stored", lambda: not [
            site for site in load.wrong() if site != gone])
        lost_s = time.time() - began
        destroy()
        start = time.monotonic()
        restored = stack.pawprint("restore")
        assert restored["parts_wrong"] == restored["sites_wrong"] == 0
        stack.services("up")
        stack.until("every acknowledged hit is stored again", lambda: not [
            site for site in load.wrong() if site != gone], 120)
        rto_s = time.monotonic() - start
    assert stack.count("SELECT count() FROM events WHERE site_id = "
                       f"'{gone}'") == 0
    stack.pawprint("prove", "topics", "--wait", "60")
    hits = sum(len(taken) for taken in load.taken.values())
    say(f"ok     {hits} acknowledged hits of {SITES - 1} sites are stored "
        f"once; the erased site stays erased "
        f"({restored['rows_erased']} rows of it came back, and went)")
    say(f"RPO    of events 0; of Postgres {lost_s:.1f} s, since the backup")
    say(f"RTO    {rto_s:.1f} s")


disaster(sys.argv[1])
