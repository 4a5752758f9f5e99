"""A copy of each request for the real stripe-mock, which knows Stripe's OpenAPI
and refuses what is not in it. Its own answers are thrown away.
"""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import time

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / \
    "build/stripe/bin/stripe-mock"
SOCKET = "stripe-mock.sock"


class OverSocket(http.client.HTTPConnection):
    """HTTP over a socket of Unix."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Mock:
    """stripe-mock at work, until stop() or the end of this process; its socket
    `path`."""

    def __init__(self, folder, program=PROGRAM):
        self.log = os.path.join(folder, "stripe-mock.log")
        # A socket's path has to be short: both sides reach it by the folder.
        self.folder = os.open(folder, os.O_PATH)
        self.path = f"/proc/self/fd/{self.folder}/{SOCKET}"
        if os.path.exists(self.path):
            os.unlink(self.path)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, "-http-unix", SOCKET],
                cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        for _ in range(1200):  # a minute; a busy machine starts nothing at once
            try:
                OverSocket(self.path).connect()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"stripe-mock did not start; see {self.log}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        os.close(self.folder)


class Mirror:
    """`refused`: what stripe-mock said no to; `forwarded`: how many it saw."""

    def __init__(self, path=None):
        self.path, self.refused, self.forwarded = path, [], 0

    def clear(self):
        self.refused, self.forwarded = [], 0

    def send(self, method, target, headers, body):
        if self.path is None:
            return
        kept = {name: value for name, value in headers.items()
                if name.lower() in ("content-type", "idempotency-key")}
        # Any key of its form will do there; ours need not have that form.
        kept["Authorization"] = "Bearer sk_test_fake"
        try:
            connection = OverSocket(self.path)
            connection.request(method, target, body or None, kept)
            answer = connection.getresponse()
            status, said = answer.status, answer.read()
            connection.close()
        except (OSError, http.client.HTTPException) as why:
            status, said = 0, str(why).encode()
        self.forwarded += 1
        if not 200 <= status < 300:
            self.refused.append({
                "method": method, "target": target, "status": status,
                "body": body.decode("utf-8", "replace"),
                "client": headers.get("User-Agent"), "said": message_of(said)})


def message_of(said):
    try:
        return json.loads(said)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return said.decode("utf-8", "replace")[:500]
