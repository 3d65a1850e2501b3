"""Reads what scripts/coverage.sh measured: a table of files, and the lines that no test ran.

usage: coverage.py LCOV LEAST_PERCENT

Only what runs in a program counts: not the tests that stand in the same files.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path


def counts(path):
    """Lines of each file with how often they were run; several programs are added up."""
    files = defaultdict(lambda: defaultdict(int))
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            lines = files[os.path.relpath(value)]
        elif key == "DA":
            number, count = value.split(",")[:2]
            lines[int(number)] += int(count)
    return files


def without_tests(name, lines):
    """Tests begin with `#[cfg(test)]` at the left margin, and go on to the end of the file."""
    source = Path(name).read_text().splitlines()
    marks = [number for number, text in enumerate(source, 1) if text == "#[cfg(test)]"]
    end = next((number for number in marks if source[number].startswith("mod ")), len(source) + 1)
    return {number: count for number, count in lines.items() if number < end}


def ranges(numbers):
    """1, 2, 3, 7 as "1-3 7"."""
    found = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def main():
    path, least = sys.argv[1], float(sys.argv[2])
    total = ran = 0
    for name, lines in sorted(counts(path).items()):
        # Modules that are compiled for tests only.
        if not name.startswith("src/") or name.endswith(("/models.rs", "/panics.rs")):
            continue
        lines = without_tests(name, lines)
        missed = [number for number, count in lines.items() if count == 0]
        total += len(lines)
        ran += len(lines) - len(missed)
        if lines:
            print(f"{name:32} {100 * (len(lines) - len(missed)) / len(lines):6.1f} % of {len(lines):4}  {ranges(missed)}")
    percent = 100 * ran / max(total, 1)
    print(f"{'all of src/':32} {percent:6.1f} % of {total:4}")
    return 0 if total and percent >= least else 1


if __name__ == "__main__":
    sys.exit(main())
