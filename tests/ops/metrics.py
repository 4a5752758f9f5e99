"""Which metrics the services have, as each of them says itself.

A service shows all of its metrics from its start on, whatever is away. So each
is started with nothing there that it would work with, asked, and stopped.
"""
import functools
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

from ops import ROOT

NOWHERE = "127.0.0.1:9"
SETTINGS = {
    "PAWPRINT_KAFKA_BROKERS": NOWHERE,
    "PAWPRINT_REDIS_URL": f"redis://{NOWHERE}",
    "PAWPRINT_CLICKHOUSE_URL": f"http://{NOWHERE}",
    "PAWPRINT_POSTGRES_DSN": "host=127.0.0.1 port=9 dbname=none user=none",
    "PAWPRINT_COLLECTOR_PORT": "0",
    "PAWPRINT_BILLING_PORT": "0",
    "PAWPRINT_BILLING": "off",
    "PAWPRINT_GEOIP_PATH": str(ROOT / "tests/data/geo/flat.mmdb"),
}


class Family:
    """A metric's name with all label sets it is shown with."""

    def __init__(self, service, kind, text):
        self.service, self.kind, self.help = service, kind, text
        self.labels = []

    def values(self, label):
        return {labels[label] for labels in self.labels if label in labels}


def services():
    return sorted(path.parent.name for path in ROOT.glob("services/*/main.c")
                  if path.parent.name != "pawprint")


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def ask(service):
    program = pathlib.Path(os.environ["PAWPRINT_BIN"]) / service
    with subprocess.Popen([program], cwd=ROOT, text=True, env=SETTINGS,
                          stdout=subprocess.PIPE) as process:
        try:
            port = json.loads(process.stdout.readline())["internal_port"]
            text, before = scrape(port), None
            while not text or text != before:  # some add theirs a moment later
                time.sleep(0.03)
                text, before = scrape(port), text
            return text
        finally:
            process.send_signal(signal.SIGKILL)


def parse(service, text):
    families, texts = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            texts[name] = words
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            families[name] = Family(service, kind, texts[name])
        else:
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            family = families.get(name) or families[re.sub("_(bucket|sum|count)$", "", name)]
            family.labels.append(dict(re.findall(r'(\w+)="([^"]*)"', labels or "")))
    return families


@functools.cache
def all_metrics():
    """Family by name, of all services."""
    found = {}
    for service in services():
        families = parse(service, ask(service))
        assert families, f"{service} shows no metric"
        found.update(families)
    return found
