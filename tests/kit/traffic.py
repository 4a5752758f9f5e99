"""Made-up visits of made-up people with real user agents and referrers.

The same seed gives the same visits. User agents and referrers are the
published test data under tests/data; addresses are any public ones.
"""
import ipaddress
import random
import time

from kit import stack

PAGES = ["/", "/kettles", "/cups", "/kettles/blue", "/cups/large", "/journal",
         "/journal/water", "/shop/cart", "/contact"]
CAMPAIGNS = ["", "", "", "", "", "?utm_source=newsletter&utm_medium=email",
             "?utm_source=google&utm_medium=cpc&utm_campaign=autumn"]
ROBOTS = 0.12  # of all visits
DAY_MS = 24 * 60 * 60 * 1000


def column(path, index):
    lines = (stack.ROOT / path).read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[index] for line in lines
            if line and not line.startswith("#")]


def public_address(dice):
    while True:
        address = ipaddress.IPv4Address(dice.getrandbits(32))
        if address.is_global and not address.is_multicast:
            return str(address)


def visits(site, count, seed=1, host="https://shop.example"):
    """Yields (hits, user agent, address) of a visit each, over the last day."""
    dice = random.Random(seed)
    agents = [[], []]  # of people, of robots
    for robot, agent in zip(column("tests/data/uap/vectors.tsv", 3),
                            column("tests/data/uap/vectors.tsv", 4)):
        agents[int(robot)].append(agent)
    referrers = [one for one in column("tests/data/referrers/vectors.tsv", 0)
                 if one.startswith("http") and len(one) < 500]
    for number in range(count):
        at = int(time.time() * 1000) - dice.randrange(DAY_MS)
        before = dice.choice(referrers) if dice.random() < 0.6 else ""
        campaign = dice.choice(CAMPAIGNS)
        hits = []
        for page in range(min(1 + int(dice.expovariate(0.6)), 8)):
            url = host + dice.choice(PAGES) + campaign
            first_byte = int(dice.lognormvariate(5, 0.5))
            load = first_byte + int(dice.lognormvariate(6.5, 0.6))
            common = {"site": site, "url": url, "at": at, "screen": 1440}
            key = f"{seed}-{number}-{page}"
            hits.append({**common, "id": key, "kind": "pageview",
                         "referrer": before})
            hits.append({**common, "id": key + "t", "kind": "timing",
                         "ttfb": first_byte, "dom": (first_byte + load) // 2,
                         "load": load})
            for name, value in (("LCP", load * 0.9), ("CLS", dice.random() / 5),
                                ("INP", dice.lognormvariate(4.5, 0.6))):
                hits.append({**common, "id": key + name, "kind": "vital",
                             "name": name, "value": round(value, 4)})
            at = min(at + dice.randrange(5000, 120000),
                     int(time.time() * 1000))
            before, campaign = url, ""
        if dice.random() < 0.1:
            hits.append({**common, "id": f"{seed}-{number}-s",
                         "kind": "custom", "name": "signup", "at": at,
                         "props": {"plan": dice.choice(["free", "team"])}})
        agent = dice.choice(agents[dice.random() < ROBOTS])
        yield hits, agent, public_address(dice)
