"""Containers made anew one after the other, with a collector beside the one of
compose.yaml, so that there always is one."""
import contextlib
import uuid

from compose.kit import compose, containers, docker
from kit import stack
from kit.load import Load

HITS_A_SECOND = 2000
IN_ONE = 50


def load_on(site, second):
    """Hits to both collectors."""
    return Load(site, uuid.uuid4().hex[:8], [stack.collector(), second.url],
                HITS_A_SECOND, IN_ONE)


class Second:
    """A collector on a port of its own."""

    def __init__(self):
        self.port = stack.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.container = None

    def start(self):
        self.stop()
        self.container = compose(
            "run", "-d", "--no-deps", "--name",
            f"pawprint-second-{uuid.uuid4().hex[:8]}", "-p",
            f"127.0.0.1:{self.port}:8080", "collector").split()[-1]
        stack.until("the second collector is well",
                    lambda: health(self.container) == "healthy", 60)

    def stop(self):
        if self.container:
            docker("stop", "-t", "45", self.container)
            docker("rm", "-f", self.container)
        self.container = None


@contextlib.contextmanager
def second_collector():
    second = Second()
    try:
        second.start()
        yield second
    finally:
        second.stop()


def health(container):
    return docker("inspect", "-f", "{{.State.Health.Status}}",
                  container).strip()


def is_well(service):
    return all(health(one) == "healthy" for one in containers(service))


def roll(service):
    """A new container in place of the old one, as an upgrade does it."""
    compose("up", "-d", "--no-deps", "--force-recreate", service)
    stack.until(f"{service} is well", lambda: is_well(service), 120)
