"""How tests talk to the fake: as Stripe's customer over /v1, and by /_fake."""
import json
import urllib.error
import urllib.request

from stripe import form
from stripe.server import SECRET_KEY


class Refused(Exception):
    """An answer that is none of success: status, and Stripe's error."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body
        self.error = body.get("error", {}) if isinstance(body, dict) else {}


class Client:
    def __init__(self, url, key=SECRET_KEY, version=None):
        self.url, self.key, self.version = url, key, version
        self.headers = {}  # of the last answer

    def call(self, method, path, body=None, **headers):
        request = urllib.request.Request(
            self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.headers = answer.headers
                return json.loads(answer.read())
        except urllib.error.HTTPError as why:
            self.headers = why.headers
            raise Refused(why.code, json.loads(why.read())) from None

    def v1(self, method, path, key=None, **params):
        """path without /v1; params may be nested; key is of idempotency."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if self.version:
            headers["Stripe-Version"] = self.version
        if key:
            headers["Idempotency-Key"] = key
        text = form.encode(params)
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self.call(method, "/v1" + path, text.encode(), **headers)
        return self.call(method, f"/v1{path}{'?' + text if text else ''}",
                         **headers)

    def get(self, path, **params):
        return self.v1("GET", path, **params)

    def post(self, path, **params):
        return self.v1("POST", path, **params)

    def fake(self, path, **given):
        """A control that does something."""
        return self.call("POST", "/_fake" + path, json.dumps(given).encode())

    def look(self, path=""):
        """A control that only tells."""
        return self.call("GET", "/_fake" + path)
