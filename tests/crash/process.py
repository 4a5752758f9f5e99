"""A service that a crash test starts, kills and starts again."""
import os
import signal
import subprocess

from kit import stack


class Process:
    """Not started yet. Settings are of the environment; crash is the named
    point at which it kills itself, "W6" or "W6:3"."""

    def __init__(self, service):
        self.service, self.process = service, None

    def settings(self):
        return {}

    def start(self, crash="", **more):
        settings = {"PAWPRINT_INTERNAL_PORT": "0", "PAWPRINT_CRASH": crash,
                    **self.settings(), **more}
        with (stack.folder() / "log" / self.service).open("ab") as log:
            self.process = subprocess.Popen(
                [stack.ROOT / "build/bin" / self.service], stdout=log,
                stderr=log, env={**os.environ, **settings})
        return self

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, how=signal.SIGKILL):
        if self.runs():
            self.process.send_signal(how)
            if how in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait(60)

    def await_death(self, seconds=60):
        """Waits for it to be killed; whoever exits by itself has failed."""
        code = self.process.wait(seconds)
        assert code == -signal.SIGKILL, f"the {self.service} ended with {code}"
