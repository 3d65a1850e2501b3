"""Counts checks, one line each; `end` prints the totals and gives the exit status."""

import sys

# A client without a library asks for this.
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

results = []


def check(name, passed, detail=""):
    results.append(bool(passed))
    print("ok    " + name if passed else "FAIL  %s %s" % (name, detail), flush=True)


def end():
    print("%d passed, %d failed, 0 skipped" % (sum(results), len(results) - sum(results)))
    sys.exit(0 if results and all(results) else 1)
