"""python3 -m crash SERVICE ENGINE SEED COUNT, from the folder tests.

Runs COUNT seeds of the module crash.SERVICE from SEED on; each prints a line.
"""
import importlib
import sys
import time
import traceback


def main(service, engine, first, count):
    module = importlib.import_module("crash." + service)
    bench = module.Bench(engine)
    passed = failed = 0
    for seed in range(first, first + count):
        began = time.monotonic()
        try:
            said = bench.run(seed)
            passed += 1
            word = "ok    "
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            failed += 1
            word, said = "FAILED", f"make crash SERVICE={service} SEED={seed}"
            said += f" ENGINE={engine} repeats it"
        print(f"{word} {service}, {engine} engine, seed {seed} "
              f"({time.monotonic() - began:.0f} s): {said}", flush=True)
        if word == "FAILED":
            break
    if hasattr(bench, "close"):
        bench.close()
    print(f"{passed} passed, {failed} failed")
    return failed


sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
