"""Runs the functions test_* of a package's modules test_*, in the order they
stand. A name is a sentence: test_a_hit_is_stored reads "a hit is stored"."""
import importlib
import pathlib
import time
import traceback


class NotRun(Exception):
    """Something that the test needs can't be had here; it says what."""


def of(package, is_wanted):
    """Each with its sentence, of the modules test_NAME whose NAME is wanted."""
    folder = pathlib.Path(__file__).parent.parent / package
    for path in sorted(folder.glob("test_*.py")):
        if not is_wanted(path.stem.removeprefix("test_")):
            continue
        module = importlib.import_module(f"{package}.{path.stem}")
        for name, test in list(vars(module).items()):
            if name.startswith("test_") and test.__module__ == module.__name__:
                yield name.removeprefix("test_").replace("_", " "), test


def run(tests, plain=()):
    """Gives how many passed, failed and were not run, after a line for each. An
    exception of the classes in plain says all by its text, if it has one."""
    counts = {"ok    ": 0, "FAILED": 0, "NOT RUN": 0}
    for sentence, test in tests:
        began, before = time.monotonic(), ""
        try:
            word, said = "ok    ", test()
        except NotRun as why:
            word, said = "NOT RUN", str(why)
        except Exception as wrong:  # pylint: disable=broad-except
            word, said = "FAILED", None
            if isinstance(wrong, plain) and str(wrong):
                said = str(wrong)
            else:
                before = traceback.format_exc()
        counts[word] += 1
        took = f"{time.monotonic() - began:.1f} s"
        # In one piece: another process may write to the same place.
        print(f"{before}{word} {sentence} ({took}){': ' + said if said else ''}",
              flush=True)
    return tuple(counts.values())
