#!/bin/sh
# Other WebSocket libraries talk to ours, each in the roles it has; tests/interop/peers.py lists them. Builds first.
#
#   sh scripts/interop.sh [NAME...]         those that are had in seconds, or those whose name contains NAME
#   sh scripts/interop.sh --all             every one
#   sh scripts/interop.sh --all --write     and writes the table of docs/interop.md
#
# What is missing is installed where that is possible, and else skipped with a line that says so; with CI=true a peer of
# this run that can't be had is a failure. The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need python3 python3
need_cc
need pkg-config pkg-config
need_done
need_venv
[ -x build/tests/interop/wsrs ] || sh scripts/build.sh
exec "$python" tests/interop/run.py "$@"
