"""Counts checks, one line each; `end` prints the totals and gives the exit status."""

import sys

results = []


def check(name, passed, detail=""):
    results.append(bool(passed))
    print("ok    " + name if passed else "FAIL  %s %s" % (name, detail), flush=True)


def end():
    print("%d passed, %d failed, 0 skipped" % (sum(results), len(results) - sum(results)))
    sys.exit(0 if results and all(results) else 1)
