#!/bin/sh
# Our client through real proxies (squid, tinyproxy, microsocks, dante), each with what it asks of clients. Builds first.
#
#   sh scripts/proxies.sh
#
# What is missing is installed where that is possible, and else skipped with a line that says so; with CI=true a proxy that
# can't be had is a failure. The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
# Servers are not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin

need python3 python3
need openssl openssl
need_done
for pair in squid:squid tinyproxy:tinyproxy microsocks:microsocks danted:dante-server; do
    want "${pair%:*}" "${pair#*:}" || true
done
[ -x build/c-examples/proxy_client ] || sh scripts/build.sh
exec python3 tests/proxy/run.py
