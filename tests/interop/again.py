"""Servers of other libraries that redirect, close with "internal error" and vanish; wsrs comes back. Used by run.py.

The peer's program answers 302 on the path /moved?PORT, to the same path on that port.
"""

from ends import Broken, End

# Peers whose server can answer a request with a redirect.
NAMES = ["Python websockets", "npm ws"]
FAULT = b"out of coffee"


def check(peer, ours, environment, log):
    """Two servers of the peer: one redirects to the other, which ends the connection twice."""
    ends = []

    def start(name, command):
        ends.append(End(name, command, environment, log))
        return ends[-1]

    try:
        first, second = (start(peer.name, [*peer.program, "server"]) for _ in range(2))
        ports = [int(end.next("listening")[1]) for end in (first, second)]
        client = start("wsrs", [*ours, "client"])
        client.do("connect", "ws://127.0.0.1:%d/moved?%d" % tuple(ports), "-")
        say_hello(client, second)
        second.do("close", 1011, FAULT)
        second.next("closed")
        client.expect("retry", 1, "closed", 1011)
        say_hello(client, second)
        second.end()
        client.expect("retry", 2, "closed", 1006)
        client.expect("retry", 3, "failed", 0)
        client.do("close", 1000, b"")
        client.expect("closed", 1006, b"", "unclean", "local")
    finally:
        for end in ends:
            end.end()


def say_hello(client, server):
    client.expect("open")
    server.next("open")
    client.do("text", b"hello")
    server.expect("message", "text", b"hello")


def try_all(chosen, ours, environment, log):
    """Name and what went wrong, if anything, for each peer that can redirect."""
    for peer in chosen:
        if peer.name in NAMES:
            try:
                check(peer, ours, environment, log)
                yield peer.name, ""
            except (Broken, OSError) as broken:
                yield peer.name, str(broken)
