#!/bin/sh
# Searches for inputs that break what fuzz/checks says, with libFuzzer and AddressSanitizer.
#
#   sh scripts/fuzz.sh [SECONDS] [TARGET...]     by default 60 seconds of each target
#   sh scripts/fuzz.sh keep [TARGET...]          takes what covers more of it from what was found into fuzz/corpus
#
# New inputs go to fuzz/found, which is not kept. An input that breaks something is left in fuzz/artifacts, with a line
# that shows how to run it again. Needs a nightly Rust; cargo-fuzz is installed where it is missing.
# The last line is 'N passed, N failed, 0 skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
mkdir -p build/logs

need c++ g++
need_rust
need_done
need_nightly
need_cargo_tool fuzz

seconds=60
case "${1:-}" in
    keep | [0-9]*) seconds=$1 && shift ;;
esac
[ $# -gt 0 ] || set -- $(sed -n 's|^path = "targets/\(.*\)\.rs"|\1|p' fuzz/Cargo.toml)

# keep TARGET: adds to the corpus what covers more, if it is short.
keep() {
    cargo +nightly fuzz run "$1" "fuzz/corpus/$1" "fuzz/found/$1" -- -set_cover_merge=1 -max_len=500
}

# search TARGET
search() {
    cargo +nightly fuzz run "$1" "fuzz/found/$1" "fuzz/corpus/$1" -- \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1
}

passed=0 failed=0
for target in "$@"; do
    mkdir -p "fuzz/found/$target" "fuzz/corpus/$target"
    log=build/logs/fuzz-$target.log
    status=0
    if [ "$seconds" = keep ]; then
        keep "$target" >"$log" 2>&1 || status=$?
        printf '%-12s %5d inputs kept\n' "$target" "$(ls "fuzz/corpus/$target" | wc -l)"
    else
        search "$target" >"$log" 2>&1 || status=$?
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        printf '%-12s %5s s %12s runs %6s edges\n' "$target" "$seconds" "${runs:-?}" "${edges:-?}"
    fi
    if [ $status = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "    the end of $log:"
        tail -n 25 "$log" | sed 's/^/    | /'
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
