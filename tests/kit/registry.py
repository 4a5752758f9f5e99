"""A schema registry as far as we ask one: a number for each schema.

A fake, as none can be had from the registries of packages that we use.
[Confluent Schema Registry API, POST /subjects/(subject)/versions]
"""
import http.server
import json
import threading


class Registry:
    """`url` to ask it by; `subjects`: who registered what, with which number."""

    def __init__(self):
        self.subjects, self.numbers = {}, {}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                schema = json.loads(self.rfile.read(length))["schema"]
                json.loads(schema)
                subject = self.path.split("/")[2]
                number = registry.numbers.setdefault(
                    schema, 70 + len(registry.numbers))
                registry.subjects[subject] = number
                body = json.dumps({"id": number}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
