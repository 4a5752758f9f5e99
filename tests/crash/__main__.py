"""python3 -m crash SERVICE ENGINE SEED COUNT, from the folder tests.

Runs COUNT seeds of the module crash.SERVICE from SEED on; each prints a line. A
module with a BATCH runs so many at once and gets a range of them; a line is of
such a batch then, and its errors may have `seeds`, what is wrong by seed.
"""
import importlib
import sys
import time
import traceback


def name_of(seeds):
    return f"seed {seeds[0]}" if len(seeds) == 1 else \
        f"seeds {seeds[0]} to {seeds[-1]}"


class Runs:
    def __init__(self, service, engine, first, count):
        module = importlib.import_module(
            "crash." + service.replace("-", "_"))
        self.service, self.engine = service, engine
        self.seeds = range(first, first + count)
        self.size = getattr(module, "BATCH", None)
        self.bench = module.Bench(engine)
        self.began = time.monotonic()
        self.passed = self.failed = 0

    def say(self, word, seeds, took, said):
        print(f"{word} {self.service}, {self.engine} engine, {name_of(seeds)} "
              f"({took:.0f} s): {said}", flush=True)

    def progress(self):
        left = len(self.seeds) - self.passed
        if self.size is None or left == 0:
            return ""
        took = time.monotonic() - self.began
        return (f"; {self.passed} of {len(self.seeds)}, "
                f"{took / self.passed * left / 60:.0f} min left")

    def fail(self, seeds, took, why):
        traceback.print_exc(file=sys.stdout)
        wrong = getattr(why, "seeds", None)
        for one in wrong or [None]:
            again = seeds if one is None or one not in seeds else [one]
            self.failed += len(again)
            many = f" SEEDS={len(again)}" if len(again) > 1 else ""
            self.say("FAILED", again, took, f"make crash SERVICE={self.service} "
                     f"SEED={again[0]}{many} ENGINE={self.engine} repeats it"
                     + (f": {wrong[one]}" if wrong else ""))

    def run(self):
        """Until all have passed or one has failed."""
        while self.passed < len(self.seeds) and not self.failed:
            seeds = self.seeds[self.passed:self.passed + (self.size or 1)]
            began = time.monotonic()
            try:
                said = self.bench.run(seeds if self.size else seeds[0])
                self.passed += len(seeds)
                self.say("ok    ", seeds, time.monotonic() - began,
                         said + self.progress())
            except Exception as why:  # pylint: disable=broad-except
                self.fail(seeds, time.monotonic() - began, why)
        if hasattr(self.bench, "close"):
            self.bench.close()
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed


sys.exit(Runs(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()
         > 0)
