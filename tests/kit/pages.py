"""Serves the demo's small site on loopback, each page with the script.

    python3 -m kit.pages PORT SITE COLLECTOR-URL     from the folder tests
"""
import http.server
import sys
import threading

from kit import stack

FOLDER = stack.ROOT / "tests/demo/site"


def snippet(site, collector):
    """What `pawprint site create` prints, for this collector."""
    return f'<script defer src="{collector}/s.js" data-site="{site}"></script>'


def handler_of(site, collector):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            name = self.path.split("?")[0].strip("/") or "index"
            name = "app" if name.startswith("app/") else name
            path = FOLDER / (name if "." in name else name + ".html")
            known = path.parent == FOLDER and path.is_file()
            text = path.read_text(encoding="utf-8") if known else "not found\n"
            body = text.replace("{{snippet}}", snippet(site, collector)).encode()
            kind = {".css": "css", ".html": "html"}.get(path.suffix, "plain")
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def server(site, collector, port=0):
    return http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                           handler_of(site, collector))


def serve(site, collector):
    """In the background, on a free port; gives the site's address."""
    one = server(site, collector)
    threading.Thread(target=one.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{one.server_port}"


if __name__ == "__main__":
    server(sys.argv[2], sys.argv[3], int(sys.argv[1])).serve_forever()
