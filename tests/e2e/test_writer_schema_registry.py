"""With a schema registry records carry its numbers, and nothing else changes.

It runs after the tests that read all events again: without the registry nobody
can read what was written with it.
"""
import os

from kit import stack
from kit.hits import Sender
from kit.registry import Registry


def one_hit(site, name):
    sender = Sender()
    hit = {"site": site, "url": "https://shop.example/", "id": name}
    stack.until("taken", lambda: sender.send(hit)[0] == 202, 20)
    stack.until("stored", lambda: stack.count(
        f"SELECT count() FROM events WHERE event_id = '{name}' "
        f"AND site_id = '{site}'"), 30)


def test_a_schema_registry_may_come_and_go():
    site = stack.new_site("registry")
    one_hit(site, "before")
    registry = Registry()
    stack.services("down")
    os.environ["SCHEMA_REGISTRY_URL"] = registry.url
    try:
        stack.services("up")
        one_hit(site, "with")  # its site was written without
        one_hit(stack.new_site("registered"), "anew")
    finally:
        # The writer needs the numbers of what is not stored yet, so nothing is.
        try:
            stack.pawprint("balance", "--wait", "60")
        finally:
            stack.services("down")
            del os.environ["SCHEMA_REGISTRY_URL"]
            stack.services("up")
    one_hit(site, "after")
    names = {"hits", "events", "rejects", "sites", "capacity", "counts"}
    assert set(registry.subjects) == {
        f"pawprint.{name}.v1-value" for name in names}, registry.subjects
    assert len(set(registry.subjects.values())) == len(names)
