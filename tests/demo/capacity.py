"""An account runs over its plan: a mail, time to decide, 402, then it pays.

    python3 -m demo.capacity    from the folder tests, addresses in the environment

All of it is what the services do. Only the week of grace is cut to nothing, by
an override, and what the meter does once a minute is done at once.
"""
import email
import email.policy
import json
import pathlib
import subprocess
import time
import uuid

from demo import billing
from kit import stack
from kit.hits import Sender

URL = "https://small.example/"
AGENT = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
         "Firefox/128.0")
BATCH = 500


def meter_does(*words):
    subprocess.run([stack.ROOT / "build/bin/capacity", *words], check=True,
                   stdout=subprocess.DEVNULL)


class Shop:
    """An account with one site, and its visitors."""

    def __init__(self):
        self.mail = f"owner-{uuid.uuid4().hex[:6]}@small.example"
        self.id = stack.pawprint("account", "create", "--name", "Small shop",
                                 "--mail", self.mail)["account"]
        self.site = stack.pawprint("site", "create", "--account", self.id,
                                   "--name", "Small shop")["site"]
        self.sender = Sender()
        stack.until("the site is known", lambda: self.hit()[0] == 202)

    def hit(self):
        status, headers, _ = self.sender.request(
            "POST", "/e", json.dumps({"site": self.site, "url": URL}).encode(),
            {"Content-Type": "text/plain", "User-Agent": AGENT})
        return status, headers

    def shown(self):
        return stack.pawprint("capacity", "show", self.id)

    def use_up(self):
        for _ in range(0, self.shown()["limit"], BATCH):
            hits = [{"site": self.site, "url": URL}] * BATCH
            status, answer = self.sender.send(hits, AGENT)
            assert status == 202 and answer["accepted"] == BATCH, answer

    def received(self):
        """The last mail to its owner, or None."""
        folder = pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))
        for path in sorted(folder.glob("*.eml"), reverse=True):
            mail = email.message_from_bytes(path.read_bytes(),
                                            policy=email.policy.default)
            if mail["X-Envelope-To"] == self.mail:
                return mail
        return None


def runs_over(shop):
    limit = shop.shown()["limit"]
    shop.use_up()
    began = time.monotonic()
    mail = stack.until("the mail has come", shop.received)
    print(f"plan {shop.shown()['plan']}: {limit:,} page views a month; as many "
          f"were sent, and {time.monotonic() - began:.1f} s later in the mailbox:\n")
    print(f"    To: {mail['To']}\n    Subject: {mail['Subject']}\n")
    text = mail.get_body(("plain",)).get_content().splitlines()
    print("\n".join("    " + line for line in text
                    if line.startswith("  ") and ":" in line), "\n")
    print(f"in {shop.shown()['state']}: a hit is answered {shop.hit()[0]}")


def is_refused(shop):
    stack.until("it is written down that the mail was handed over",
                lambda: stack.pawprint("notify", "list", "--account", shop.id,
                                       "--state", "sent"))
    meter_does("tick")
    stack.pawprint("usage", "reconcile", "--wait", "60")
    meter_does("confirm", shop.id)
    stack.until("it is refused", lambda: shop.hit()[0] == 402)
    status, headers = shop.hit()
    print(f"the grace is over, and ClickHouse confirms the count: {status} "
          f"{headers['X-Pawprint-Result']}, Retry-After: "
          f"{headers['Retry-After']} s")


def main():
    shop = Shop()
    stack.pawprint("capacity", "override", shop.id, "--grace-days", "0",
                   "--reason", "a demo has no week")
    runs_over(shop)
    is_refused(shop)
    billing.upgrades(shop)


main()
