"""compose.dev.yaml, as somebody has it who works on Pawprint: everything is made
of this checkout, the backends are within reach, and mail comes to Mailpit."""
import json
import re
import socket
import urllib.request
import uuid

from compose.kit import SERVICES, compose, containers, docker, tag
from compose.load import health
from kit import stack
from kit.stack import clickhouse, postgres

BACKENDS = ["clickhouse", "kafka", "mail", "postgres", "valkey"]


def port(name):
    return int(stack.address(f"PAWPRINT_DEV_{name}_PORT"))


def test_what_compose_has_built_runs_and_is_well():
    for name in BACKENDS + SERVICES:
        one, = containers(name)
        assert health(one) == "healthy", name
        if name in SERVICES:
            image = docker("inspect", "-f", "{{.Config.Image}}", one).strip()
            assert image == f"pawprint/{name}:{tag()}", image


def test_every_backend_answers_on_loopback():
    assert postgres("SELECT count(*) FROM installation") == "1"
    assert clickhouse("SELECT count() > 0 FROM system.tables WHERE database = "
                      "'pawprint'") == [["1"]]
    with socket.create_connection(("127.0.0.1", port("VALKEY"))) as valkey:
        valkey.sendall(b"PING\r\n")
        assert valkey.recv(100) == b"+PONG\r\n"
    # It finds every partition's leader, and what is in it.
    stack.pawprint("prove", "topics")


def test_a_hit_goes_in_and_its_row_comes_out():
    done = stack.pawprint("try", "--wait", "60")
    told = json.loads(compose("run", "--rm", "pawprint", "try", "--wait", "60",
                              "--json"))
    return (f"stored after {done['stored_ms']} ms; from within, "
            f"{told['stored_ms']} ms")


# --- mail ------------------------------------------------------------------
def mailpit(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port('MAIL')}{path}",
                                timeout=10) as answer:
        return answer.read().decode()


def mails(owner):
    return [one for one in
            json.loads(mailpit("/api/v1/messages"))["messages"]
            if owner in [to["Address"] for to in one["To"]]]


def test_a_mail_of_the_notifier_is_in_mailpit_and_can_be_read_there():
    owner = f"{uuid.uuid4().hex[:8]}@example.com"
    account = stack.pawprint("account", "create", "--name", "Kettles & cups",
                             "--mail", owner)["account"]
    site = stack.pawprint("site", "create", "--account", account, "--name",
                          "kettles.example")["site"]
    alert = stack.pawprint("alert", "add", site, "no_data")["alert"]
    stack.pawprint("alert", "test", str(alert))
    mail, = stack.until("it comes", lambda: mails(owner))
    assert mail["From"] == {"Name": "Pawprint",
                            "Address": "no-reply@pawprint.example"}, mail
    text = json.loads(mailpit(f"/api/v1/message/{mail['ID']}"))["Text"]
    assert "kettles.example" in text, text
    page = mailpit("/")
    script = re.search(r'src="([^"]+/app\.js[^"]*)"', page).group(1)
    assert len(mailpit(script)) > 100000, "its page has no script"
    return mail["Subject"]


# --- logs ------------------------------------------------------------------
def levels(service):
    """Of what it has said."""
    return set(re.findall(r'"level":"(\w+)"', compose(
        "logs", "--no-color", "--no-log-prefix", service)))


def test_logs_are_at_debug_level():
    for name in SERVICES:
        assert "PAWPRINT_LOG_LEVEL=debug\n" in docker(
            "inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}",
            *containers(name)), name
    # By now these have done what they speak of only at that level.
    for name in ("relay", "writer"):
        assert "debug" in levels(name), levels(name)
