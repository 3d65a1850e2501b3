"""The line language of tests/interop/ends.py, for the peers that are written in Python.

A peer is an object with a method for each command: connect(url, subprotocols), text(data), binary(data),
fragments(kind, parts), ping(data), close(code, reason); payloads are bytes. What its library can't do raises Cannot.
"""

import os
import sys
import threading

SUBPROTOCOL = "chat.v2"
REFUSED = "/refuse"
# Followed by a port.
MOVED = "/moved?"
REFUSED_ORIGIN = "http://refused.example"
# The command line was PROGRAM server|client [tls] [permessage-deflate[;PARAMETER...]].
TLS = "tls" in sys.argv[2:]
speaking = threading.Lock()


def deflate():
    """What permessage-deflate is to ask for, as {NAME: True or a number}; None without compression."""
    for word in sys.argv[2:]:
        if word.startswith("permessage-deflate"):
            pairs = [parameter.partition("=") for parameter in word.split(";")[1:]]
            return {name: int(value) if value else True for name, _, value in pairs}
    return None


class Cannot(Exception):
    """The library's API has no way for this; the words say why."""


def certificate(name):
    """The path of a file that scripts/certificates.sh has made."""
    return os.path.join(os.environ["CERTIFICATES"], name)


def say(*words):
    with speaking:
        print(*("-" if word in ("", None) else word.hex() or "-" if isinstance(word, bytes) else word for word in words), flush=True)


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def obey(peer, line):
    """Does what one line says, and says "done"."""
    command, *words = line.split()
    try:
        if command == "connect":
            url, subprotocols = words
            peer.connect(url, [] if subprotocols == "-" else subprotocols.split(","))
        elif command == "fragments":
            peer.fragments(words[0], [unhex(word) for word in words[1:]])
        elif command == "close":
            peer.close(int(words[0]), unhex(words[1]))
        else:
            getattr(peer, command)(unhex(words[0]))
        say("done")
    except Cannot as why:
        say("cannot", why)


def obey_all(peer):
    """Until standard input ends."""
    for line in sys.stdin:
        obey(peer, line)
