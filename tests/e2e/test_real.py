"""Rows are those of the real thing: what the published test data say of a
user agent, a referrer or an address is what stands in ClickHouse."""
import ipaddress

from kit import stack
from kit.hits import Sender


def rows_of(path):
    lines = (stack.ROOT / path).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines
            if line and not line.startswith("#")]


def stored(site, expected, columns):
    """Demands one row for each key of expected, with these columns."""
    sql = (f"SELECT event_id, {columns} FROM events "
           f"WHERE site_id = '{site}'")
    stack.until("all rows stored",
                lambda: len(stack.clickhouse(sql)) >= len(expected))
    got = {row[0]: row[1:] for row in stack.clickhouse(sql)}
    wrong = {key: (want, got.get(key)) for key, want in expected.items()
             if got.get(key) != want}
    assert not wrong, f"{len(wrong)} of {len(expected)}: {list(wrong.items())[:3]}"
    return f"{len(expected)} rows"


def known_site(name):
    site = stack.new_site(name)
    sender = Sender()
    hit = {"site": site, "url": "https://shop.example/", "id": "known"}
    stack.until("the site is known", lambda: sender.send(hit)[0] == 202)
    return site, sender


def test_user_agents_come_out_as_uap_core_says():
    site, sender = known_site("agents")
    expected = {}
    for number, row in enumerate(rows_of("tests/data/uap/vectors.tsv")):
        browser, version, system, bot, agent = row
        hit = {"site": site, "url": "https://shop.example/", "id": str(number)}
        status, _ = sender.send(hit, agent=agent)
        assert status == 202, status
        expected[str(number)] = [browser, version, system, bot]
    return stored(site, expected, "browser, browser_version, os, bot")


def test_referrers_come_out_as_the_referrer_list_says():
    site, sender = known_site("referrers")
    expected = {}
    for number, row in enumerate(rows_of("tests/data/referrers/vectors.tsv")):
        referrer, page, source = row[:3]
        if not referrer.startswith("http") or len(referrer) > 2048:
            continue
        hit = {"site": site, "url": page or "https://shop.example/",
               "referrer": referrer, "id": str(number)}
        status, _ = sender.send(hit)
        assert status == 202, (status, row)
        expected[str(number)] = [source]
    return stored(site, expected, "source")


def test_addresses_come_out_as_the_country_table_says():
    site, sender = known_site("addresses")
    expected = {}
    for number, (text, country) in enumerate(
            rows_of("tests/data/geo/vectors.tsv")):
        address = ipaddress.ip_address(text)
        kept = 24 if address.version == 4 else 48
        if ipaddress.ip_network(f"{text}/{kept}", False)[0] != address:
            continue  # of a network smaller than what is kept of an address
        hit = {"site": site, "url": "https://shop.example/", "id": str(number)}
        status, _ = sender.send(hit, address=text)
        assert status == 202, status
        expected[str(number)] = [country]
    return stored(site, expected, "country")
