"""What the writer costs, beside the least that ClickHouse can do, and beside
what others do with the same events, in turns; then how late rows are, how long
a kill lasts, and how much memory it takes while ClickHouse is away. Prints
goals beside results and asserts none.
"""
import os
import pathlib
import signal
import statistics
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from kit import stack
from kit.old_table import OLD_TABLE

BROKERS = stack.address("PAWPRINT_KAFKA_BROKERS")
CLICKHOUSE = stack.address("PAWPRINT_CLICKHOUSE_URL")
BIN = stack.ROOT / "build/bin"
PYTHON = stack.ROOT / "build/bench-peer/bin/python"
PEER = stack.ROOT / "tests/bench/peer.py"
TOPIC = "pawprint.events.v1"
JSON_TOPIC = "bench-json"
PARTITIONS = 8
ROUNDS = 3
EVENTS = 2_000_000
JSON_EVENTS = 300_000  # the others are slow
BLOCK = 100_000
KILLS = 3
AWAY_EVENTS = 2_000_000

# As the writer pins them: a block comes out as it went in.
PINNED = (f" SETTINGS max_threads=1, max_insert_threads=1, max_block_size={BLOCK}"
          f", min_insert_block_size_rows={BLOCK}, min_insert_block_size_bytes=0"
          ", max_partitions_per_insert_block=1")


