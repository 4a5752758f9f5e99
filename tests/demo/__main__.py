"""Visits the demo's site in headless Chromium, then as many made-up people.

    python3 -m demo VISITS      from the folder tests, addresses in the environment
"""
import json
import os
import queue
import sys
import threading
import time

from kit import browser, stack, traffic
from kit.hits import Sender

HOME = os.environ["PAWPRINT_DEMO_URL"]
SITE = os.environ["PAWPRINT_DEMO_SITE"]
SENDERS = 4
RECORDED = stack.ROOT / "tests/demo/recorded.json"


def walk(window):
    """What a visitor does; the same walk made RECORDED."""
    window.open(HOME + "/?utm_source=newsletter&utm_medium=email")
    time.sleep(0.5)
    for link in ("/kettles", "/cups"):
        window.click(f'a[href="{link}"]')
        time.sleep(0.5)
    window.click("#want")
    time.sleep(0.2)
    window.click('a[href="/app"]')
    time.sleep(0.5)
    window.click("#cart")
    window.click("#pay")
    time.sleep(0.2)
    window.leave()
    time.sleep(0.2)


def visit_in_browser():
    with browser.Browser() as first:
        agent = first.run("return navigator.userAgent")
    # Without its window Chromium names itself otherwise, as robots do.
    with browser.Browser(agent.replace("Headless", "")) as window:
        walk(window)
    print(f"headless Chromium opened three pages and an application, as {agent.replace('Headless', '')}")


def visit_from_record():
    """What the script in a real Chromium once sent, as if it were now."""
    record = json.loads(RECORDED.read_text(encoding="utf-8"))
    shift = int(time.time() * 1000) - record["recorded_at"]
    sender = Sender()
    for number, hits in enumerate(record["requests"]):
        for index, hit in enumerate(hits):
            for field in ("url", "referrer"):
                if hit.get(field):
                    hit[field] = hit[field].replace("http://kettles.example", HOME)
            hit.update(site=SITE, id=f"recorded-{shift}-{number}-{index}",
                       at=hit["at"] + shift, sent_at=hit["sent_at"] + shift)
        status, _ = sender.send(hits, agent=record["agent"])
        if status != 202:
            sys.exit(f"the collector answered {status}")
    print("no browser can be had: recorded requests of one were sent instead")


def visit_as_many(count):
    """Made-up visits, SENDERS at a time, with a line that shows how far."""
    waiting = queue.Queue(100)
    totals, troubles = [0, 0], []

    def work():
        sender = Sender()
        while (visit := waiting.get()) is not None:
            hits, agent, address = visit
            try:
                status, answer = sender.send(hits, agent, address)
                if status != 202 or answer["accepted"] != len(hits):
                    troubles.append(answer)
            except OSError as why:
                troubles.append(why)
            totals[0] += 1
            totals[1] += len(hits)

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for one in threads:
        one.start()
    shown = 0.0
    # Another seed makes other ids: a hit counts once, however often it is sent.
    for visit in traffic.visits(SITE, count, seed=int(time.time()), host=HOME):
        waiting.put(visit)
        if sys.stdout.isatty() and time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            print(f"\r{totals[0]:,} of {count:,} generated visits",
                  end="", flush=True)
    for _ in threads:
        waiting.put(None)
    for one in threads:
        one.join()
    if troubles:
        sys.exit(f"\n{len(troubles)} visits were not taken: {troubles[0]}")
    print(f"\r{totals[0]:,} generated visits, {totals[1]:,} hits, by user agents "
          "and referrers of published test data")


def main():
    stack.until("the site is known", lambda: Sender().send(
        {"site": SITE, "url": HOME, "kind": "custom", "name": "hello"}
    )[0] == 202)
    if browser.missing():
        visit_from_record()
    else:
        visit_in_browser()
    visit_as_many(int(sys.argv[1]))


main()
