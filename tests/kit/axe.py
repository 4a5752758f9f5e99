"""What axe-core finds wrong with a page in headless Chromium."""
import subprocess

from kit import stack

INSTALL = stack.ROOT / "tests/stack/install-axe"
SCRIPT = stack.ROOT / "build/axe/node_modules/axe-core/axe.min.js"
LOOK = """return axe.run(document, {resultTypes: ['violations']}).then((found) =>
found.violations.map((one) => one.id + ': ' + one.nodes[0].html.slice(0, 200)))"""


def missing():
    """Why it can't be had, or nothing."""
    done = subprocess.run([INSTALL], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() if done.returncode else ""


def look(window):
    """Of the page that is open: each rule that it breaks, and where first."""
    window.run(SCRIPT.read_text(encoding="utf-8") + "; window.axe = axe;")
    return window.run(LOOK)
