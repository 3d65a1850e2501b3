#!/bin/sh
# Builds the Python wheel with libwsrs.so inside: build/wheel/wsrs-VERSION-py3-none-PLATFORM.whl. Prints its path.
#
#   sh scripts/wheel.sh
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need_cc
need cmake cmake
need make make
need python3 python3
need readelf binutils
need_rust
need_done

mkdir -p build/logs
{ cmake -S . -B build && cmake --build build --target wsrs; } >build/logs/wheel.build.log 2>&1 || {
    cat build/logs/wheel.build.log
    exit 1
}
rm -rf build/wheel
echo "build/wheel/$(python3 python/backend.py build/wheel)"
