"""Runs the tests whose modules are named, or all (kit/sentences.py). One that
can't be run here counts as neither passed nor failed.

    python3 -m e2e [--claims FOLDER] [NAME...]

Several that share a folder of claims share the modules: each is run by the one
who comes to it first."""
import argparse
import pathlib
import sys

from kit import sentences


def is_claimed(folder, name):
    """Whether it is ours from now on."""
    try:
        (folder / name).mkdir()
        return True
    except FileExistsError:
        return False


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--claims", type=pathlib.Path)
    options.add_argument("names", nargs="*")
    asked = options.parse_args()
    passed, failed, _ = sentences.run(sentences.of("e2e", lambda name: (
        not asked.names or name in asked.names) and (
        asked.claims is None or is_claimed(asked.claims, name))))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
