#!/bin/sh
# What looks for wrong memory accesses, leaks and races, in everything that can be run under it. Minutes.
#
#   sh scripts/sanitize.sh
#   WSRS_TEST_ONLY=loom,valgrind sh scripts/sanitize.sh      only these steps
#
#   rust_asan    the Rust tests under AddressSanitizer and LeakSanitizer, the fuzz corpora among them
#   asan         the C tests and examples under AddressSanitizer and UBSan; the Rust code instrumented too
#   loom         the models of what threads share
#   valgrind     the C tests and examples under valgrind
#
# Needs a nightly Rust, which is installed where rustup is. Output as that of test.sh.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/steps.sh

need_test_tools
need_nightly

# --target keeps the sanitizer out of build scripts and procedural macros.
step_rust_asan() {
    toolchain=+nightly
    # A payload whose destructor panics is left alone on purpose: dropping what that leads to could go on for ever.
    echo 'leak:a_payload_that_panics_when_dropped_stays_inside' >build/lsan.txt
    export LSAN_OPTIONS="suppressions=$PWD/build/lsan.txt:print_suppressions=0"
    export RUSTFLAGS='-Zsanitizer=address -Cforce-frame-pointers=yes' CARGO_TARGET_DIR=build/cargo/rust_asan
    cargo_tests --target "$(rustc -vV | sed -n 's/^host: //p')" --lib --tests
}

for name in rust_asan build asan loom valgrind; do
    step $name
done
totals