def cpu_s(pid):
    """CPU time of a process: the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def server_cpu_s():
    return cpu_s(stack.pid_of("clickhouse"))


class Writer:
    """The process, with default settings but for its name."""

    def __init__(self, instance):
        self.instance = instance
        self.port = urllib.parse.urlsplit(
            stack.address("PAWPRINT_WRITER_INTERNAL")).port
        self.process = None

    def start(self):
        log = open(stack.folder() / "log" / "bench-writer", "ab")
        with log:
            self.process = subprocess.Popen(
                [BIN / "writer"], stdout=log, stderr=log,
                env={**os.environ, "PAWPRINT_INSTANCE_ID": self.instance,
                     "PAWPRINT_INTERNAL_PORT": str(self.port)})

    def end(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def number(self, name):
        """0 while it does not answer yet."""
        try:
            return stack.metrics("writer")[f"pawprint_writer_{name}"]
        except (urllib.error.URLError, ConnectionError, KeyError):
            return 0

    def rows(self):
        return int(self.number("rows_total"))

    def has_no_lag(self, least):
        return self.rows() >= least and self.number("lag_records") == 0

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(
            encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


def events(count, seed, *options):
    return [BIN / "events", BROKERS, "pawprint.", str(count), seed, *options]


def produce(*words):
    subprocess.run(events(*words), check=True, stdout=subprocess.DEVNULL)


def peer(*words):
    return subprocess.run([PYTHON, PEER, *words], check=True, text=True,
                          capture_output=True).stdout


def watch(count_now, until, seconds=600):
    """(time, count) whenever the count has risen, until it is there."""
    seen, end = [(time.monotonic(), 0)], time.monotonic() + seconds
    while seen[-1][1] < until:
        count = count_now()
        if count > seen[-1][1]:
            seen.append((time.monotonic(), count))
        elif time.monotonic() > end:
            raise AssertionError(f"{seen[-1][1]} of {until} rows came")
        time.sleep(0.02)
    return seen[1:]


def rate(seen, least=1):
    """Rows a second from the first step to the last one of least rows."""
    full = [at for at in range(1, len(seen))
            if seen[at][1] - seen[at - 1][1] >= least]
    if not full:
        return None
    first, last = seen[0], seen[full[-1]]
    return (last[1] - first[1]) / (last[0] - first[0])


# --- one measurement of each -------------------------------------------------

def limit():
    """INSERT SELECT of the same blocks, from memory, by one thread."""
    start, spent = time.monotonic(), server_cpu_s()
    stack.post("INSERT INTO events SELECT * REPLACE (now64(3) + 60 AS "
               f"valid_until) FROM bench_rows{PINNED}")
    took = time.monotonic() - start
    return {"rate": EVENTS / took,
            "server": (server_cpu_s() - spent) / EVENTS}


def send():
    spent = server_cpu_s()
    done = subprocess.run(
        [BIN / "bench-send", BROKERS, TOPIC, str(EVENTS), str(BLOCK),
         CLICKHOUSE, "pawprint"], check=True, text=True, capture_output=True)
    count, took_us, cpu_us, sent = map(int, done.stdout.split())
    return {"rate": count / took_us * 1e6, "ours": cpu_us / count / 1e6,
            "server": (server_cpu_s() - spent) / count, "bytes": sent / count}


def from_kafka():
    writer = Writer("")  # one with a name would remain in the group
    spent = server_cpu_s()
    writer.start()
    try:
        seen = watch(writer.rows, EVENTS)
        ours, server = cpu_s(writer.process.pid), server_cpu_s() - spent
        sent = writer.number("sent_bytes_total")
    finally:
        writer.end()
    peer("forget", BROKERS, "writer")  # so the next one reads all of it again
    return {"rate": rate(seen, BLOCK), "ours": ours / EVENTS,
            "server": server / EVENTS, "bytes": sent / EVENTS}


def columns():
    """Those that a row of JSON may have, with their types."""
    return ", ".join(f"{name} {kind}" for name, kind in stack.clickhouse(
        "SELECT name, type FROM system.columns WHERE database = 'pawprint' "
        "AND table = 'plain' AND name NOT LIKE 'kafka%' "
        "AND name != 'valid_until'"))


def kafka_engine(group):
    spent = server_cpu_s()
    stack.post(
        f"CREATE TABLE queue ({columns()}) ENGINE = Kafka SETTINGS "
        f"kafka_broker_list = '{BROKERS}', kafka_topic_list = '{JSON_TOPIC}', "
        f"kafka_group_name = '{group}', kafka_format = 'JSONEachRow', "
        "kafka_num_consumers = 1, kafka_max_block_size = 1048576, "
        "kafka_flush_interval_ms = 1000")
    stack.post("CREATE MATERIALIZED VIEW queue_view TO plain AS SELECT *, "
               "toInt64(1) AS kafka_epoch, toInt32(_partition) AS "
               "kafka_partition, toInt64(_offset) AS kafka_offset, "
               "now64(3) + 60 AS valid_until FROM queue")
    try:
        seen = watch(lambda: stack.count("SELECT count() FROM plain"),
                     JSON_EVENTS)
        server = server_cpu_s() - spent
    finally:  # it would go on asking for more
        stack.post("DROP TABLE queue")
        stack.post("DROP TABLE queue_view")
    return {"rate": rate(seen), "server": server / JSON_EVENTS}


def plain_client(group):
    url = (f"{CLICKHOUSE}/?database=pawprint&query=" + urllib.parse.quote(
        "INSERT INTO plain FORMAT JSONEachRow"))
    spent = server_cpu_s()
    took, ours, sent = map(float, peer(
        "copy", BROKERS, JSON_TOPIC, group, url, str(JSON_EVENTS)).split())
    return {"rate": JSON_EVENTS / took, "ours": ours / JSON_EVENTS,
            "server": (server_cpu_s() - spent) / JSON_EVENTS,
            "bytes": sent / JSON_EVENTS}


# --- the same on a server with an HTTP interface of its own -------------------

def old(sql, settings=""):
    with urllib.request.urlopen(
            stack.address("PAWPRINT_OLD_CLICKHOUSE_URL") + "/?" + settings,
            sql.encode(), timeout=120) as answer:
        return answer.read().decode()


def old_limit(pid):
    start, spent = time.monotonic(), cpu_s(pid)
    old("INSERT INTO pawprint.events SELECT * FROM pawprint.rows",
        f"max_threads=1&max_block_size={BLOCK}&min_insert_block_size_rows="
        f"{BLOCK}&min_insert_block_size_bytes=0")
    return {"rate": EVENTS / (time.monotonic() - start),
            "server": (cpu_s(pid) - spent) / EVENTS}


def old_send(pid):
    spent = cpu_s(pid)
    done = subprocess.run(
        [BIN / "bench-send", BROKERS, TOPIC, str(EVENTS), str(BLOCK),
         stack.address("PAWPRINT_OLD_CLICKHOUSE_URL"), "pawprint"],
        check=True, text=True, capture_output=True)
    count, took_us, cpu_us, _ = map(int, done.stdout.split())
    return {"rate": count / took_us * 1e6, "ours": cpu_us / count / 1e6,
            "server": (cpu_s(pid) - spent) / count}


def show_old():
    """Debian's real server of 2018, where there is one."""
    if "PAWPRINT_OLD_CLICKHOUSE_URL" not in os.environ:
        print("\nNOT RUN: ClickHouse 18.16, which this system does not have")
        return
    pid = stack.pid_of("old-clickhouse")
    for sql in (*OLD_TABLE, "SYSTEM STOP MERGES"):
        old(sql)
    old_send(pid)
    old("CREATE TABLE pawprint.rows AS pawprint.events ENGINE = Memory")
    for part in old("SELECT DISTINCT _part FROM pawprint.events").split():
        old("INSERT INTO pawprint.rows SELECT * FROM pawprint.events WHERE "
            f"_part = '{part}' ORDER BY kafka_partition, kafka_offset")
    found = {}
    for _ in range(ROUNDS):
        for name, one in (("limit", old_limit), ("send", old_send)):
            old("TRUNCATE TABLE pawprint.events")
            found.setdefault(name, []).append(one(pid))
    found = {name: {key: statistics.median(one[key] for one in all_rounds)
                    for key in all_rounds[0]}
             for name, all_rounds in found.items()}
    print("\nClickHouse 18.16, a real server\n")
    show_costs(found)


