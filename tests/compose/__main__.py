"""Runs the journeys whose modules are named, or all (kit/sentences.py)."""
import sys

from kit import sentences


def main(names):
    passed, failed, _ = sentences.run(
        sentences.of("compose", lambda name: not names or name in names))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
