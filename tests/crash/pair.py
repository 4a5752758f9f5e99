"""Two processes of billing beside the stack's fake Stripe, killed now and then,
also at named points."""
import contextlib
import pathlib
import signal
import subprocess
import time

from kit import billing, stack

POINTS = [f"B{n}" for n in range(1, 12)]
READY_S = 10  # whoever is not ready then is killed all the same
CALM = {"shuffle_ms": 0, "duplicate": 0, "drop": 0}


class Process:
    """One of billing, on a port that stays its own."""

    def __init__(self, number, settings):
        self.port, self.process = stack.free_port(), None
        self.crash = ""
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = stack.folder() / "log" / f"billing-{number}"
        self.settings = {"PAWPRINT_LIMIT_BILLING_READ": "off", **settings}

    def start(self, crash=""):
        self.crash = crash
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
    """Webhooks go to one that runs, as behind a proxy. `kills` counts their
    deaths, `met` the points at which they died."""

    def __init__(self, stripe, **settings):
        self.stripe, self.dice, self.points = stripe, None, []
        self.kills, self.met = 0, set()
        self.processes = [Process(n, settings) for n in range(2)]
        self.url = self.processes[0].url
        secret = pathlib.Path(stack.address(
            "PAWPRINT_STRIPE_SECRETS")).read_text(encoding="ascii").split()[1]
        stripe.fake("/endpoint", secrets=[secret])

    def begin(self, dice):
        """Another round, all points before it."""
        self.dice, self.points, self.kills, self.met = dice, [], 0, set()
        self.all_run()

    def stop(self):
        for one in self.processes:
            one.kill(signal.SIGTERM)

    def all_run(self):
        for one in self.processes:
            if not one.runs():
                one.start()
            one.await_ready()
        self.lead_to(self.processes[0])

    def lead_to(self, one):
        self.stripe.fake("/endpoint", url=one.url + "/webhooks/stripe")

    # --- deaths ------------------------------------------------------------

    def bury(self, one):
        """Its jobs are free at once, for others to meet their points, too; by
        themselves they would be after half a minute."""
        self.kills += 1
        with contextlib.suppress(AssertionError):  # Postgres is away
            stack.postgres("UPDATE job_run SET lease_until = pp_now() WHERE "
                           "state = 'running' AND worker LIKE "
                           f"'%:{one.process.pid}'")

    def start_dead(self):
        """Those that died at a point by themselves."""
        for one, other in zip(self.processes, reversed(self.processes)):
            if not one.runs():
                self.lead_to(other)
                if one.crash and one.process.returncode == -signal.SIGKILL:
                    self.met.add(one.crash.partition(":")[0])
                self.bury(one)
                one.start(self.next_point())

    def next_point(self):
        """One that was not met yet, while there is any."""
        if not self.points:
            left = [one for one in POINTS if one not in self.met] or POINTS
            self.points = self.dice.sample(left, len(left))
        return f"{self.points.pop()}:{self.dice.randint(1, 3)}"

    def kill_one(self):
        """As soon as the other is there. It comes back at once, to die at a
        point."""
        victim, other = self.dice.sample(self.processes, 2)
        end = time.monotonic() + READY_S
        while not billing.is_ready(other.url) and time.monotonic() < end:
            time.sleep(0.05)
            self.start_dead()
        self.lead_to(other)
        victim.kill(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        self.bury(victim)
        victim.start(self.next_point())

    def settle(self):
        """A point that was not met yet is left."""
        for one in self.processes:
            one.kill()
            self.bury(one)
        self.all_run()
