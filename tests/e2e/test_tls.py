"""Connections that are encrypted and authenticated."""
import os
import pathlib
import subprocess
import time

from kit import stack
from kit.hits import Sender


def settings(password="paw", authority="ca.pem"):
    tls = stack.address("PAWPRINT_STACK_TLS")
    dsn = stack.address("PAWPRINT_POSTGRES_DSN")
    return {
        "PAWPRINT_KAFKA_BROKERS": stack.address("PAWPRINT_STACK_KAFKA_TLS"),
        "PAWPRINT_KAFKA_SECURITY": "sasl_ssl",
        "PAWPRINT_KAFKA_CA_FILE": f"{tls}/{authority}",
        "PAWPRINT_KAFKA_SASL_MECHANISM": "PLAIN",
        "PAWPRINT_KAFKA_USERNAME": "pawprint",
        "PAWPRINT_KAFKA_PASSWORD": password,
        "PAWPRINT_POSTGRES_DSN":
            f"{dsn}?sslmode=verify-full&sslrootcert={tls}/{authority}",
    }


def with_settings(values, work):
    """Every service anew with these settings, then again as before."""
    more = pathlib.Path(stack.address("PAWPRINT_STACK_DIR")) / "more"
    stack.services("down")
    more.write_text("".join(f"{name}='{value}'\n"
                            for name, value in values.items()), encoding="utf-8")
    try:
        return work()
    finally:
        stack.services("down")
        more.unlink()
        stack.services("up")


def test_a_hit_is_stored_over_tls_and_sasl():
    def work():
        stack.services("up")
        encrypted = stack.postgres(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING "
            "(pid) WHERE ssl AND usename = 'pawprint_relay'")
        assert int(encrypted) >= 1, "the relay's connection is not encrypted"
        site, sender = stack.new_site("tls"), Sender()
        hit = {"site": site, "url": "https://shop.example/", "id": "tls"}
        stack.until("taken", lambda: sender.send(hit)[0] == 202, 20)
        stack.until("stored", lambda: stack.count(
            f"SELECT count() FROM events WHERE site_id = '{site}'"), 30)

    with_settings(settings(), work)


def said_by(name, values):
    """What a service logs within some seconds of such a start."""
    with subprocess.Popen([stack.ROOT / "build/bin" / name], text=True,
                          env={**os.environ, **values}, cwd=stack.ROOT,
                          stdout=subprocess.PIPE) as process:
        time.sleep(5)
        process.terminate()
        return process.communicate()[0]


def test_a_wrong_authority_or_password_makes_no_service_ready():
    tls = pathlib.Path(stack.address("PAWPRINT_STACK_TLS"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-subj", "/CN=nobody", "-keyout", tls / "other.key",
                    "-out", tls / "other.pem"], check=True, capture_output=True)
    log = said_by("relay", settings(authority="other.pem"))
    assert "service.ready" not in log and "certificate" in log, log
    for wrong in (settings(password="wrong"), settings(authority="other.pem")):
        log = said_by("writer", wrong)
        assert "service.ready" not in log and "service.waits" in log, log
    assert "service.ready" in said_by("writer", settings())
