"""What our own services cost while they have nothing to do."""
import datetime
import json
import time

from compose.kit import SERVICES, containers, docker, tag

GOAL_KB = 150 * 1024
MOST_BYTES = 30 << 20
REST_S = 20


def rss_kb(service):
    """Of its one process: no shell and no other is in the container."""
    _, *rows = docker("top", containers(service)[0], "-o", "pid,rss").splitlines()
    assert len(rows) == 1, rows
    return int(rows[0].split()[1])


def ready_after_s(service):
    """From its container's last start to its own word that it is ready."""
    one = containers(service)[0]
    started = docker("inspect", "-f", "{{.State.StartedAt}}", one).strip()
    for line in docker("logs", "--since", started, one).splitlines():
        if '"event":"service.ready"' in line:
            at = datetime.datetime.fromisoformat(json.loads(line)["at"])
            return (at - datetime.datetime.fromisoformat(
                started[:23] + "+00:00")).total_seconds()
    raise AssertionError(f"{service} was never ready")


def size_bytes(program):
    return int(docker("image", "inspect", "-f", "{{.Size}}",
                      f"pawprint/{program}:{tag()}"))


def test_idle_services_take_little_memory_together_and_are_soon_ready():
    time.sleep(REST_S)
    total = 0
    for name in SERVICES:
        total += rss_kb(name)
        print(f"       {name:10} RSS {rss_kb(name) / 1024:5.1f} MiB  image "
              f"{size_bytes(name) / 2 ** 20:5.1f} MiB  ready after "
              f"{ready_after_s(name):.2f} s")
        assert size_bytes(name) <= MOST_BYTES, name
    assert total <= GOAL_KB, f"{total} kB"
    return f"{total / 1024:.1f} MiB of memory together"
