"""Runs every function test_* of the modules test_*, in the order they stand.

A name is a sentence. A test that can't be run here raises NotRun; it counts as
neither passed nor failed.
"""
import importlib
import pathlib
import sys
import time
import traceback

from ops import NotRun


def tests(names):
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        name = path.stem.removeprefix("test_")
        if name not in (names or [name]) or (name == "live" and not names):
            continue  # live takes minutes
        module = importlib.import_module("ops." + path.stem)
        for function, test in list(vars(module).items()):
            if function.startswith("test_") and test.__module__ == module.__name__:
                yield function.removeprefix("test_").replace("_", " "), test


def main(names):
    passed = failed = 0
    for sentence, test in tests(names):
        began = time.monotonic()
        try:
            said = test()
            passed += 1
            word = "ok    "
        except NotRun as why:
            word, said = "NOT RUN", str(why)
        except AssertionError as wrong:
            failed += 1
            word, said = "FAILED", str(wrong)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            word, said = "FAILED", None
            traceback.print_exc(file=sys.stdout)
        took = f"{time.monotonic() - began:.1f} s"
        print(f"{word} {sentence} ({took}){': ' + said if said else ''}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
