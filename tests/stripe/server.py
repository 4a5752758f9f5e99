"""The fake over HTTP: /v1 for the service under test, /_fake for the test."""
import http.server
import json
import sys
import threading

from stripe import form
from stripe.api import Api
from stripe.checkout import Checkout
from stripe.control import Control
from stripe.desk import Desk
from stripe.errors import StripeError, invalid
from stripe.faults import HangUp
from stripe.invoices import Invoices
from stripe.mirror import Mirror
from stripe.pages import Pages
from stripe.sender import Sender
from stripe.subscriptions import Subscriptions
from stripe.world import World

MOST_BYTES = 1 << 20
SECRET_KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_of_a_fake_stripe_on_loopback"


def as_text(body):
    try:
        return body.decode()
    except UnicodeDecodeError as why:
        raise invalid("The body is not UTF-8") from why


def as_json(body):
    """The object of a control; {} where nothing was said."""
    try:
        given = json.loads(body or b"{}")
    except ValueError as why:
        raise invalid("The body is not JSON") from why
    if not isinstance(given, dict):
        raise invalid("The body is not an object")
    return given


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits for its head's ACK
    timeout = 60

    def do_GET(self):
        try:
            self.answer(self.body())
        except StripeError as why:
            self.say_json(why.status, why.headers, why.body)
        except HangUp:
            self.close_connection = True

    def body(self):
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            raise invalid(f"A body has at most {MOST_BYTES} bytes, and says "
                          "its length", status=413)
        return self.rfile.read(int(length))

    def answer(self, body):
        fake, ask = self.server.fake, (self.command, self.path)
        if self.path.startswith(("/_fake/pay/", "/_fake/portal/")):
            self.say_page(*fake.pages.run(*ask, form.decode(as_text(body))))
        elif self.path == "/_fake" or self.path.startswith("/_fake/"):
            self.say_json(200, {}, fake.control.run(*ask, as_json(body)))
        else:
            self.say_json(*fake.desk.answer(*ask, self.headers, body))

    do_POST = do_DELETE = do_GET

    def say_json(self, status, headers, said):
        self.say(status, headers, json.dumps(said, indent=2).encode() + b"\n",
                 "application/json")

    def say_page(self, status, location, text):
        self.say(status, {"Location": location} if location else {},
                 text.encode(), "text/html; charset=utf-8")

    def say(self, status, headers, body, kind):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Whoever hangs up on us is not worth a trace; a fault of ours is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Fake:
    """A fake that serves from the moment it is made; `url` says where."""

    def __init__(self, port=0, mock=None, clock=None, secret_key=SECRET_KEY,
                 address="127.0.0.1"):
        self.world = World(clock)
        self.sender = Sender(self.world)
        invoices = Invoices(self.world)
        subscriptions = Subscriptions(self.world, invoices)
        checkout = Checkout(self.world, subscriptions, invoices)
        api = Api(self.world, invoices, subscriptions, checkout)
        self.desk = Desk(self.world, api, Mirror(mock), secret_key)
        self.control = Control(self.desk, checkout, self.sender)
        self.pages = Pages(self.world, api, checkout)
        self.server = Server((address, port), Handler)
        self.server.fake = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        checkout.url = self.url
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.sender.close()
