"""A real browser visits a small site; what it saw is what is stored."""
import time

from e2e import NotRun
from kit import browser, pages, stack
from kit.hits import Sender

PREFLIGHTS = 'pawprint_collector_requests_total{result="preflight"}'
NAVIGATION = """const e = performance.getEntriesByType('navigation')[0];
return {ttfb: e.responseStart, dom: e.domContentLoadedEventStart, load: e.loadEventEnd}"""
FCP = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# What the page itself sees of its vitals, next to the script.
WATCH_LCP = """return new Promise((done) => new PerformanceObserver(
(list) => done(list.getEntries().at(-1).startTime)).observe(
{type: 'largest-contentful-paint', buffered: true}))"""


def new_site():
    """(key, address) of a site that is served, where a browser can be had."""
    if browser.missing():
        raise NotRun(" and ".join(browser.missing()) + " can't be had here")
    site = stack.new_site("browser")
    hit = {"site": site, "url": "https://other.example/", "id": "known"}
    stack.until("site known", lambda: Sender().send(hit)[0] == 202)
    return site, pages.serve(site, stack.collector())


def views(site, path):
    return stack.count(f"SELECT count() FROM events WHERE site_id = '{site}' "
                       f"AND kind = 'pageview' AND pathname = '{path}'")


def visit():
    """Walks through the site; gives (site key, what the browser measured)."""
    site, home = new_site()
    seen = {}
    with browser.Browser() as window:
        def look(path):
            stack.until("loaded", lambda: window.run(NAVIGATION)["load"] > 0)
            stack.until("painted", lambda: window.run(FCP))
            seen[path] = {**window.run(NAVIGATION), "FCP": window.run(FCP),
                          "LCP": window.run(WATCH_LCP)}

        window.open(home + "/")
        look("/")
        window.click('a[href="/kettles"]')
        look("/kettles")
        window.click('a[href="/cups"]')
        look("/cups")
        window.click("#want")
        time.sleep(0.2)
        window.click('a[href="/app"]')
        look("/app")
        window.click("#cart")
        window.click("#pay")
        window.back()
        time.sleep(0.2)
        seen["cookies"] = window.cookies()
        seen["kept"] = window.run("return localStorage.length + "
                                  "sessionStorage.length")
        seen["complaints"] = window.log()
        window.leave()
        time.sleep(0.2)
    stack.until("the last vitals are stored", lambda: stack.count(
        f"SELECT count() FROM events WHERE site_id = '{site}' AND "
        "pathname = '/app' AND name = 'LCP'"))
    time.sleep(1.5)  # whatever came after them
    return site, seen


def test_a_visit_in_a_browser_is_stored_as_the_browser_saw_it():
    before = stack.metrics("collector")[PREFLIGHTS]
    site, seen = visit()
    where = f"FROM events WHERE site_id = '{site}' AND event_id != 'known'"

    views = stack.clickhouse(f"SELECT pathname {where} AND kind = 'pageview' "
                             "ORDER BY event_at")
    assert [row[0] for row in views] == [
        "/", "/kettles", "/cups", "/app", "/app/cart", "/app/till",
        "/app/cart"], views
    assert stack.count(f"SELECT uniqExact(visit_id) {where}") == 1
    custom = stack.clickhouse(f"SELECT name, pathname, props['cup'] {where} "
                              "AND kind = 'custom'")
    assert custom == [["wish", "/cups", "large"]], custom

    for path in ("/", "/kettles", "/cups", "/app"):
        times = stack.clickhouse(
            f"SELECT ttfb_ms, dom_ms, load_ms {where} AND kind = 'timing' "
            f"AND pathname = '{path}'")
        assert len(times) == 1, (path, times)
        for name, stored in zip(("ttfb", "dom", "load"), times[0]):
            assert abs(int(stored) - seen[path][name]) <= 1, (path, name)
        vitals = dict(stack.clickhouse(
            f"SELECT name, value {where} AND kind = 'vital' "
            f"AND pathname = '{path}'"))
        for name in ("FCP", "LCP"):
            assert abs(float(vitals[name]) - seen[path][name]) < 0.01, (path, name)
        assert abs(float(vitals["TTFB"]) - seen[path]["ttfb"]) < 0.01, path
        assert float(vitals["CLS"]) >= 0, path
        if path == "/cups":  # it was clicked on
            assert float(vitals["INP"]) > 0

    assert seen["cookies"] == [] and seen["kept"] == 0
    assert seen["complaints"] == [], seen["complaints"]
    assert stack.metrics("collector")[PREFLIGHTS] == before, "a preflight"


def test_a_hit_that_nobody_took_is_sent_again_and_counts_once():
    site, home = new_site()
    with browser.Browser() as window:
        window.open(home + "/app")
        stack.until("the page is stored", lambda: views(site, "/app"))
        stack.services("kill", "collector")
        window.click("#cart")
        time.sleep(1)
        stack.services("up", "collector")
        stack.until("it is sent again", lambda: views(site, "/app/cart"), 40)
        window.click("#pay")
        stack.until("the next is stored", lambda: views(site, "/app/till"), 40)
    assert views(site, "/app/cart") == 1


def test_a_page_that_carries_the_script_twice_is_seen_once():
    site, home = new_site()
    with browser.Browser() as window:
        window.open(home + "/kettles")
        window.run("""const first = document.querySelector('script[data-site]');
            const second = document.createElement('script');
            second.dataset.site = first.dataset.site;
            second.src = first.src + '?again';
            return new Promise((done) => { second.onload = () => done(1);
                document.head.append(second); });""")
        window.leave()
    stack.until("it is stored", lambda: views(site, "/kettles"))
    time.sleep(2)
    assert views(site, "/kettles") == 1
