"""Drives headless Chromium through chromedriver (W3C WebDriver)."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from kit import stack


def missing():
    """Which programs are not there, or nothing."""
    return [name for name in ("chromium", "chromedriver")
            if not shutil.which(name)]


class Browser:
    """`with Browser() as browser:`; a window of its own, nothing kept."""

    def __init__(self, agent=None):
        self.port = stack.free_port()
        self.folder = tempfile.mkdtemp(prefix="pawprint-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.port}", "--allowed-ips=127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": self.folder, "HOME": self.folder})
        self.session = None
        arguments = ["--headless", "--no-sandbox", "--disable-gpu",
                     "--disable-dev-shm-usage", "--window-size=1280,900",
                     "--disable-background-networking",
                     "--disable-component-update"]
        if agent:
            arguments.append(f"--user-agent={agent}")
        options = {"binary": shutil.which("chromium"), "args": arguments}
        wanted = {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}}
        try:
            self.session = "/session/" + self.first(wanted)["sessionId"]
        except Exception:
            self.close()
            raise

    def first(self, wanted):
        end = time.monotonic() + 30
        while True:
            try:
                return self.call("POST", "/session", wanted)
            except (urllib.error.URLError, ConnectionError):
                if self.driver.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, method=method,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            why = json.loads(error.read())["value"]["message"]
            raise RuntimeError(why) from None

    def open(self, url):
        self.call("POST", self.session + "/url", {"url": url})

    def be_a_phone(self, width, height):
        """A screen of so many pixels, also where no window is so small."""
        self.call("POST", self.session + "/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride", "params": {
                "width": width, "height": height, "deviceScaleFactor": 1,
                "mobile": True}})

    def prefer(self, scheme):
        """What the system asks of pages: light or dark."""
        self.call("POST", self.session + "/goog/cdp/execute", {
            "cmd": "Emulation.setEmulatedMedia", "params": {"features": [
                {"name": "prefers-color-scheme", "value": scheme}]}})

    def run(self, script, *arguments):
        """The value that the page's JavaScript returns."""
        return self.call("POST", self.session + "/execute/sync",
                         {"script": script, "args": list(arguments)})

    def click(self, selector):
        element = self.call("POST", self.session + "/element",
                            {"using": "css selector", "value": selector})
        self.call("POST", f"{self.session}/element/"
                  f"{next(iter(element.values()))}/click", {})

    def back(self):
        self.call("POST", self.session + "/back", {})

    def cookies(self):
        return self.call("GET", self.session + "/cookie")

    def log(self):
        """What the page wrote on its console, errors among it."""
        return self.call("POST", self.session + "/se/log", {"type": "browser"})

    def leave(self):
        """Away from the page, as a visitor goes: its last hits are sent."""
        self.open("about:blank")

    def picture(self):
        return self.call("GET", self.session + "/screenshot")

    def close(self):
        if self.session:
            self.call("DELETE", self.session)
        self.session = None
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
