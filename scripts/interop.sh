#!/bin/sh
# Other libraries talk to ours in both roles: Python websockets and npm ws. Builds first.
# The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need python3 python3
need node nodejs
need npm npm
need_done
need_venv
need_node_modules
[ -x build/c-examples/echo_server ] || sh scripts/build.sh

mkdir -p build/logs
totals=build/logs/interop.totals
: >"$totals"
run() {
    echo "== $1"
    shift
    "$@" >build/logs/interop.part 2>&1 || true
    cat build/logs/interop.part
    tail -n 1 build/logs/interop.part | grep ' passed, ' >>"$totals" || echo "0 passed, 1 failed, 0 skipped" >>"$totals"
}

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
build/c-examples/echo_server "$port" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
sleep 0.5

run "Python websockets to our server" "$python" tests/interop/python_client.py "ws://127.0.0.1:$port/"
run "our client to Python websockets" "$python" tests/interop/client_against.py build/c-examples/echo_client \
    "$python" tests/interop/python_server.py
export NODE_PATH="$PWD/build/node/node_modules"
run "npm ws to our server" node tests/interop/ws_client.js "ws://127.0.0.1:$port/"
run "our client to npm ws" "$python" tests/interop/client_against.py build/c-examples/echo_client node tests/interop/ws_server.js

awk '{ p += $1; f += $3; s += $5 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' "$totals"
