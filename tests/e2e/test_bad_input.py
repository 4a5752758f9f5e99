"""A bad request gets its documented code and a counted reason, and the hits
beside it are stored. docs/api/collector.md has the table."""
import gzip
import json
import socket
import threading
import time
import urllib.parse

from kit import stack
from kit.hits import Sender

URL = "https://shop.example/"


def requests_total(result):
    return stack.metrics("collector")[
        f'pawprint_collector_requests_total{{result="{result}"}}']


def cases(site):
    """(what, path, headers, body, status, result)"""
    text = {"Content-Type": "text/plain"}
    good = json.dumps({"site": site, "url": URL})

    def hit(**fields):
        return json.dumps({"site": site, "url": URL, **fields})

    return [
        ("malformed JSON", "/e", text, '{"site": "', 400, "malformed"),
        ("an empty body", "/e", text, "", 400, "malformed"),
        ("something behind it", "/e", text, good + "x", 400, "malformed"),
        ("a number for a text", "/e", text, hit(url=7), 400, "malformed"),
        ("a text for a number", "/e", text, hit(value="7"), 400, "malformed"),
        ("an object for a text", "/e", text, hit(name={}), 400, "malformed"),
        ("no site", "/e", text, json.dumps({"url": URL}), 400, "missing_field"),
        ("a vital without value", "/e", text,
         hit(kind="vital", name="LCP"), 400, "missing_field"),
        ("a kind that there is not", "/e", text, hit(kind="x"), 400,
         "invalid_field"),
        ("an address that is none", "/e", text, hit(url="about:blank"), 400,
         "invalid_field"),
        ("a NUL in a text", "/e", text, hit(name="a\0b", kind="custom"), 400,
         "invalid_field"),
        ("NULs in the body", "/e", text, b"\0\0\0\0", 400, "malformed"),
        ("invalid UTF-8", "/e", text,
         good.encode().replace(b"shop", b"sh\xff\xfe"), 400, "malformed"),
        ("half a surrogate", "/e", text,
         good.replace("shop", "\\ud800"), 400, "malformed"),
        ("10,000 nested arrays", "/e", text,
         hit(x=1)[:-2] + "[" * 10000 + "]" * 10000 + "}", 400, "malformed"),
        ("10,000 nested arrays in a batch", "/b", text,
         "[" * 10000 + "]" * 10000, 400, "malformed"),
        ("1 MiB to /e", "/e", text, "x" * (1 << 20), 413, "too_large"),
        ("more than 1 MiB to /b", "/b", text, "x" * ((1 << 20) + 1), 413,
         "too_large"),
        ("little that unpacks to much", "/e",
         {**text, "Content-Encoding": "gzip"}, gzip.compress(b" " * (1 << 22)),
         413, "too_large"),
        ("a gzip that is cut", "/e", {**text, "Content-Encoding": "gzip"},
         gzip.compress(good.encode())[:-9], 400, "malformed"),
        ("an encoding that there is not", "/e",
         {**text, "Content-Encoding": "rot13"}, good, 415,
         "unsupported_encoding"),
        ("a content type that is not ours", "/e",
         {"Content-Type": "text/xml"}, good, 415, "unsupported_media_type"),
        ("a batch of none", "/b", text, "[]", 400, "empty_batch"),
        ("a batch of 1,001", "/b", text,
         json.dumps([{"site": site, "url": URL}] * 1001), 400,
         "too_many_hits"),
        ("an unknown site", "/e", text,
         json.dumps({"site": "nosuchsite", "url": URL}), 404, "unknown_site"),
        ("an unknown path", "/nothing", text, good, 404, "not_found"),
    ]


def test_bad_input_gets_its_code_and_a_counted_reason_and_its_neighbours_are_stored():
    site = stack.new_site("bad")
    sender = Sender()
    good = {"site": site, "url": URL}
    stack.until("the site is known", lambda: sender.send(good)[0] == 202)
    wrong = []
    for number, (what, path, headers, body, status, result) in enumerate(
            cases(site)):
        before = requests_total(result)
        got = sender.request("POST", path, body, headers)
        said = got[1].get("X-Pawprint-Result")
        counted = requests_total(result) - before
        if (got[0], said, counted) != (status, result, 1):
            wrong.append((what, got[0], said, counted))
        assert sender.send({**good, "id": f"beside-{number}"})[0] == 202
    assert not wrong, wrong
    count = len(cases(site))
    stack.until("the neighbours are stored", lambda: count == stack.count(
        "SELECT uniqExact(event_id) FROM events WHERE "
        f"site_id = '{site}' AND startsWith(event_id, 'beside-')"))
    return f"{count} kinds"


def test_one_bad_hit_of_a_batch_fails_no_other():
    site = stack.new_site("batch")
    sender = Sender()
    good = {"site": site, "url": URL}
    stack.until("the site is known", lambda: sender.send(good)[0] == 202)
    status, answer = sender.send([
        {**good, "id": "first"}, {**good, "url": 7}, 7, {"url": URL},
        {**good, "site": "nosuchsite"}, {**good, "id": "last"}])
    assert status == 202 and answer["accepted"] == 2, answer
    assert answer["refused"] == [
        {"index": 1, "reason": "malformed"},
        {"index": 2, "reason": "malformed"},
        {"index": 3, "reason": "missing_field"},
        {"index": 4, "reason": "unknown_site"}], answer
    stack.until("both are stored", lambda: stack.clickhouse(
        f"SELECT event_id FROM events WHERE site_id = '{site}' AND event_id "
        "IN ('first', 'last') ORDER BY 1") == [["first"], ["last"]])


def test_a_slow_client_is_cut_off_and_holds_nobody_up():
    place = urllib.parse.urlsplit(stack.collector())
    site = stack.new_site("slow")
    sender = Sender()
    good = {"site": site, "url": URL}
    stack.until("the site is known", lambda: sender.send(good)[0] == 202)
    answers, before = [], requests_total("timeout")

    def crawl():
        with socket.create_connection((place.hostname, place.port)) as line:
            line.sendall(b"POST /e HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Type: text/plain\r\nContent-Length: 500\r\n\r\n")
            line.settimeout(1)
            for _ in range(40):  # a byte a second would take 500 s
                try:
                    line.sendall(b"x")
                    answers.append(line.recv(4096))
                    return
                except socket.timeout:
                    continue
                except OSError:
                    return

    slow = [threading.Thread(target=crawl) for _ in range(20)]
    for one in slow:
        one.start()
    took = []
    while any(one.is_alive() for one in slow):
        began = time.monotonic()
        assert sender.send(good)[0] == 202
        took.append(time.monotonic() - began)
        time.sleep(0.1)
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers), answers
    assert len(answers) == 20, len(answers)
    assert requests_total("timeout") - before == 20
    return f"slowest of {len(took)} others {max(took) * 1000:.0f} ms"
