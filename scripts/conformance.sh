#!/bin/sh
# The Autobahn test suite against build/c-examples/echo_server and echo_client, which are built when missing.
#
#   sh scripts/conformance.sh [server|client|both] [--tls] [--level N] [--no-takeover] [--medium] [OPTION...]
#
# The first four are about the server and leave the client out: --tls has it be reached at wss:// with a certificate that is
# made for it (the suite can't serve clients so), --level N has it compress at that level, 1 to 9 (default: 6), and
# --no-takeover compress each message by itself. What a client compresses with the suite varies by itself.
# --medium leaves out the large messages (9.*), and of compression (12.*, 13.*) the smallest and largest messages and those
# in fragments. OPTION: --fast leaves out 9.*, 12.* and 13.*; others are those of conformance/autobahn.sh in the folder
# WSRS_SHARED (default: ../shared), like --cases '9.*'. With none of these every case runs.
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

roles=both scheme=ws level=6 takeover='' variant='' exclude=''
case ${1:-} in server | client | both) roles=$1; shift ;; esac
while :; do
    case ${1:-} in
        --tls) roles=server scheme=wss variant=$variant-tls ;;
        --level) roles=server level=$2 variant=$variant-level$2; shift ;;
        --no-takeover) roles=server takeover=--no-takeover variant=$variant-no-takeover ;;
        --medium) exclude='9.*,12.*.1*,12.*.9,13.*.1*,13.*.9' ;;
        *) break ;;
    esac
    shift
done
[ -x "$suite" ] || cannot "the Autobahn suite: ${WSRS_SHARED:-../shared} is not there (WSRS_SHARED)"
"$suite" setup || cannot "the Autobahn suite could not be set up (it runs on Python 2.7 only)"
need python3 python3
need_done
[ -x build/c-examples/echo_client ] || sh scripts/build.sh
mkdir -p build/logs

as_server() {
    port=$(free_port) certificate=''
    if [ $scheme = wss ]; then
        sh scripts/certificates.sh build/tls
        certificate='--tls build/tls/server.pem build/tls/server.key'
    fi
    # shellcheck disable=SC2086
    start build/c-examples/echo_server --deflate "$level" $takeover $certificate "$port"
    status=0
    "$suite" server "$scheme://127.0.0.1:$port/" "build/autobahn/server$variant" --exclude "$exclude" --jobs 2 "$@" || status=$?
    finish || { echo "echo_server ended badly"; return 1; }
    return $status
}

as_client() {
    # shellcheck disable=SC2016
    "$suite" client "$(free_port)" build/autobahn/client --exclude "$exclude" "$@" -- \
        sh -c 'exec build/c-examples/echo_client --deflate --autobahn "$AUTOBAHN_URL"'
}

# role NAME OPTION...: its output, kept for the totals.
failed=0
totals=build/logs/conformance.$roles$variant.totals
: >"$totals"
role() {
    name=$1 log=build/logs/conformance.$1$variant.log
    shift
    echo "== as $name"
    status=0
    "as_$name" "$@" >"$log" 2>&1 || status=$?
    cat "$log"
    [ $status = 0 ] || failed=1
    grep ' passed, ' "$log" | tail -n 1 >>"$totals"
}

[ "$roles" = client ] || role server "$@"
[ "$roles" = server ] || role client "$@"
awk -v failed=$failed '{ p += $1; f += $3; s += $5 }
    END { if (failed && !f) f = 1; printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$totals"
exit $failed
