#!/bin/sh
# Builds everything into build/: libwsrs.so.0, libwsrs.a, the programs of c-examples and the C tests.
#
#   sh scripts/build.sh [CMAKE OPTION...]      e.g. -DWSRS_BUILD_TESTS=OFF
#
# Installs what is missing when it can (scripts/need.sh). Works from any folder.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need_cc
need cmake cmake
need make make
need openssl openssl
need pkg-config pkg-config
need_rust
need_done

cmake -S . -B build -DWSRS_BUILD_EXAMPLES=ON -DWSRS_BUILD_TESTS=ON "$@"
cmake --build build --parallel "$(nproc)"
