#!/bin/sh
# Measures our echo server beside the peers and the floor, with the yardstick of the folder that WSRS_SHARED names.
#
#   sh scripts/bench.sh [OPTIONS OF run.py]     all cells, 3 rounds; --quick, --only TEXT, --rounds N, --seconds S
#   sh scripts/bench.sh --syscalls              system calls per message, by strace
#
# Everything that is built lies under build/bench. Peers whose packages are missing are left out, and said so.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(dirname -- "$here")
cd "$top"
. "$here/need.sh"
need strace strace
. "$here/yardstick.sh"
server=$top/build/c-examples/echo_server
[ -x "$server" ] || sh "$here/build.sh"

syscalls() {
    for cell in '--size 125 --connections 64' '--size 125 --connections 64 --pipeline 16' \
        '--size 16384 --connections 64' '--size 1048576 --connections 16'; do
        "$server" 19001 &
        pid=$!
        sleep 0.5
        timeout -s INT 3 strace -f -c -o "$bench/strace.txt" -p "$pid" &
        sleep 0.5
        # shellcheck disable=SC2086
        "$bench/wsload" --port 19001 --mode echo $cell --seconds 1 | tail -n 1 >"$bench/count.json"
        wait $! || true
        kill "$pid"
        wait "$pid" || true
        echo "$cell"
        python3 - "$bench/count.json" "$bench/strace.txt" <<'PYTHON'
import json, sys
messages = json.load(open(sys.argv[1]))["count_with_warm_up"]
rows = [line.split() for line in open(sys.argv[2])]
calls = {row[-1]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit() and row[-1] != "total"}
for name, count in sorted(calls.items(), key=lambda item: -item[1])[:4]:
    print(f"    {name:12} {count / messages:.3f} per message")
PYTHON
    done
}

if [ "${1:-}" = --syscalls ]; then
    syscalls
    exit 0
fi
[ -x "$bench/peers-built/uwebsockets" ] || sh -c '"$0"/peers/build.sh "$0/peers-built"' "$bench" || true
set -- "$@" limit="$bench/limit {port}"
for peer in uws=uwebsockets lws=libwebsockets tungstenite=tokio-tungstenite tokio-websockets=tokio-websockets \
    fastwebsockets=fastwebsockets sockudo=sockudo-ws; do
    program=$bench/peers-built/${peer#*=}
    if [ -x "$program" ]; then
        set -- "$@" "${peer%%=*}=$program {port}"
    else
        echo "bench.sh: ${peer%%=*} is left out: not built"
    fi
done
exec python3 "$bench/run.py" "$@" wsrs="$server {port}"
