#!/bin/sh
# Writes the manual into build/manual: man pages and the HTML reference, from the comments of include/wsrs.h.
#
#   sh scripts/manual.sh             then: man -M build/manual/man wsrs
#   sh scripts/manual.sh --check     checks both besides; the last line is 'N passed, N failed, 0 skipped'
#
# CMake does the same where it finds Python 3 and doxygen, and installs it (scripts/cmake/manual.cmake).
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need python3 python3
need doxygen doxygen
if [ "${1:-}" = --check ]; then
    need mandoc mandoc
    need man man-db
fi
need_done

export PYTHONDONTWRITEBYTECODE=1
python3 scripts/manual/man.py include/wsrs.h docs/samples build/manual/man
python3 scripts/manual/reference.py include/wsrs.h docs/samples docs/guide.md build/manual/reference
echo "build/manual/man: man -M build/manual/man wsrs"
echo "build/manual/reference/html/index.html"
[ "${1:-}" != --check ] || exec python3 tests/manual/check.py build/manual tests/abi/symbols.txt
