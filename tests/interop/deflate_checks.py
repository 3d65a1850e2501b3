"""permessage-deflate (RFC 7692) with a peer: what is agreed on, and messages that come back exactly. Used by run.py.

CHECKS names the columns of the table and their steps. A step is a connection with parameters that wsrs asks for, or the
peer, or nobody. Both sides send each message three times in a row, so that a context that is kept matters. The relay
between them sees the answer to the handshake, and inflates what passes by what that says: a compressor that reaches
further back than its window, or into an earlier message without being allowed to, is found out there.
"""

import json
import random
import zlib

from ends import Broken, End, Wire
from exchange import Pair

EXTENSION = "permessage-deflate"
NO_TAKEOVER = ["server_no_context_takeover", "client_no_context_takeover"]
TIMES = 3


def windows(bits):
    return ["server_max_window_bits=%d" % bits, "client_max_window_bits=%d" % bits]


def records(size):
    """JSON of some size, like that of an API."""
    words = random.Random(size)
    lines, length = [], 0
    while length < size:
        lines.append(json.dumps({"id": words.randrange(10**6), "name": words.choice(["Ann", "Bob", "Zoë"]), "on": True}))
        length += len(lines[-1]) + 1
    return ",".join(lines)[:size].encode()


SMALL, LARGE, HUGE = records(125), records(16 << 10), records(1 << 20)
RANDOM = random.Random(1).randbytes(20_000)
# Peers are spared those of which peers.py says that they never send or get them.
MESSAGES = [
    ("empty", "text", b""),
    ("empty", "binary", b""),
    ("one byte", "binary", b"\0"),
    ("umlauts", "text", "Grüße, 世界 🎉".encode()),
    ("125 B", "text", SMALL),
    ("16 KiB", "text", LARGE),
    ("random", "binary", RANDOM),
    ("1 MiB", "binary", HUGE),
]
PARTS = [LARGE[:1], LARGE[1:5000], b"", LARGE[5000:]]
# Seen on the wire: these must have become smaller than that.
SMALLER = {LARGE: 0.6, HUGE: 0.6}
# Output at a time while what was sent is inflated: one byte has zlib look for all that it refers to in the window alone.
FINE, COARSE = 1, 1 << 14


def parameters(head):
    """Of the answer to the handshake, in order."""
    for line in head.decode("latin-1").lower().split("\r\n"):
        name, _, value = line.partition(":")
        if name == "sec-websocket-extensions":
            extension, *rest = [part.strip() for part in value.split(";")]
            if extension == EXTENSION:
                return rest
    raise Broken("compression was not agreed on")


def inflate(inflater, data, step):
    """A message whose data ends as RFC 7692 section 7.2.1 says; "append 4 octets of 0x00 0x00 0xff 0xff" (7.2.2)."""
    data += b"\0\0\xff\xff"
    parts = []
    for begin in range(0, len(data), 256):
        rest = data[begin : begin + 256]
        while True:
            part = inflater.decompress(rest, step)
            parts.append(part)
            rest = inflater.unconsumed_tail
            if not rest and len(part) < step:
                break
    return b"".join(parts)


def limits(agreed, side):
    """The window of this side's compressor, and whether it begins each message anew."""
    bits = [int(one.partition("=")[2]) for one in agreed if one.startswith(side + "_max_window_bits=")]
    return bits[0] if bits else 15, side + "_no_context_takeover" in agreed


class Sent:
    """What one side has sent, as the relay saw it."""

    def __init__(self, frames, bits, no_takeover):
        self.bits, self.takeover = bits, not no_takeover
        self.messages = []
        for frame in frames.list:
            if frame.opcode in (1, 2):
                self.messages.append([frame.rsv1, frame.payload])
            elif frame.opcode == 0:
                self.messages[-1][1] += frame.payload

    def check(self, name, expected):
        if len(self.messages) != len(expected):
            raise Broken("%s sends %d messages instead of %d" % (name, len(self.messages), len(expected)))
        inflater = zlib.decompressobj(wbits=-self.bits)
        for (compressed, payload), data in zip(self.messages, expected):
            if compressed and not self.takeover:
                inflater = zlib.decompressobj(wbits=-self.bits)
            try:
                got = inflate(inflater, payload, COARSE if len(data) > len(RANDOM) else FINE) if compressed else payload
            except zlib.error as why:
                raise Broken("%s sends %d bytes that %d bits don't inflate: %s" % (name, len(data), self.bits, why)) from None
            if got != data:
                raise Broken("%s sends %d bytes that inflate to others" % (name, len(data)))

    def check_sizes(self, name, expected, takeover):
        """That it is compressed, and that what came before is used just where that was agreed on."""
        sizes = {}
        for (compressed, payload), data in zip(self.messages, expected):
            if data in SMALLER and not (compressed and len(payload) < SMALLER[data] * len(data)):
                raise Broken("%s sends %d bytes as %d" % (name, len(data), len(payload)))
            sizes.setdefault(data, []).append(len(payload))
        first, second, third = sizes[SMALL]
        if takeover != (second < first) or not takeover and first != third:
            raise Broken("%s sends the same message as %d, %d and %d bytes" % (name, first, second, third))


