"""Two processes of billing beside the stack's fake Stripe, killed now and then,
also at named points."""
import pathlib
import signal
import subprocess
import time

from kit import billing, stack

POINTS = [f"B{n}" for n in range(1, 12)]
CALM = {"shuffle_ms": 0, "duplicate": 0, "drop": 0}


class Process:
    """One of billing, on a port that stays its own."""

    def __init__(self, number, settings):
        self.port, self.process = billing.free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = stack.folder() / "log" / f"billing-{number}"
        self.settings = {"PAWPRINT_LIMIT_BILLING_READ": "off", **settings}

    def start(self, crash=""):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [stack.ROOT / "build/bin/billing"], stdout=log, stderr=log,
                env={**billing.environment(self.port, self.settings),
                     "PAWPRINT_CRASH": crash})

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, how=signal.SIGKILL):
        if self.runs():
            self.process.send_signal(how)
            self.process.wait(60)

    def await_ready(self):
        stack.until("billing answers", lambda: billing.is_ready(self.url))


class Pair:
    """The first takes the webhooks. `kills` counts their deaths."""

    def __init__(self, stripe, **settings):
        self.dice, self.points, self.kills = None, [], 0
        self.processes = [Process(n, settings) for n in range(2)]
        self.url = self.processes[0].url
        secret = pathlib.Path(stack.address(
            "PAWPRINT_STRIPE_SECRETS")).read_text(encoding="ascii").split()[1]
        stripe.fake("/endpoint", secrets=[secret],
                    url=self.url + "/webhooks/stripe")

    def begin(self, dice):
        """Another round, all points before it."""
        self.dice, self.points, self.kills = dice, [], 0
        self.all_run()

    def stop(self):
        for one in self.processes:
            one.kill(signal.SIGTERM)

    def all_run(self):
        for one in self.processes:
            if not one.runs():
                one.start()
            one.await_ready()

    def start_dead(self):
        """Those that died at a point by themselves."""
        for one in self.processes:
            if not one.runs():
                self.kills += 1
                one.start()

    def kill_one(self):
        """It comes back at once, mostly to die at a point."""
        victim = self.dice.choice(self.processes)
        victim.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        self.kills += 1
        crash = ""
        if self.dice.random() < 0.8:
            if not self.points:
                self.points = self.dice.sample(POINTS, len(POINTS))
            crash = f"{self.points.pop()}:{self.dice.randint(1, 4)}"
        victim.start(crash)

    def settle(self):
        """A point that was not met yet is left."""
        for one in self.processes:
            one.kill()
        self.all_run()
