"""Prints CPU microseconds per event of each service, and of its floor.

    python3 -m bench [NAME...]      from the folder tests, by tests/bench/run
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from kit import stack, traffic

from . import billing, jobs, writer

FLOOR = str(stack.ROOT / "build/bin/floor")
BROKERS = stack.address("PAWPRINT_KAFKA_BROKERS")
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
LOAD_S = 10
BATCHES_S = 3  # what they send is what the enricher and the writer get
BATCH = 50
DAY_ROWS = 500_000
METER_EVENTS = 1_000_000
HITS = 'pawprint_collector_hits_total{result="accepted"}'


def cpu_us(name):
    place = pathlib.Path(stack.address("PAWPRINT_STACK_DIR")) / "pid" / name
    pid = place.read_text(encoding="ascii").split()[0]
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(
        encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_US


def floor(*words):
    """Microseconds that one of COUNT cost the floor."""
    done = subprocess.run([FLOOR, *map(str, words)], capture_output=True,
                          text=True, check=True)
    count, spent = map(int, done.stdout.split())
    return spent / count


def floor_http(requests):
    port = stack.free_port()
    with subprocess.Popen([FLOOR, "http", str(port)], text=True,
                          stdout=subprocess.PIPE) as process:
        time.sleep(0.3)
        load(f"http://127.0.0.1:{port}", requests, LOAD_S / 2)
        process.send_signal(signal.SIGTERM)
        count, spent = map(int, process.communicate()[0].split())
    return spent / count


def load(url, requests, seconds):
    subprocess.run(["wrk", "-t1", "-c100", f"-d{int(seconds)}s", "-s",
                    stack.ROOT / "tests/bench/hits.lua", url], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "BENCH_REQUESTS": requests})


def prepared(site, hits_in_one):
    """A file of requests: made-up visits, each hit with a person's headers."""
    lines, batch = [], []
    for hits, agent, address in traffic.visits(site, 2000):
        for hit in hits:
            del hit["id"]  # each one sent counts
            if hits_in_one == 1:
                lines.append(("/e", agent, address, json.dumps(hit)))
                continue
            batch.append(hit)
            if len(batch) == hits_in_one:
                lines.append(("/b", agent, address, json.dumps(batch)))
                batch = []
    file = tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False)
    with file:
        file.writelines("\t".join(line) + "\n" for line in lines[:2000])
    return file.name


def row(what, events, cost, least, of):
    print(f"{what:<26}{events:>10,}{cost:>10.2f}{least:>10.2f}"
          f"{cost / least:>8.2f}{1e6 / cost:>12,.0f}   {of}", flush=True)


def bench_collector(site, shown):
    for what, hits_in_one, seconds in (
            ("collector, 1 a request", 1, LOAD_S),
            (f"collector, {BATCH} a request", BATCH, BATCHES_S)):
        requests = prepared(site, hits_in_one)
        before, spent = stack.metrics("collector")[HITS], cpu_us("collector")
        load(stack.collector(), requests, seconds)
        events = stack.metrics("collector")[HITS] - before
        cost = (cpu_us("collector") - spent) / events
        if shown:
            least = (floor_http(requests) / hits_in_one +
                     floor("produce", BROKERS, "floor.rejects.v1", 300_000, 330))
            row(what, int(events), cost, least,
                "raw epoll server + librdkafka producing")
        os.unlink(requests)


def drained(service, events):
    """CPU microseconds per event until the service has no lag left."""
    stack.services("up", service)
    spent = cpu_us(service)
    lag = f"pawprint_{service}_lag_records"
    total = {"enricher": "pawprint_enricher_events_total",
             "writer": "pawprint_writer_rows_total",
             "meter": "pawprint_meter_events_total"}[service]
    stack.until("no lag", lambda: stack.metrics(service)[total] >= events
                and stack.metrics(service)[lag] == 0, 300)
    done = stack.metrics(service)[total]
    return int(done), (cpu_us(service) - spent) / done


def bench_reports():
    """What a day's tables cost ClickHouse, beside copying the day's rows."""
    day = stack.clickhouse("SELECT toDate(now('UTC')) - 1")[0][0]
    sql = (stack.ROOT / "tests/bench/events.sql").read_text(encoding="ascii")
    for statement in (sql.format(rows=DAY_ROWS, day=day),
                      "OPTIMIZE TABLE events FINAL",
                      "CREATE TABLE IF NOT EXISTS floor AS events"):
        stack.post(statement)
    spent = cpu_us("clickhouse")
    stack.post("INSERT INTO floor SELECT * REPLACE (now64(3) + 60 AS "
                        "valid_until) FROM events")
    least = (cpu_us("clickhouse") - spent) / DAY_ROWS
    for what, words in (("reports, a day made anew", ["--day", day]),
                        ("reports, a day that is right", [])):
        spent = cpu_us("clickhouse")
        stack.pawprint("rollup", *words)
        row(what, DAY_ROWS, (cpu_us("clickhouse") - spent) / DAY_ROWS, least,
            "ClickHouse copying the day's rows")
    for name, rows, each, share in stack.clickhouse(
            "SELECT table, toString(sum(rows)), toString(round("
            f"sum(bytes_on_disk) / sum(rows), 1)), toString(round("
            f"sum(bytes_on_disk) / {DAY_ROWS}, 2)) FROM system.parts WHERE "
            "active AND database = 'pawprint' AND table NOT IN ('floor', "
            "'migration') GROUP BY table ORDER BY table"):
        print(f"  {name:<20}{int(rows):>14,} rows{each:>9} bytes a row"
              f"{share:>9} bytes an event", flush=True)


