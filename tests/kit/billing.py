"""A process of billing beside the stack's fake Stripe, for tests of the two."""
import contextlib
import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

from e2e import NotRun
from kit import stack
from stripe.client import Client

BIN = pathlib.Path(os.environ.get("PAWPRINT_BIN", stack.ROOT / "build/bin"))


def stripe():
    """A client of the stack's fake."""
    return Client(stack.address("PAWPRINT_STRIPE_URL"),
                  stack.address("PAWPRINT_STRIPE_KEY"))


def environment(port, settings):
    dsn = stack.address("PAWPRINT_POSTGRES_DSN")
    return {**os.environ, "PAWPRINT_BILLING": "on",
            "PAWPRINT_BILLING_URL": f"http://127.0.0.1:{port}",
            "PAWPRINT_BILLING_ADDRESS": "127.0.0.1",
            "PAWPRINT_BILLING_PORT": str(port),
            "PAWPRINT_INTERNAL_PORT": str(stack.free_port()),
            "PAWPRINT_POSTGRES_DSN": dsn.replace("pawprint@",
                                                 "pawprint_billing@"),
            "PAWPRINT_LIMIT_BILLING": "off",
            "PAWPRINT_BILLING_SWEEP_SECONDS": "1", **settings}


def is_ready(url):
    try:
        with urllib.request.urlopen(url + "/nothing", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextlib.contextmanager
def running(**settings):
    """A process of the test's own, to which the fake sends its events; gives
    the URL."""
    if not (BIN / "billing").exists():
        raise NotRun("there is no service billing")
    port = stack.free_port()
    url = f"http://127.0.0.1:{port}"
    fake, secret = stripe(), pathlib.Path(
        stack.address("PAWPRINT_STRIPE_SECRETS")).read_text().split()[1]
    with (stack.folder() / "log/billing-of-a-test").open("ab") as log:
        process = subprocess.Popen(
            [BIN / "billing"], env=environment(port, settings), stdout=log,
            stderr=log, stdin=subprocess.DEVNULL)
    before = fake.look()["endpoint"]
    fake.fake("/endpoint", url=url + "/webhooks/stripe", secrets=[secret])
    try:
        stack.until("billing answers", lambda: is_ready(url))
        yield url
    finally:
        fake.fake("/endpoint", url=before)
        process.terminate()
        process.wait(30)


class Customer:
    """An account and its token, and what billing says to it."""

    def __init__(self, url, name="Kettles"):
        self.url = url
        self.account = stack.pawprint(
            "account", "create", "--name", name, "--mail",
            "owner@example.com")["account"]
        self.token = stack.pawprint("account", "token", "create", self.account,
                                    "--role", "owner")["token"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def checkout(self, plan="BASIC", interval="month"):
        """The id of the session that billing opened."""
        return self.call("POST", "/v1/billing/checkout", {
            "plan": plan, "interval": interval})["url"].rpartition("/")[2]

    def profile(self):
        return self.call("GET", "/v1/billing")

    def wait_for(self, plan):
        stack.until(f"the plan is {plan}",
                    lambda: self.profile()["plan"] == plan)
