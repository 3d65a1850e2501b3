#!/bin/sh
# A server and clients under fire over a lossy link: connects, floods, resets, half-open peers, slow readers. Every message is
# accounted for, memory must stay flat, and nothing may be left at the end (tests/soak).
#
#   sh scripts/soak.sh [SECONDS [LOSS]]       1200 seconds with 1 % of the packets lost, unless told
#   WSRS_SOAK_BUILD=build/asan sh scripts/soak.sh 60      another build than build/
#
# The link is made of two network namespaces of its own, which needs root, and iptables, whose rules in them drop packets.
# The last line is 'N passed, N failed, N skipped'. Exit status: 0 all is well, 1 something failed, 2 it can't run here.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
seconds=${1:-1200} loss=${2:-1}
build=${WSRS_SOAK_BUILD:-build}
near=wsrs-soak-$$-server far=wsrs-soak-$$-client
folder=build/soak/$$ driver=''

impossible() {
    echo "The soak can't run here: $1" >&2
    exit 2
}

[ "$(id -u)" = 0 ] || impossible "network namespaces need root"
need python3 python3
need ip iproute2
need_done
want iptables iptables >/dev/null || impossible "iptables is missing"
[ -x "$build/tests/soak/server" ] || [ "$build" != build ] || sh scripts/build.sh

clean_up() {
    trap - EXIT INT TERM
    if [ -n "$driver" ]; then
        kill -TERM "$driver" 2>/dev/null || true
        wait "$driver" 2>/dev/null || true
    fi
    for name in $near $far; do
        [ ! -e "/run/netns/$name" ] || ip netns del "$name"
    done
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT TERM

ip netns add $near 2>/dev/null && ip netns add $far 2>/dev/null || impossible "no network namespaces"
ip -n $near link add soak0 type veth peer name soak0 netns $far 2>/dev/null || impossible "no veth"
ip -n $near addr add 10.99.0.1/24 dev soak0
ip -n $far addr add 10.99.0.2/24 dev soak0
ip -n $far addr add 10.99.0.3/24 dev soak0
probability=$(awk "BEGIN { print $loss / 100 }")
iptables=''
for kind in iptables iptables-nft iptables-legacy; do
    if ip netns exec $near $kind -A INPUT -i soak0 -m statistic --mode random --probability "$probability" -j DROP 2>/dev/null; then
        iptables=$kind
        break
    fi
done
[ -n "$iptables" ] || impossible "iptables has no statistic match"
ip netns exec $far $iptables -A INPUT -i soak0 -m statistic --mode random --probability "$probability" -j DROP
# Whoever vanishes from here is not heard of again.
ip netns exec $far $iptables -A OUTPUT -s 10.99.0.3 -p tcp --tcp-flags RST RST -j DROP
for name in $near $far; do
    # One packet is one segment, so that each is lost alone; small buffers, so that queues fill.
    ip -n $name link set soak0 gso_max_segs 1 2>/dev/null || true
    ip -n $name link set lo up
    ip -n $name link set soak0 up
    for buffer in tcp_rmem tcp_wmem; do
        ip netns exec $name sh -c "echo 4096 65536 262144 >/proc/sys/net/ipv4/$buffer"
    done
done

mkdir -p "$folder"
nice -n 10 python3 -u tests/soak/driver.py "$seconds" $near $far $iptables "$build/tests/soak" "$folder" &
driver=$!
status=0
wait $driver || status=$?
driver=''
[ $status != 0 ] || rm -r "$folder"
exit $status
