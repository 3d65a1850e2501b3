"""Writes docs/interop.md from what run.py found. Used by run.py --write."""

import datetime
import os
import platform
import subprocess

import deflate_checks
from exchange import CHECKS

HEAD = """# Other WebSocket libraries

Written by `sh scripts/interop.sh --all --write` on %(date)s with wsrs %(version)s on %(system)s: every cell is
what that run found. A program of each library talks over loopback to a C program on wsrs (`tests/interop/peers`).
`sh scripts/interop.sh`, which is part of `sh scripts/test.sh`, runs the peers that are installed in seconds.
Over TLS the clients trust the authority that `scripts/certificates.sh` makes, and look for the name localhost.

"""

LEGEND = """
## Legend

**OK**: the exact bytes, codes and words were asserted. **n/a**: the peer's API has no way. Other words: where the peer does
something else, what it does; the run asserts that too and fails when it changes.

| Column | What happens |
|---|---|
| text | UTF-8 with characters of one to four bytes, each way |
| binary | all 256 values of a byte, each way |
| empty | an empty text and an empty binary message, each way |
| 1 MiB | a binary message of 1,048,576 bytes, each way |
| fragments | the peer sends a text in four frames or more; wsrs sends one in four frames that are cut inside characters, and one with empty frames inside a character. A relay between both counts the frames on the wire, without TLS |
| ping | a ping with 15 bytes each way: the pong brings the same bytes back to the API of the side that asked; wsrs also shows the peer's ping |
| peer closes | the peer closes with 1000, and with 3456 and a reason: `on_close` has exactly these, clean, by the remote side |
| wsrs closes | wsrs closes with 4001 and a reason: the peer tells exactly these, and answers with a Close frame, which `on_close` tells |
| subprotocol | the client offers chat.v1 and chat.v2, the server speaks chat.v2: both ends tell chat.v2 |
| refused | the server answers 403: wsrs's `on_error` has the status; the peer tells that it failed, with the status where its API has it |

With permessage-deflate, each of these is a connection with what was asked for (windows: one for each from 8 to 15 bits, of both
sides), on which both sides send empty messages, one byte, umlauts, 125 bytes and 16 KiB of JSON, 20,000 random bytes and 16 KiB
in four fragments, three times in a row each, and 1 MiB of JSON; all come back exactly. The answer to the handshake says what was
asked for. A relay inflates what passes with a zlib of just the window that was agreed on, kept or begun anew as was agreed on; JSON
became smaller by 40% at least; a message that comes again became smaller where the context is kept, and is of the same size
where not.
"""


def table(title, checks, rows):
    """`rows`: pairs of an outcome and its cells."""
    lines = ["## %s" % title, "", "| Peer | " + " | ".join(checks) + " |", "|---|" + "---|" * len(checks)]
    for outcome, cells in rows:
        if cells:
            lines.append("| %s | %s |" % (outcome.peer.name, " | ".join(cells.get(check, "") for check in checks)))
    return "\n".join(lines) + "\n\n"


def exchanges(title, scheme, role, outcomes):
    return table(title, CHECKS, [(outcome, outcome.cells.get((scheme, role))) for outcome in outcomes])


def compression(title, role, outcomes):
    return table(title, deflate_checks.CHECKS, [(outcome, outcome.deflate.get(role)) for outcome in outcomes])


def peers(outcomes):
    lines = ["\n## Peers\n", "| Peer | Version | Roles | Remark |", "|---|---|---|---|"]
    for outcome in outcomes:
        peer = outcome.peer
        remark = "skipped: " + outcome.skipped if outcome.skipped else peer.remark
        lines.append("| %s | %s | %s | %s |" % (peer.name, outcome.version, ", ".join(peer.roles), remark))
    return "\n".join(lines) + "\n"


def system():
    try:
        with open("/etc/os-release") as file:
            names = dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line)
        return names["PRETTY_NAME"] + ", " + platform.machine()
    except OSError:
        return platform.system() + ", " + platform.machine()


def checks(results):
    """What tls_checks.py found."""
    told = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()
    lines = ["## openssl s_client and s_server of %s\n" % " ".join(told[:2]), "| Check | Result |", "|---|---|"]
    return "\n".join(lines + ["| %s | %s |" % item for item in results.items()]) + "\n"


def write(path, outcomes, openssl, ours):
    told = subprocess.run([ours], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    head = HEAD % {"date": datetime.date.today(), "version": told.split()[1], "system": system()}
    with open(path + ".new", "w") as file:
        file.write(head)
        file.write(exchanges("wsrs is the client", "ws", "server", outcomes))
        file.write(exchanges("wsrs is the server", "ws", "client", outcomes))
        file.write(exchanges("wsrs is the client, over TLS", "wss", "server", outcomes))
        file.write(exchanges("wsrs is the server, over TLS", "wss", "client", outcomes))
        file.write(compression("permessage-deflate, wsrs is the client", "server", outcomes))
        file.write(compression("permessage-deflate, wsrs is the server", "client", outcomes))
        file.write(checks(openssl))
        file.write(LEGEND)
        file.write(peers(outcomes))
    os.replace(path + ".new", path)
