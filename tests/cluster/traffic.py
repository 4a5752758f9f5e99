"""Hits at a steady rate until SIGTERM, each batch until it is taken; then waits
until ClickHouse has them. Prints what came of it in a line; exit code 1 when
what is stored is not what was acknowledged.

    python3 -m cluster.traffic SITE PREFIX [--perfect] [--rate HITS]

With --perfect no try may have failed, and none may be stored twice. Addresses
are in the environment, as kit.stack has them.
"""
import argparse
import signal
import sys
import threading

from kit import stack
from kit.hits import Sender
from kit.load import AGENT, Load

STORED_S = 150


def is_known(site):
    sender = Sender(timeout=10)
    status, _ = sender.send({"site": site, "url": "https://shop.example/"}, AGENT)
    sender.close()  # another collector may get the next one
    return status == 202


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("site")
    parser.add_argument("prefix")
    parser.add_argument("--perfect", action="store_true")
    parser.add_argument("--rate", type=int, default=400)
    options = parser.parse_args()
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    stack.until("collectors know the site", lambda: is_known(options.site), 30)
    with Load(options.site, options.prefix, [stack.collector()], options.rate,
              max(1, options.rate // 20)) as load:
        told.wait()
    rows, ids = load.await_stored(STORED_S)
    print(f"acknowledged {load.taken}, stored {ids}, twice {rows - ids}, "
          f"repeated {len(load.errors)}, slowest answer "
          f"{load.slowest_s * 1000:.0f} ms {load.errors[-1:] or ''}")
    right = ids == load.taken > 0 and not load.given_up
    if options.perfect:
        right = right and rows == ids and not load.errors
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
