"""From the build before to this one and back again, while hits come in: who
sends them notices nothing, and each is stored once."""
import os

from compose.kit import SERVICES, compose, containers, docker, tag
from compose.rolling import load_on, roll, second_collector
from compose.test_journeys import a_site, known

BETWEEN_S = 20


def are_of(build):
    """Every service runs the image of that build."""
    return all(docker("inspect", "-f", "{{.Config.Image}}", one).strip()
               .endswith(f":{build}") for name in SERVICES
               for one in containers(name))


def change_to(build, second):
    """As docs/deploy/upgrading.md says: the stores first, then each service."""
    os.environ["PAWPRINT_TAG"] = build
    for once in ("migrate", "topics", "roles"):
        compose("run", "--rm", "--no-deps", once)
    second.start()
    for name in SERVICES:
        roll(name)
    assert are_of(build)


def test_the_build_before_this_one_and_that_before_again_lose_no_hit():
    this, before = tag(), os.environ["PAWPRINT_BEFORE"]
    site = a_site("owner@example.com")
    known(site)
    try:
        with second_collector() as second:
            change_to(before, second)
            with load_on(site, second) as load:
                load.until(BETWEEN_S)
                change_to(this, second)
                load.until(2 * BETWEEN_S)
                change_to(before, second)
                load.until(3 * BETWEEN_S)
    finally:
        os.environ["PAWPRINT_TAG"] = this
    return load.is_stored_once()
