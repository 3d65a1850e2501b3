"""The checks: what wsrs and a peer do with each other, exact to the byte. Used by run.py.

CHECKS names the columns of the table; a column has one or two steps, each on a connection of its own. A step gets the
Pair: `ours` is the wsrs end, `peer` the other library's, `wire` what lies between, which sees nothing of TLS. It returns
nothing when all was as asserted; it raises Cannot (the peer's API has no way) or Broken.
"""

from ends import Broken, short, word

TEXT = "Grüße, 世界 🎉 \U0010ffff".encode()
BINARY = bytes(range(256))
LARGE = bytes((i * 7 + i // 256) % 256 for i in range(1 << 20))
PARTS = ["Grüße, ".encode(), "世界".encode(), b"", "🎉".encode()]
CUT = [TEXT[:3], TEXT[3:10], TEXT[10:21], TEXT[21:]]
CUT_AND_EMPTY = [TEXT[:3], b"", b"", TEXT[3:]]
REASON = "bis später 🎉".encode()
FRAGMENTED = [(1, 0), (0, 0), (0, 0), (0, 1)]


class Pair:
    def __init__(self, ours, peer, server, wire, always_offers="", pong_waits=False):
        self.ours, self.peer, self.server, self.wire = ours, peer, server, wire
        self.always_offers, self.pong_waits = always_offers, pong_waits
        self.client = peer if server is ours else ours
        self.is_open = False

    def ask(self, path="/", offered="-"):
        if offered == "-" and self.client is self.peer and self.always_offers:
            offered = self.always_offers
        self.is_open = False
        self.wire.reset()
        origin = "wss://localhost" if self.wire.blind else "ws://127.0.0.1"
        self.client.do("connect", "%s:%d%s" % (origin, self.wire.port, path), offered)

    def open(self, offered="-", agreed="-"):
        if self.client is self.peer and self.always_offers:
            agreed = self.always_offers
        self.ask(offered=offered)
        self.client.expect("open", agreed)
        self.server.expect("open", agreed)
        self.is_open = True

    def frames_of(self, end):
        return self.wire.from_server if end is self.server else self.wire.from_client

    def finish(self):
        """Cuts the wire; both ends must see it."""
        self.wire.cut()
        for end in (self.ours, self.peer):
            if self.is_open and not any(report[0] == "closed" for report in end.pending):
                end.next("closed")
            end.forget()
        self.is_open = False


def message(kind, data, sender, receiver):
    def step(pair):
        pair.open()
        getattr(pair, sender).do(kind, data)
        getattr(pair, receiver).expect("message", kind, data)
        pair.finish()

    return step


def both_ways(*messages):
    """One step for each direction; each message on a connection of its own."""

    def one_way(sender, receiver):
        def step(pair):
            for kind, data in messages:
                message(kind, data, sender, receiver)(pair)

        return step

    return [("to wsrs", one_way("peer", "ours")), ("from wsrs", one_way("ours", "peer"))]


def fragmented_on_the_wire(pair, sender):
    """What was sent as fragments left as such: opcode and FIN as RFC 6455 section 5.4 says. A peer may end with an empty one."""
    if pair.wire.blind:
        return
    shape = [frame[:2] for frame in pair.frames_of(sender).list if frame.opcode < 8]
    if shape != FRAGMENTED and (sender is pair.ours or shape != [FRAGMENTED[0], (0, 0), *FRAGMENTED[1:]]):
        raise Broken("%s sends these frames (opcode, FIN): %s" % (sender.name, shape))


def fragments_to_ours(pair):
    pair.open()
    pair.peer.do("fragments", "text", *PARTS)
    pair.ours.expect("message", "text", b"".join(PARTS))
    fragmented_on_the_wire(pair, pair.peer)
    pair.finish()


def fragments_to_peer(*parts):
    """Text that is cut inside characters."""

    def step(pair):
        pair.open()
        pair.ours.do("fragments", "text", *parts)
        pair.peer.expect("message", "text", TEXT)
        fragmented_on_the_wire(pair, pair.ours)
        pair.finish()

    return step


def ping_to_ours(pair):
    pair.open()
    pair.peer.do("ping", b"\0are you there?")
    pair.ours.expect("ping", b"\0are you there?")
    pair.peer.expect("pong", b"\0are you there?")
    pair.finish()


def ping_to_peer(pair):
    pair.open()
    pair.ours.do("ping", b"\0are you there?")
    if pair.pong_waits:
        pair.ours.do("text", b"behind the ping")
        pair.peer.expect("message", "text", b"behind the ping")
        pair.peer.do("text", b"before the pong")
    pair.ours.expect("pong", b"\0are you there?")
    pair.finish()


def closes(code, reason):
    """The peer ends the connection; on_close must tell the same."""

    def step(pair):
        pair.open()
        pair.peer.do("close", code, reason)
        pair.ours.expect("closed", code, reason, "clean", "remote")
        pair.peer.next("closed")
        pair.wire.cut()

    return step


def wsrs_closes(pair):
    pair.open()
    pair.ours.do("close", 4001, REASON)
    pair.peer.expect("closed", 4001, REASON)
    pair.ours.next("closed")
    pair.wire.cut()


def peer_answers_close(pair):
    """RFC 6455 section 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the
    endpoint MUST send a Close frame in response"; on_close tells what that one says."""
    pair.open()
    pair.ours.do("close", 4001, REASON)
    report = pair.ours.next("closed")
    if pair.wire.blind:
        answered_unseen(pair, report)
    else:
        answered_on_the_wire(pair, report)
    pair.peer.next("closed")
    pair.wire.cut()


def answered_unseen(pair, report):
    if report[3:] != ["clean", "local"]:
        raise Broken("wsrs reports: %s" % short(report))


def answered_on_the_wire(pair, report):
    answers = [frame.payload for frame in pair.frames_of(pair.peer).list if frame.opcode == 8]
    if not answers:
        raise Broken("no Close frame of %s is on the wire; wsrs reports: %s" % (pair.peer.name, short(report)))
    code = int.from_bytes(answers[0][:2], "big") if answers[0] else 1005
    if report != [word(value) for value in ("closed", code, answers[0][2:], "clean", "local")]:
        raise Broken("wsrs reports: %s; on the wire: %r" % (short(report), answers[0]))


def subprotocol(pair):
    pair.open(offered="chat.v1,chat.v2", agreed="chat.v2")
    pair.finish()


def refused(pair):
    pair.ask(path="/refuse")
    if pair.client is pair.ours:
        pair.ours.expect("failed", 403, "rejected")
    else:
        status = pair.peer.next("failed", "open")
        if status[:2] not in (["failed", "403"], ["failed", "0"]):
            raise Broken("%s reports: %s" % (pair.peer.name, " ".join(status)))
    if not pair.wire.blind and b" 403 " not in pair.wire.from_server.head.split(b"\r\n")[0]:
        raise Broken("the answer on the wire: %r" % pair.wire.from_server.head[:60])
    pair.wire.cut()


CHECKS = {
    "text": both_ways(("text", TEXT)),
    "binary": both_ways(("binary", BINARY)),
    "empty": both_ways(("text", b""), ("binary", b"")),
    "1 MiB": both_ways(("binary", LARGE)),
    "fragments": [
        ("to wsrs", fragments_to_ours),
        ("from wsrs", fragments_to_peer(*CUT)),
        ("from wsrs with empty ones", fragments_to_peer(*CUT_AND_EMPTY)),
    ],
    "ping": [("to wsrs", ping_to_ours), ("from wsrs", ping_to_peer)],
    "peer closes": [("1000", closes(1000, b"")), ("3456", closes(3456, REASON))],
    "wsrs closes": [("told", wsrs_closes), ("answered", peer_answers_close)],
    "subprotocol": [("", subprotocol)],
    "refused": [("", refused)],
}
