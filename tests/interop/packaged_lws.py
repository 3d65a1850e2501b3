"""The test programs that Debian packages of libwebsockets bring, as they are. Used by run.py.

Their protocols: lws-mirror-protocol sends each message back (and to everybody else), dumb-increment-protocol counts up
from "0". The client draws random circles on the mirror.
"""

import re
import shutil

from ends import Broken, End
from servers import free_port, start, wait_for

SERVER, CLIENT = "libwebsockets-test-server", "libwebsockets-test-client"
PACKAGE = "libwebsockets-test-server"
CIRCLE = re.compile(rb"c #[0-9A-F]{6} \d+ \d+ \d+;")
MIRRORED = [("text", "Grüße 🎉".encode()), ("text", b"x" * 4000)]


def is_there():
    return bool(shutil.which(SERVER) and shutil.which(CLIENT))


def is_equal(got, wanted):
    if got != wanted:
        raise Broken("%r instead of %r" % (got, wanted))


def against_server(ours, log):
    """Our client is mirrored, and is told 0 to 4."""
    port = free_port()
    server = start(log, SERVER, "--port=%d" % port)
    try:
        wait_for(port)
        url = "ws://127.0.0.1:%d/" % port
        end = End("our client", [*ours, "client"], None, log)
        end.do("connect", url, "lws-mirror-protocol")
        is_equal(end.next("open", "failed"), ["open", "lws-mirror-protocol"])
        for kind, data in MIRRORED:
            end.do(kind, data)
            is_equal(end.next("message"), ["message", kind, data.hex()])
        end.do("close", 1000, b"")
        is_equal(end.next("closed")[:2], ["closed", "1000"])
        end.do("connect", url, "dumb-increment-protocol")
        is_equal(end.next("open", "failed"), ["open", "dumb-increment-protocol"])
        for number in range(5):
            is_equal(end.next("message"), ["message", "text", str(number).encode().hex()])
        end.end()
    finally:
        server.kill()
        server.wait()


def against_client(ours, log):
    """Their client opens both protocols with our server, and draws."""
    end = End("our server", [*ours, "server"], None, log)
    port = end.next("listening")[1]
    client = start(log, CLIENT, "127.0.0.1", "--port=" + port)
    try:
        opened = {end.next("open")[1], end.next("open")[1]}
        is_equal(opened, {"dumb-increment-protocol", "lws-mirror-protocol"})
        for _ in range(5):
            _, kind, data = end.next("message")
            if kind != "text" or not CIRCLE.fullmatch(bytes.fromhex(data)):
                raise Broken("no circle: %s %s" % (kind, data))
    finally:
        client.kill()
        client.wait()
    for _ in range(2):
        is_equal(end.next("closed")[1], "1006")
    end.end()


CHECKS = [(SERVER, against_server), (CLIENT, against_client)]
