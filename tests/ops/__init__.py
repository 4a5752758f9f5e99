"""What watches Pawprint: rules, routes, dashboards, and what they build on."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "compose/observability"


class NotRun(Exception):
    """Something that the test needs can't be had here; it says what."""


def tool(*command):
    """Runs promtool or amtool; gives its exit code and all that it said."""
    if not os.environ.get("PAWPRINT_TOOLS"):
        raise NotRun(os.environ.get("PAWPRINT_NO_TOOLS", "start it by tests/ops/run"))
    path = pathlib.Path(os.environ["PAWPRINT_TOOLS"]) / command[0]
    done = subprocess.run([path, *map(str, command[1:])], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout
