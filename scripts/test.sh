#!/bin/sh
# Everything that CI runs. One line per step; the last line is 'N passed, N failed, N skipped'.
#
#   sh scripts/test.sh
#   WSRS_TEST_ONLY=build,ctest sh scripts/test.sh      only these steps
#
# The output of a step is in build/logs/STEP.log; a step that fails shows the end of it, and the run goes on.
# The Autobahn steps need the folder WSRS_SHARED (default: ../shared) and are skipped without it, unless CI=true.
# Exit status: 0 when nothing failed.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/steps.sh

need doxygen doxygen
need mandoc mandoc
need man man-db
need_test_tools

step_format() {
    for manifest in Cargo.toml fuzz/Cargo.toml benches/load/Cargo.toml benches/peers/rust/Cargo.toml; do
        cargo fmt --check --manifest-path "$manifest"
    done
}

step_clippy() { cargo clippy --locked --all-targets -- -D warnings; }

step_cargo_test() { cargo_tests; }

step_ctest() { run_ctest build; }

# The library without TLS; scripts/variants.sh has the others.
step_variants() { sh scripts/variants.sh none; }

step_manual() { sh scripts/manual.sh --check; }

step_packaging() { sh tests/packaging/run.sh build; }

step_autobahn_server() { sh scripts/conformance.sh server --medium --timeout 600; }

step_autobahn_client() { sh scripts/conformance.sh client --medium --timeout 600; }

step_autobahn_wss() { sh scripts/conformance.sh server --tls --fast --timeout 600; }

step_interop() { sh scripts/interop.sh; }

step_proxies() { sh scripts/proxies.sh; }

step_python() { sh scripts/python.sh; }

# Eight seconds of it; where there are no network namespaces it can't run.
step_soak() {
    status=0
    sh scripts/soak.sh 8 || status=$?
    [ $status = 2 ] || return $status
    grep "^The soak can't run here" "$logs/soak.log" | sed 's/^/skipped: /'
    echo "0 passed, 0 failed, 1 skipped"
}

step_demo() { sh scripts/demo.sh --check; }

step_demo_tls() { sh scripts/demo.sh --tls --check; }

# The load generator's own tests, then a few seconds of it against our server.
step_bench() {
    CARGO_TARGET_DIR=build/bench/load RUSTFLAGS='-C target-cpu=native' \
        cargo test --locked --release --manifest-path benches/load/Cargo.toml
    sh scripts/bench.sh --smoke
}

for name in format clippy build ctest variants manual packaging cargo_test loom valgrind asan autobahn_server autobahn_client autobahn_wss interop proxies python demo demo_tls bench soak; do
    step $name
done
totals
