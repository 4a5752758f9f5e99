"""A proxy in front of an HTTP server, that spoils one exchange on request.

    proxy = Proxy("http://127.0.0.1:8123")
    proxy.spoil(Fault("cut", share=0.5), lambda query: query.startswith("INSERT"))

Requests go to the server one by one, each on a connection of its own.
"""
import dataclasses
import socket
import socketserver
import threading
import urllib.parse


@dataclasses.dataclass
class Fault:
    """What happens to the next exchange that matches.

    kind    cut       the server gets `share` of the body, then both lose the other
            deaf      the server gets and does all; the answer never arrives
            truncate  as deaf, but the first bytes of a good answer arrive
            answer    `status`, `headers` and `body` instead of the server's,
                      which gets the request when `forward` is true
            slow      the answer comes `seconds` later
            hold      the request waits for release() on its way to the server
    before  called when the request has come, before any of it goes on
    middle  called when the server has what it is to get of the body
    """
    kind: str
    share: float = 1.0
    status: int = 200
    headers: tuple = ()
    body: bytes = b""
    forward: bool = False
    seconds: float = 0.0
    before: object = None
    middle: object = None
    held: threading.Event = dataclasses.field(default_factory=threading.Event)
    fired: threading.Event = dataclasses.field(default_factory=threading.Event)
    over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def release(self):
        self.held.set()


def read_head(file):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return None
        head += line
    return head


def header(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().decode()
    return ""


def read_body(file, head, of_answer):
    """Body as it is framed, so that it can be sent on as it is."""
    if header(head, b"transfer-encoding").lower() == "chunked":
        body = b""
        while True:
            line = file.readline()
            body += line
            size = int(line.split(b";")[0] or b"0", 16)
            body += file.read(size + 2)
            if size == 0:
                return body
    length = header(head, b"content-length")
    if length:
        return file.read(int(length))
    return file.read() if of_answer else b""


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while self.exchange():
                pass
        except OSError:
            pass

    def exchange(self):
        head = read_head(self.rfile)
        if head is None:
            return False
        body = read_body(self.rfile, head, False)
        target = urllib.parse.urlsplit(head.split(b" ")[1].decode())
        query = urllib.parse.parse_qs(target.query).get("query", [""])[0]
        fault = self.server.take(query or body.decode(errors="replace"))
        if fault is None:
            return self.relay(head, body)
        fault.fired.set()
        try:
            return self.spoil(fault, head, body)
        finally:
            fault.over.set()

    def upstream(self):
        connection = socket.create_connection(self.server.upstream, timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def relay(self, head, body, seconds=0.0):
        with self.upstream() as server:
            server.sendall(head + body)
            answer = server.makefile("rb")
            got = read_head(answer)
            if got is None:
                return False
            rest = read_body(answer, got, True)
        threading.Event().wait(seconds)
        self.wfile.write(got + rest)
        return b"connection: close" not in got.lower()

    def spoil(self, fault, head, body):
        if fault.before:
            fault.before()
        if fault.kind == "slow":
            return self.relay(head, body, fault.seconds)
        if fault.kind == "hold":
            fault.held.wait()
            with self.upstream() as server:
                server.sendall(head + body)
                server.settimeout(10)
                fault.body = server.recv(65536)
            return False
        if fault.kind == "cut":
            with self.upstream() as server:
                server.sendall(head + body[:int(len(body) * fault.share)])
                if fault.middle:
                    fault.middle()
            return False
        if fault.kind in ("deaf", "truncate") or fault.forward:
            with self.upstream() as server:
                server.sendall(head + body)
                if fault.middle:
                    fault.middle()
                else:
                    server.recv(65536)
        if fault.kind == "truncate":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nOk")
        if fault.kind == "answer":
            lines = [f"HTTP/1.1 {fault.status} said by the proxy",
                     f"Content-Length: {len(fault.body)}", *fault.headers]
            self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" +
                             fault.body)
        return False


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), Handler)
        place = urllib.parse.urlsplit(url)
        self.upstream = (place.hostname, place.port)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Lock()
        self.faults = []
        self.refused = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a connection that broke is what these tests are about

    def spoil(self, fault, matches):
        with self.lock:
            self.faults.append((fault, matches))
        return fault

    def heal(self):
        with self.lock:
            self.faults.clear()

    def take(self, query):
        with self.lock:
            for one in self.faults:
                if one[1](query):
                    self.faults.remove(one)
                    return one[0]
        return None
