"""The compose stack that tests/compose/run started: its containers and what
services say on their internal ports, which only the stack's network reaches."""
import json
import os
import subprocess

from kit import stack

SERVICES = ["billing", "collector", "enricher", "meter", "notifier", "relay",
            "reports", "writer"]

# Runs in the container of the mailbox, which is in that network.
ASK = """
import concurrent.futures, json, sys, urllib.error, urllib.request
def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError as error:
        return 0, str(error)
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    json.dump(list(pool.map(get, sys.argv[1:])), sys.stdout)
"""


def compose(*words):
    done = subprocess.run([*stack.address("PAWPRINT_COMPOSE").split(), *words],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def containers(service):
    return compose("ps", "-q", service).split()


def ask(path):
    """(status, text) of GET path on the internal port of each service."""
    told = compose("exec", "-T", "mail", "python3", "-c", ASK,
                   *(f"http://{name}:9090{path}" for name in SERVICES))
    return dict(zip(SERVICES, json.loads(told)))


def are(path):
    """Of each service whether path says 200."""
    return {name: status == 200 for name, (status, _) in ask(path).items()}


def not_ready():
    return sorted(name for name, is_ready in are("/readyz").items()
                  if not is_ready)


def value(name, metric):
    """Of a service's metric, named with its labels; None: there is no such."""
    return stack.metrics_in(ask("/metrics")[name][1]).get(metric)


def tag():
    return os.environ.get("PAWPRINT_TAG", "dev")
