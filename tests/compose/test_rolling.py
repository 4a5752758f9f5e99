"""Every service is started anew, the writer scaled and killed, while hits come
in: who sends them notices nothing, and each is stored once."""
import time

from compose.kit import SERVICES, compose, containers, docker
from compose.rolling import is_well, load_on, roll, second_collector
from compose.test_journeys import a_site, known
from kit import stack

LEAST_S = 180


def scale(writers):
    compose("up", "-d", "--no-deps", "--no-recreate", "--scale",
            f"writer={writers}", "writer")
    stack.until(f"{writers} writers are well", lambda: len(
        containers("writer")) == writers and is_well("writer"), 120)


def kill_one_writer():
    killed = containers("writer")[0]
    docker("kill", "-s", "KILL", killed)
    time.sleep(5)
    docker("start", killed)
    stack.until("the writer is well", lambda: is_well("writer"), 120)


def test_nobody_notices_that_all_is_started_anew_and_each_hit_is_stored_once():
    site = a_site("owner@example.com")
    known(site)
    with second_collector() as second:
        with load_on(site, second) as load:
            time.sleep(5)
            second.start()
            for service in SERVICES:
                roll(service)
            scale(3)
            time.sleep(10)
            scale(2)
            kill_one_writer()
            load.until(LEAST_S)
    return load.is_stored_once()