def bench_meter():
    """Counting in CPU time; a flush of 10,000 buckets; memory at 100,000."""
    subprocess.run([stack.ROOT / "build/bin/events", BROKERS, "pawprint.",
                    str(METER_EVENTS), "bench"], check=True,
                   stdout=subprocess.DEVNULL)
    drained("meter", METER_EVENTS)
    done, cost = METER_EVENTS, cpu_us("meter") / METER_EVENTS  # all it took
    row("meter", done, cost, floor("consume", BROKERS, "pawprint.events.v1",
                                   METER_EVENTS), "librdkafka reading them")
    for sites, events in ((10_000, 10_000), (100_000, 400_000)):
        stack.services("down", "meter")
        subprocess.run([stack.ROOT / "build/bin/events", BROKERS, "pawprint.",
                        str(events), f"of-{sites}", "--sites", str(sites)],
                       check=True, stdout=subprocess.DEVNULL)
        stack.services("up", "meter")
        stack.until("counted", lambda n=events: stack.metrics("meter")[
            "pawprint_meter_events_total"] >= n, 120)
        now = stack.metrics("meter")
        peak = [line for line in pathlib.Path(
            f"/proc/{stack.pid_of('meter')}/status").read_text(
                encoding="ascii").splitlines() if line.startswith("VmHWM")][0]
        print(f"  {sites:,} accounts, {events:,} events: "
              f"{now['pawprint_meter_flushes_total']:.0f} flushes, "
              f"{now['pawprint_meter_flush_seconds_sum'] * 1000:.0f} ms in all; "
              f"peak memory {int(peak.split()[1]) / 1024:.0f} MiB", flush=True)
    flushes()


def flushes():
    """Of 10,000 buckets, as the first and as the tenth time."""
    out = subprocess.check_output(
        [stack.ROOT / "build/bin/bench-meter",
         stack.address("PAWPRINT_POSTGRES_DSN").replace(
             "pawprint@", "pawprint_meter@"), "10000"], text=True)
    print(out, end="", flush=True)


def main(names):
    if names == ["writer"]:
        writer.bench()
        return
    if names == ["billing"]:
        billing.bench()
        return
    names = names or ["collector", "enricher", "writer", "reports",
                      "meter"]
    site = stack.new_site("bench")
    stack.until("the site is known",
                lambda: stack.metrics("collector")["pawprint_collector_sites"])
    print(f"{'':<26}{'events':>10}{'us each':>10}{'floor':>10}{'ratio':>8}"
          f"{'a second':>12}   floor is", flush=True)
    if "meter" in names:  # before there are other events
        bench_meter()
    if "reports" in names:
        bench_reports()
        if names == ["reports"]:
            jobs.bench()
    if not {"collector", "enricher", "writer"} & set(names):
        return
    bench_collector(site, "collector" in names)
    if "collector" in names:
        look = subprocess.check_output(
            [stack.ROOT / "build/bin/bench-capacity", "100000", "1000000"],
            text=True)
        print(f"{'':<26}{look}", end="", flush=True)
    if not {"enricher", "writer"} & set(names):
        return
    events = int(stack.metrics("collector")[HITS])
    done, cost = drained("enricher", events)
    if "enricher" in names:
        row("enricher", done, cost,
            floor("copy", BROKERS, "pawprint.hits.v1", "floor.events.v1", events),
            "librdkafka copying the hits in transactions")
        agents = [stack.ROOT / "build/bin/bench-ua",
                  stack.ROOT / "services/enricher/data/uap/regexes.tsv",
                  stack.ROOT / "tests/data/uap/vectors.tsv"]
        print(f"{'':<26}{subprocess.check_output(agents, text=True)}", end="",
              flush=True)
    if "writer" in names:
        done, cost = drained("writer", events)
        row("writer", done, cost,
            floor("consume", BROKERS, "pawprint.events.v1", events),
            "librdkafka reading the events")
        sent = stack.metrics("writer")["pawprint_writer_sent_bytes_total"]
        print(f"{'':<26}{sent / done:.1f} bytes a row to ClickHouse")


main(sys.argv[1:])
