"""What watches Pawprint: rules, routes, dashboards, and what they build on."""
import os
import pathlib
import subprocess

from kit.sentences import NotRun

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "compose/observability"


def tool(*command):
    """Runs promtool or amtool; gives its exit code and all that it said."""
    name = command[0]
    path = pathlib.Path(os.environ.get(name.upper()) or ROOT / "build/tools" / name)
    if not path.exists():
        raise NotRun(f"{name} is not there; tests/ops/tools says why")
    done = subprocess.run([path, *map(str, command[1:])], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout
