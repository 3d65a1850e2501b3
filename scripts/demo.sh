#!/bin/sh
# Gets what is missing, builds, starts the chat server and prints its address: open it in two tabs of a browser.
#
#   sh scripts/demo.sh [--tls] [PORT]     with --tls at https://, with a certificate that browsers warn of
#   sh scripts/demo.sh [--tls] --check    drives it with real clients (Python websockets, headless Chromium) and ends by itself
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
mkdir -p build/logs

echo "building (the output goes to build/logs/demo-build.log)"
sh scripts/build.sh >build/logs/demo-build.log 2>&1 || {
    tail -n 20 build/logs/demo-build.log >&2
    exit 1
}

tls=''
if [ "${1:-}" = --tls ]; then
    shift
    sh scripts/certificates.sh build/tls
    tls='--tls build/tls/server.pem build/tls/server.key'
    export SSL_CERT_FILE="$PWD/build/tls/ca.pem"
fi
if [ "${1:-}" != --check ]; then
    echo "Chat with yourself in two tabs; Ctrl-C ends the server."
    # shellcheck disable=SC2086
    exec build/c-examples/chat_server $tls "${1:-8080}"
fi

need python3 python3
need_done
need_venv
want chromium chromium || true

: >build/logs/demo-server.log
# shellcheck disable=SC2086
build/c-examples/chat_server $tls 0 >build/logs/demo-server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
address=''
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    address=$(head -n 1 build/logs/demo-server.log)
    [ -z "$address" ] || break
    sleep 0.25
done
[ -n "$address" ] || { echo "the chat server did not start"; exit 1; }
echo "the chat server listens on $address"

status=0
echo "== Python websockets"
"$python" tests/interop/chat.py "$address" >build/logs/demo-python.log 2>&1 || status=1
cat build/logs/demo-python.log
if command -v chromium >/dev/null 2>&1; then
    echo "== two tabs of Chromium"
    "$python" tests/interop/browser.py chromium "$address" >build/logs/demo-browser.log 2>&1 || status=1
else
    echo "skipped: no Chromium, and it could not be installed" >build/logs/demo-browser.log
    echo "0 passed, 0 failed, 1 skipped" >>build/logs/demo-browser.log
fi
cat build/logs/demo-browser.log

kill -TERM "$server"
trap - EXIT
wait "$server" || { echo "the server ended with status $?"; status=1; }
cat build/logs/demo-python.log build/logs/demo-browser.log | awk -v status=$status '
    / passed, .* failed, / { p += $1; f += $3; s += $5 }
    END { if (status && !f) f = 1; printf "%d passed, %d failed, %d skipped\n", p, f, s }'
exit $status
