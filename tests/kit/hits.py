"""Sends hits: one request after the other on a connection that stays open."""
import http.client
import json
import urllib.parse

from kit import stack


class Sender:
    """Plays the browsers behind one proxy of ours (PAWPRINT_TRUSTED_HOPS=1)."""

    def __init__(self, url=None, timeout=30):
        self.place = urllib.parse.urlsplit(url or stack.collector())
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body); a connection that was closed is renewed."""
        for last in (False, True):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(
                    self.place.hostname, self.place.port, timeout=self.timeout)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if fresh or last:
                    raise

    def send(self, hits, agent=None, address=None):
        """One hit to /e, a list of them to /b."""
        headers = {"Content-Type": "text/plain"}
        if agent is not None:
            headers["User-Agent"] = agent
        if address is not None:
            headers["X-Forwarded-For"] = address
        path = "/b" if isinstance(hits, list) else "/e"
        status, _, body = self.request("POST", path,
                                       json.dumps(hits).encode(), headers)
        return status, json.loads(body)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None