# --- all of them, in turns ---------------------------------------------------

def prepare():
    """The same events on both topics, and the writer's blocks in memory."""
    produce(EVENTS, "bench")
    peer("topic", BROKERS, JSON_TOPIC, str(PARTITIONS))
    produce(JSON_EVENTS, "bench", "--json", JSON_TOPIC)
    stack.post("SYSTEM STOP MERGES")
    stack.post("CREATE TABLE plain AS events")
    stack.post("ALTER TABLE plain DROP CONSTRAINT fence")
    send()
    stack.post("CREATE TABLE bench_rows ENGINE = Memory AS SELECT * FROM "
               "events LIMIT 0")
    for part, in stack.clickhouse("SELECT DISTINCT _part FROM events"):
        stack.post(f"INSERT INTO bench_rows SELECT * FROM events WHERE _part = "
                   f"'{part}' ORDER BY kafka_partition, kafka_offset{PINNED}")


def measure():
    """The median of each number over the rounds, by what was measured."""
    found = {}
    for turn in range(ROUNDS):
        for name, one in (
                ("limit", limit), ("send", send), ("from_kafka", from_kafka),
                ("kafka_engine", lambda: kafka_engine(f"engine-{turn}")),
                ("plain_client", lambda: plain_client(f"plain-{turn}"))):
            stack.post("TRUNCATE TABLE events")
            stack.post("TRUNCATE TABLE plain")
            found.setdefault(name, []).append(one())
    return {name: {key: statistics.median(
        one[key] for one in all_rounds if one[key] is not None)
        for key in all_rounds[0]} for name, all_rounds in found.items()}


WHAT = {
    "limit": "1 INSERT SELECT from memory",
    "send": "2 encode and send",
    "from_kafka": "3 the writer, from Kafka",
    "kafka_engine": "4 ClickHouse's Kafka engine, JSON",
    "plain_client": "5 a client in Python, JSON",
}


def cost(one):
    """CPU seconds a row, of both sides."""
    return one.get("ours", 0) + one["server"]


def show_costs(found):
    print(f"{'':<34}{'CPU us a row':^30}{'rows':>12}{'of the':>9}"
          f"{'bytes':>8}")
    print(f"{'':<34}{'client':>10}{'ClickHouse':>11}{'both':>9}"
          f"{'a second':>12}{'limit':>9}{'a row':>8}")
    for name, one in found.items():
        ours = f"{one['ours'] * 1e6:.2f}" if "ours" in one else "-"
        sent = f"{one['bytes']:.0f}" if "bytes" in one else "-"
        print(f"{WHAT[name]:<34}{ours:>10}{one['server'] * 1e6:>11.2f}"
              f"{cost(one) * 1e6:>9.2f}{one['rate']:>12,.0f}"
              f"{one['rate'] / found['limit']['rate']:>9.2f}{sent:>8}",
              flush=True)


def goal(what, result, wanted):
    print(f"{what:<58}{result:>12}   {wanted}", flush=True)


