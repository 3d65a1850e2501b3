# Sourced by test.sh, sanitize.sh and python.sh, after need.sh: steps, their totals, and the steps that several have.
#
#   need_test_tools             what building and running the C tests needs
#   step NAME                   runs step_NAME; its output is in build/logs/NAME.log
#   check NAME COMMAND...       a part of a step; `counted` ends the step
#   cargo_tests ARGUMENT...     cargo test, counted
#   totals                      the last line of a run, and its status

. scripts/serve.sh
logs=build/logs
mkdir -p "$logs"

all_passed=0 all_failed=0 all_skipped=0

need_test_tools() {
    need_cc
    need c++ g++
    need cmake cmake
    need make make
    need openssl openssl
    need pkg-config pkg-config
    need valgrind valgrind
    need python3 python3
    need_rust
    need_loops
    need_clang
}

# step NAME: runs step_NAME. Its last line may be 'N passed, N failed, N skipped'; otherwise the status counts as one.
step() {
    case ",${WSRS_TEST_ONLY:-$1}," in *",$1,"*) ;; *) return 0 ;; esac
    begin=$(date +%s)
    set +e
    (set -e; "step_$1") >"$logs/$1.log" 2>&1 </dev/null
    status=$?
    set -e
    counts=$(tail -n 1 "$logs/$1.log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    [ -n "$counts" ] || counts=$([ $status = 0 ] && echo 1 0 0 || echo 0 1 0)
    # shellcheck disable=SC2086
    set -- "$1" $counts
    [ $status = 0 ] || [ "$3" -gt 0 ] || set -- "$1" "$2" 1 "$4"
    all_passed=$((all_passed + $2)) all_failed=$((all_failed + $3)) all_skipped=$((all_skipped + $4))
    printf '%-16s %5d passed %3d failed %3d skipped %5d s\n' "$1" "$2" "$3" "$4" $(($(date +%s) - begin))
    [ "$4" = 0 ] || grep -i '^skipped: ' "$logs/$1.log" | sed 's/^/    /' || true
    [ "$3" = 0 ] || { echo "    the end of $logs/$1.log:"; tail -n 25 "$logs/$1.log" | sed 's/^/    | /'; }
}

# check NAME COMMAND...: for steps of several parts; `counted` ends them.
passed=0 failed=0
check() {
    name=$1
    shift
    echo "== $name"
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

counted() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

totals() {
    echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
    [ "$all_failed" = 0 ]
}

# cargo_tests: `cargo` may be `cargo +nightly`, by $toolchain.
toolchain=''
cargo_tests() {
    status=0
    # shellcheck disable=SC2086
    cargo $toolchain test --locked --no-fail-fast "$@" >"$logs/cargo_tests.out" 2>&1 || status=$?
    cat "$logs/cargo_tests.out"
    awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
        END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$logs/cargo_tests.out"
    return $status
}

# What threads share, in every order of up to three preemptions (src/sync.rs). TLS is no part of it.
step_loom() {
    export LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=build/cargo/loom
    cargo_tests --no-default-features --lib models
}

step_build() { sh scripts/build.sh; }

# run_ctest FOLDER
run_ctest() {
    status=0
    ctest --test-dir "$1" --output-on-failure >"$1/ctest.out" 2>&1 || status=$?
    cat "$1/ctest.out"
    sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' "$1/ctest.out" |
        awk '{ printf "%d passed, %d failed, 0 skipped\n", $2 - $1, $1 }'
    return $status
}

# examples FOLDER WRAPPER...: the C examples talk to each other and to Python clients, each run by WRAPPER.
examples() {
    folder=$1
    shift
    need_venv
    port=$(free_port)
    start "$@" "$folder/c-examples/echo_server" "$port"
    check echo_client "$@" "$folder/c-examples/echo_client" "ws://127.0.0.1:$port/"
    check "echo_server, other clients" "$python" tests/interop/python_client.py "ws://127.0.0.1:$port/"
    check "echo_server, stopped under load" "$python" tests/interop/load.py "ws://127.0.0.1:$port/" "$server"
    check "echo_server ends well" ended
    port=$(free_port)
    sh scripts/certificates.sh build/tls
    start "$@" "$folder/c-examples/echo_server" --tls build/tls/server.pem build/tls/server.key "$port"
    check "echo_client, TLS" "$@" "$folder/c-examples/echo_client" --ca build/tls/ca.pem "wss://localhost:$port/"
    check "echo_client, another authority" refused "$@" "$folder/c-examples/echo_client" --ca build/tls/other-ca.pem "wss://localhost:$port/"
    check "echo_server, TLS, other clients" env SSL_CERT_FILE=build/tls/ca.pem "$python" tests/interop/python_client.py "wss://localhost:$port/"
    check "echo_server, TLS, ends well" finish
    port=$(free_port)
    start "$@" "$folder/c-examples/chat_server" "$port"
    check "a client that chat_server refuses" refused "$@" "$folder/c-examples/echo_client" "ws://127.0.0.1:$port/"
    check "chat_server, two clients" "$python" tests/interop/chat.py "http://127.0.0.1:$port/"
    check "chat_server ends well" finish
    embedded udp "$@" "$folder/c-examples/embed_poll"
    embedded ticks "$@" "$folder/c-examples/embed_libuv"
    embedded ticks "$@" "$folder/c-examples/embed_libevent"
    port=$(free_port)
    start "$@" "$folder/c-examples/workers" "$port"
    check "workers, while clients come and go" "$python" tests/interop/workers.py "ws://127.0.0.1:$port/"
    check "workers ends well" finish
    port=$(free_port)
    start "$@" "$folder/c-examples/threads_server" 2 "$port" >"$folder/threads_server.out"
    check "threads_server, stopped under load" "$python" tests/interop/load.py "ws://127.0.0.1:$port/" "$server"
    check "threads_server ends well" ended
    check "both threads worked" test "$(grep -c '^thread .: [1-9][0-9]* messages$' "$folder/threads_server.out")" = 2
}

# embedded WORK COMMAND...: an echo server inside another loop, which has work of its own; embedded.py ends it.
embedded() {
    work=$1
    shift
    for program in "$@"; do :; done
    port=$(free_port)
    start "$@" "$port"
    check "${program##*/}, clients and the loop's own work" "$python" tests/interop/embedded.py "$work" "ws://127.0.0.1:$port/" "$server"
    check "${program##*/} ends well" ended
}

# The client prints why and exits with 1; any other status is a report of the wrapper.
refused() {
    status=0
    "$@" || status=$?
    [ $status = 1 ]
}

step_valgrind() {
    watch='valgrind -q --fair-sched=yes --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible'
    for program in build/tests/c/*; do
        # shellcheck disable=SC2086
        [ ! -x "$program" ] || check "$program" timeout 300 $watch "$program"
    done
    # shellcheck disable=SC2086
    examples build $watch
    counted
}

# The Rust code is instrumented too where a nightly Rust is installed; its runtime is clang's.
step_asan() {
    if cargo +nightly --version >/dev/null 2>&1; then
        CC=clang CXX=clang++ cmake -S . -B build/asan -DWSRS_SANITIZE=address -DWSRS_RUST_SANITIZE=ON
    else
        cmake -S . -B build/asan -DWSRS_SANITIZE=address -DWSRS_CARGO_TARGET_DIR="$PWD/build/cargo"
    fi
    cmake --build build/asan --parallel "$(nproc)"
    run_ctest build/asan || failed=$((failed + 1))
    total=$(sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' build/asan/ctest.out)
    failed=${total% *} passed=$((${total#* } - failed))
    examples build/asan
    counted
}
