#!/usr/bin/env python3
"""An incoming webhook of Slack that keeps what it is told.

    slack.py PORT FOLDER [--address IPV4]

Each message becomes a file FOLDER/NUMBER.json, whatever path it came by.
"""
import argparse
import http.server
import itertools
import pathlib


class Webhook(http.server.BaseHTTPRequestHandler):
    folder = None
    numbers = itertools.count(1)

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        new = self.folder / f"{next(self.numbers):06d}.new"
        new.write_bytes(body)
        new.rename(new.with_suffix(".json"))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--address", default="127.0.0.1")
    given = parser.parse_args()
    Webhook.folder = given.folder
    http.server.HTTPServer((given.address, given.port), Webhook).serve_forever()


if __name__ == "__main__":
    main()
