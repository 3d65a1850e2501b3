#!/bin/sh
# Builds the library on every TLS that it can be built on, and runs the C tests on each.
#
#   sh scripts/variants.sh [NAME...]      of aws-lc-rs, ring and none; all of them unless told
#   sh scripts/variants.sh --sizes        the size of libwsrs.so.0 of each, as the table of docs/benchmarks.md
#
# Each is built in build/variants. The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/steps.sh
# It names steps of test.sh.
unset WSRS_TEST_ONLY

sizes=''
[ "${1:-}" != --sizes ] || { sizes=1; shift; }
[ $# != 0 ] || set -- aws-lc-rs ring none
need c++ g++
need python3 python3
[ -z "$sizes" ] || need size binutils
need_done

# variant NAME: builds it in the folder $folder.
variant() {
    folder=build/variants/$1
    WSRS_TLS=$1 WSRS_BUILD=$folder sh scripts/build.sh -DWSRS_BUILD_MANUAL=OFF -DWSRS_BUILD_EXAMPLES=OFF
}

# size_of NAME: stripped, as it is installed.
size_of() {
    library=$folder/libwsrs.so.0
    code=$(size "$library" | awk 'NR == 2 { print $1 }')
    awk -v name="$1" -v file="$(stat -L -c %s "$library")" -v code="$code" \
        'BEGIN { printf "| %s | %.2f | %.2f |\n", name, file / 1e6, code / 1e6 }'
}

tested() {
    variant "$1"
    run_ctest "$folder"
}

step_aws_lc_rs() { tested aws-lc-rs; }
step_ring() { tested ring; }
step_none() { tested none; }

if [ -n "$sizes" ]; then
    echo "| TLS | MB | of it code and constants |"
    echo "|---|--:|--:|"
    for name in "$@"; do
        variant "$name" >"$logs/variant.log" 2>&1 || { tail -n 20 "$logs/variant.log" >&2; exit 1; }
        size_of "$name"
    done
    exit 0
fi
for name in "$@"; do
    step "$(echo "$name" | tr - _)"
done
totals
