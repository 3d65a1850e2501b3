#!/bin/sh
# The Autobahn test suite against build/c-examples/echo_server and echo_client, which are built when missing.
#
#   sh scripts/conformance.sh [server|client|both] [OPTION...]
#
# OPTION: --tls, first of all, has the server be reached at wss:// with a certificate that is made for it; the suite can't
# serve clients so, hence no other role. --fast leaves out the slow cases (9.*) too; others are those of conformance/autobahn.sh in the folder WSRS_SHARED
# (default: ../shared), like --cases '9.*'. Compression (12.*, 13.*) is always left out: it is not implemented yet.
# Without that folder or a Python 2.7 for the suite it is skipped, with CI=true it fails. Reports: build/autobahn/.
# The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/serve.sh
suite=${WSRS_SHARED:-../shared}/conformance/autobahn.sh

cannot() {
    [ "${CI:-}" != true ] || { echo "FAILED: $*"; exit 1; }
    echo "skipped: $*"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

roles=both tls=''
case ${1:-} in server | client | both) roles=$1; shift ;; esac
case ${1:-} in --tls) roles=server tls=build/tls; shift ;; esac
[ -x "$suite" ] || cannot "the Autobahn suite: ${WSRS_SHARED:-../shared} is not there (WSRS_SHARED)"
"$suite" setup || cannot "the Autobahn suite could not be set up (it runs on Python 2.7 only)"
need python3 python3
need_done
[ -x build/c-examples/echo_client ] || sh scripts/build.sh
mkdir -p build/logs

as_server() {
    port=$(free_port)
    if [ -n "$tls" ]; then
        sh scripts/certificates.sh "$tls"
        start build/c-examples/echo_server --tls "$tls/server.pem" "$tls/server.key" "$port"
        address="wss://127.0.0.1:$port/" report=build/autobahn/wss
    else
        start build/c-examples/echo_server "$port"
        address="ws://127.0.0.1:$port/" report=build/autobahn/server
    fi
    status=0
    "$suite" server "$address" "$report" --exclude '12.*,13.*' --jobs 2 "$@" || status=$?
    finish || { echo "echo_server ended badly"; return 1; }
    return $status
}

as_client() {
    # shellcheck disable=SC2016
    "$suite" client "$(free_port)" build/autobahn/client --exclude '12.*,13.*' "$@" -- \
        sh -c 'exec build/c-examples/echo_client --autobahn "$AUTOBAHN_URL"'
}

# role NAME OPTION...: its output, kept for the totals.
failed=0
: >build/logs/conformance.totals
role() {
    name=$1
    shift
    echo "== as $name"
    status=0
    "as_$name" "$@" >"build/logs/conformance.$name.log" 2>&1 || status=$?
    cat "build/logs/conformance.$name.log"
    [ $status = 0 ] || failed=1
    grep ' passed, ' "build/logs/conformance.$name.log" | tail -n 1 >>build/logs/conformance.totals
}

[ "$roles" = client ] || role server "$@"
[ "$roles" = server ] || role client "$@"
awk -v failed=$failed '{ p += $1; f += $3; s += $5 }
    END { if (failed && !f) f = 1; printf "%d passed, %d failed, %d skipped\n", p, f, s }' build/logs/conformance.totals
exit $failed
