"""A real Prometheus and a real Alertmanager with our configuration.

Every service runs, with nothing there that it would work with. Takes about two
minutes, so it runs only when it is asked for: tests/ops/run live.
"""
import contextlib
import http.server
import json
import os
import pathlib
import signal
import socketserver
import subprocess
import tempfile
import threading
import time

import yaml

from kit.stack import free_port
from ops import HERE, ROOT, NotRun, metrics

TOOLS = ROOT / "build/tools"
got = {"slack": [], "mail": []}


class Slack(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        got["slack"].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                text = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    text += line
                got["mail"].append(text.decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


@contextlib.contextmanager
def running(*command, env=None, log=None):
    with subprocess.Popen([*map(str, command)], env=env, cwd=ROOT, stdout=log,
                          stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def configure(folder, targets, alertmanager):
    """Ours, but for where others are; and quick."""
    config = yaml.safe_load((HERE / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(HERE / "rules/*.yaml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    scrape = config["scrape_configs"][0]
    del scrape["dns_sd_configs"], scrape["relabel_configs"]
    scrape["static_configs"] = [{"targets": [f"127.0.0.1:{port}"], "labels": {"service": name}}
                                for name, port in targets.items()]
    (folder / "prometheus.yaml").write_text(json.dumps(config))

    config = yaml.safe_load((HERE / "alertmanager.yaml").read_text())
    (folder / "slack_url").write_text(
        f"http://127.0.0.1:{serve(http.server.HTTPServer(('127.0.0.1', 0), Slack))}/")
    config["global"]["slack_api_url_file"] = str(folder / "slack_url")
    mail = serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail))
    config["global"]["smtp_smarthost"] = f"127.0.0.1:{mail}"
    config["route"] |= {"group_wait": "1s", "group_interval": "2s"}
    (folder / "alertmanager.yaml").write_text(json.dumps(config))


def told(word):
    """Whether Slack and mail heard of the relay, as firing or resolved."""
    title = f"{word} page: PawprintRelayNoneActive"
    return (any(title in one["attachments"][0]["title"] and one["channel"] == "#alerts"
                for one in got["slack"]),
            any(f"Subject: {title}" in one for one in got["mail"]))


def wait_until(what, question, limit_s):
    began = time.monotonic()
    while question() != (True, True):
        assert time.monotonic() - began < limit_s, f"not within {limit_s} s: {what}: {question()}"
        time.sleep(0.2)
    print(f"       {what}, told after {time.monotonic() - began:.0f} s", flush=True)


def start_all(stack, folder, log):
    """Gives the process of each service."""
    ports = {service: free_port() for service in metrics.services()}
    alertmanager = f"127.0.0.1:{free_port()}"
    configure(folder, ports, alertmanager)
    processes = {}
    for service, port in ports.items():
        processes[service] = stack.enter_context(running(
            pathlib.Path(os.environ["PAWPRINT_BIN"]) / service, log=subprocess.DEVNULL,
            env=metrics.SETTINGS | {"PAWPRINT_INTERNAL_PORT": str(port)}))
    # It wants its templates in /usr/share, where nobody has installed them.
    stack.enter_context(running(
        "unshare", "-m", "sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"',
        TOOLS / "share", TOOLS / "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yaml",
        f"--storage.path={folder}/alerts", f"--web.listen-address={alertmanager}",
        "--cluster.listen-address=", log=log))
    stack.enter_context(running(
        TOOLS / "prometheus", f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/series",
        f"--web.listen-address=127.0.0.1:{free_port()}", log=log))
    return processes


def test_a_page_is_told_in_slack_and_by_mail_and_so_is_its_end():
    for name in ("prometheus", "prometheus-alertmanager"):
        if not (TOOLS / name).exists():
            raise NotRun(f"{name} is not there; tests/ops/tools --live says why")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        log = stack.enter_context(open(folder / "log", "w+", encoding="utf-8"))
        relay = start_all(stack, folder, log)["relay"]
        try:
            wait_until("the relay, which has no Postgres, works for nobody",
                       lambda: told("FIRING"), 100)
            relay.send_signal(signal.SIGKILL)
            wait_until("that is over, as there is no relay any more",
                       lambda: told("RESOLVED"), 60)
        except AssertionError:
            log.seek(0)
            print(log.read()[-6000:])
            raise
    return f"{len(got['slack'])} messages in Slack, {len(got['mail'])} mails"
