"""Runs the tests whose modules are named, or all (kit/sentences.py). One that
can't be run has the whole end as failed: what was not run was not shown."""
import sys

from helm import chart
from kit import sentences


def main(names):
    passed, failed, left_out = sentences.run(
        sentences.of("helm", lambda name: not names or name in names),
        (AssertionError, chart.Refused))
    if left_out:
        print(f"{left_out} of the tests did NOT RUN, see above why")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or left_out or not passed else 0


if sys.argv[1:] == ["--write-golden"]:
    sys.exit(chart.write_golden())
sys.exit(main(sys.argv[1:]))
