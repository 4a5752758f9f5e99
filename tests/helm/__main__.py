"""Runs every function test_* of the modules test_*, in the order they stand.

A name is a sentence. A test that can't be run here raises NotRun, is told as
that, and has the whole end as failed: what was not run was not shown.
"""
import importlib
import pathlib
import sys
import time
import traceback

from helm import NotRun, chart


def tests(names):
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        if names and path.stem.removeprefix("test_") not in names:
            continue
        module = importlib.import_module("helm." + path.stem)
        for name, test in list(vars(module).items()):
            if name.startswith("test_") and test.__module__ == module.__name__:
                yield name.removeprefix("test_").replace("_", " "), test


def main(names):
    passed = failed = left_out = 0
    for sentence, test in tests(names):
        began = time.monotonic()
        said = None
        try:
            said = test()
            passed += 1
            word = "ok     "
        except NotRun as why:
            left_out += 1
            word, said = "NOT RUN", str(why)
        except (AssertionError, chart.Refused) as why:
            failed += 1
            word, said = "FAILED ", str(why) or traceback.format_exc()
        except Exception:  # pylint: disable=broad-except
            failed += 1
            word, said = "FAILED ", traceback.format_exc()
        took = f"{time.monotonic() - began:.1f} s"
        print(f"{word} {sentence} ({took}){': ' + said if said else ''}", flush=True)
    if left_out:
        print(f"{left_out} of the tests did NOT RUN, see above why")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or left_out or not passed else 0


if sys.argv[1:] == ["--write-golden"]:
    sys.exit(chart.write_golden())
sys.exit(main(sys.argv[1:]))
