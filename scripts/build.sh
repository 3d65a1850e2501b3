#!/bin/sh
# Builds everything into build/: libwsrs.so.0, libwsrs.a, the programs of c-examples and the C tests.
#
#   sh scripts/build.sh [CMAKE OPTION...]      e.g. -DWSRS_BUILD_TESTS=OFF
#   WSRS_TLS=ring sh scripts/build.sh          with what TLS is made of: aws-lc-rs (as it comes), ring, none
#   WSRS_BUILD=FOLDER sh scripts/build.sh      elsewhere than in build/
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

folder=${WSRS_BUILD:-build}
cmake -S . -B "$folder" -DWSRS_TLS="${WSRS_TLS:-aws-lc-rs}" -DWSRS_CARGO_TARGET_DIR="$PWD/build/cargo" \
    -DWSRS_BUILD_EXAMPLES=ON -DWSRS_BUILD_TESTS=ON "$@"
cmake --build "$folder" --parallel "$(nproc)"