def talk(sender, receiver, without):
    """What was sent, message by message."""
    sent = []
    for name, kind, data in MESSAGES:
        for _ in range(0 if name in without else 1 if data is HUGE else TIMES):
            sender.do(kind, data)
            receiver.expect("message", kind, data)
            sent.append(data)
    for _ in range(0 if "fragments" in without else TIMES):
        sender.do("fragments", "text", *PARTS)
        receiver.expect("message", "text", LARGE)
        sent.append(LARGE)
    return sent


class Step:
    """A connection: `ours` and `theirs` are the parameters that wsrs and that the peer asks for."""

    def __init__(self, ours=(), theirs=()):
        self.ours, self.theirs = list(ours), list(theirs)
        # The largest window need not be told.
        self.agreed = {one for one in [*ours, *theirs] if not one.endswith("=15")}

    def run(self, pair, deflate):
        pair.open()
        agreed = parameters(pair.wire.from_server.head)
        if not self.agreed <= set(agreed):
            raise Broken("agreed on: %s" % ("; ".join(agreed) or "no parameter"))
        server, client = limits(agreed, "server"), limits(agreed, "client")
        pair.ours.expect("deflate", "server", *map(int, server), "client", *map(int, client))
        ways = [(pair.ours, pair.peer, deflate.never_gets), (pair.peer, pair.ours, deflate.never_sends)]
        for sender, receiver, without in ways:
            expected = talk(sender, receiver, without)
            sent = Sent(pair.frames_of(sender), *(server if sender is pair.server else client))
            sent.check(sender.name, expected)
            sent.check_sizes(sender.name, expected, sent.takeover and not (sender is pair.peer and deflate.forgets))
        pair.finish()


ALL_BITS = range(8, 16)
CHECKS = {
    "defaults": [("", Step())],
    "wsrs asks for no takeover": [("", Step(ours=NO_TAKEOVER))],
    "wsrs asks for windows": [(str(bits), Step(ours=windows(bits))) for bits in ALL_BITS],
    "peer asks for no takeover": [("", Step(theirs=NO_TAKEOVER))],
    "peer asks for windows": [(str(bits), Step(theirs=windows(bits))) for bits in ALL_BITS],
}
# Those of the short run.
QUICK = {("defaults", ""), ("wsrs asks for no takeover", ""), ("wsrs asks for windows", "9"), ("peer asks for windows", "10")}


class Session:
    """A peer in one role: a process of ours for each step, and of the peer for each that it has other parameters in."""

    def __init__(self, peer, role, ours, environment, log):
        self.peer, self.role, self.command, self.environment, self.log = peer, role, ours, environment, log
        self.theirs = self.pair = None
        self.words = ""

    def start(self, name, program, role, asked):
        return End(name, [*program, role, ";".join([EXTENSION, *asked])], self.environment, self.log)

    def begin(self, step):
        if self.theirs and self.words != step.theirs:
            self.end()
        if not self.theirs:
            self.words = step.theirs
            self.theirs = self.start(self.peer.name, self.peer.program, self.role, step.theirs)
            self.theirs.next("version", patience=60)
            self.port = int(self.theirs.next("listening")[1]) if self.role == "server" else 0
        ours = self.start("wsrs", self.command, "client" if self.role == "server" else "server", step.ours)
        port = self.port or int(ours.next("listening")[1])
        self.pair = Pair(ours, self.theirs, self.theirs if self.role == "server" else ours, Wire(port))

    def leave(self):
        if self.pair:
            self.pair.wire.end()
            self.pair.ours.end()
            self.pair = None

    def end(self):
        self.leave()
        if self.theirs:
            self.theirs.end()
        self.theirs = None

    def step(self, step):
        """What came of it."""
        deflate = self.peer.deflate
        if step.theirs and self.role not in deflate.asks:
            return "n/a: asks for nothing"
        if step.theirs == windows(8) and deflate.least_bits > 8:
            return "n/a: its API takes 9 to 15"
        try:
            self.begin(step)
            step.run(self.pair, deflate)
            self.leave()
            self.theirs.forget()
            return "OK"
        except (Broken, OSError) as broken:
            self.end()
            return str(broken)


def try_all(peer, role, ours, environment, log, quick):
    """Each check, and of its steps the name and what came of it."""
    session = Session(peer, role, ours, environment, log)
    try:
        for check, steps in CHECKS.items():
            chosen = [(name, step) for name, step in steps if not quick or (check, name) in QUICK]
            if chosen:
                yield check, [(name, session.step(step)) for name, step in chosen]
    finally:
        session.end()