def show_goals(found):
    limit_rate = found["limit"]["rate"]
    ours = found["from_kafka"]
    print(f"\n{'':<58}{'result':>12}   goal")
    goal("2 rows a second, of the limit's",
         f"{found['send']['rate'] / limit_rate:.2f}", ">= 0.80")
    goal("2 bytes a row on the wire", f"{found['send']['bytes']:.0f}", "<= 80")
    goal("3 rows a second, of the limit's",
         f"{ours['rate'] / limit_rate:.2f}", ">= 0.55")
    goal("3 writer's CPU us a row", f"{ours['ours'] * 1e6:.2f}", "<= 1.0")
    goal("3 ClickHouse's CPU, of the limit's",
         f"{ours['server'] / found['limit']['server']:.2f}", "<= 1.3")
    goal("4 the Kafka engine's CPU, of the writer's and ClickHouse's",
         f"{cost(found['kafka_engine']) / cost(ours):.1f}", ">= 15")
    goal("5 the client's and ClickHouse's CPU, of the same",
         f"{cost(found['plain_client']) / cost(ours):.1f}", "")


# --- while it runs -----------------------------------------------------------

def rows_since(start_ms):
    return stack.clickhouse(
        "SELECT event_id, toString(toUnixTimestamp64Milli(received_at)) FROM "
        f"events WHERE toUnixTimestamp64Milli(received_at) >= {start_ms}")


def latency():
    """Milliseconds from made to queryable, of each of 20 s of events."""
    count, before = 20_000, stack.count("SELECT count() FROM events")
    start_ms, late_ms = int(time.time() * 1000), {}
    with subprocess.Popen(events(count, "late", "--rate", "1000"),
                          stdout=subprocess.DEVNULL):
        while len(late_ms) < count:
            time.sleep(0.02)
            now = stack.count("SELECT count() FROM events")
            if now == before:
                continue
            before = now
            rows = rows_since(start_ms)
            at_ms = time.time() * 1000
            for name, made_ms in rows:
                late_ms.setdefault(name, at_ms - int(made_ms))
    return sorted(late_ms.values())


def kill(writer):
    """Seconds from a kill -9 under load to the next writer's first row."""
    now = writer.rows()
    stack.until("it stores", lambda: writer.rows() > now + 2 * 20_000)
    start = time.monotonic()
    writer.end(signal.SIGKILL)
    writer.start()
    stack.until("a row is stored", writer.rows)
    return time.monotonic() - start


def kills(writer):
    with subprocess.Popen(events(20_000 * 120, "kill", "--rate", "20000"),
                          stdout=subprocess.DEVNULL) as load:
        took = [kill(writer) for _ in range(KILLS)]
        load.terminate()
    stack.until("no lag", lambda: writer.has_no_lag(1))
    return statistics.median(took)


def away(writer):
    """Peak memory with ClickHouse away, and how rows come once it is back:
    (seconds, rows) at each step.
    """
    before = writer.rows()
    stack.stop_server("clickhouse", signal.SIGKILL)
    produce(AWAY_EVENTS, "away")
    time.sleep(5)
    peak = writer.peak_bytes()
    stack.bring_back()
    start = time.monotonic()
    seen = watch(lambda: writer.rows() - before, AWAY_EVENTS)
    return peak, [(at - start, rows) for at, rows in seen]


def show_running(writer, found):
    late_ms = latency()
    goal("6 ms from made to queryable, half of 1,000 a second",
         f"{late_ms[len(late_ms) // 2]:,.0f}", "")
    goal("6 the same, 99 of 100", f"{late_ms[len(late_ms) * 99 // 100]:,.0f}",
         "<= 2,500")
    goal("7 s from kill -9 to the next writer's first row",
         f"{kills(writer):.1f}", "<= 3")
    peak, seen = away(writer)
    goal(f"8 MB at most, ClickHouse away for {AWAY_EVENTS:,} events",
         f"{peak / 1e6:.0f}", "<= 256")
    goal("8 s until the first of them is stored, once it is back",
         f"{seen[0][0]:.1f}", "")
    goal("8 s until all are", f"{seen[-1][0]:.1f}", "")
    goal("8 rows a second from the first one on, of 3's",
         f"{rate(seen, BLOCK) / found['from_kafka']['rate']:.2f}", ">= 0.8")


def bench():
    prepare()
    found = measure()
    print(f"\n{EVENTS:,} events ({JSON_EVENTS:,} as JSON), blocks of {BLOCK:,},"
          f" medians of {ROUNDS} rounds\n")
    show_costs(found)
    show_old()
    show_goals(found)
    for statement in ("TRUNCATE TABLE events", "DROP TABLE bench_rows",
                      "DROP TABLE plain", "SYSTEM START MERGES"):
        stack.post(statement)
    writer = Writer("bench")
    writer.start()
    try:
        stack.until("no lag", lambda: writer.has_no_lag(EVENTS), 120)
        show_running(writer, found)
    finally:
        writer.end()
