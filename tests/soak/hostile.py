"""The hostile peers of the soak, on raw sockets: hostile.py HOST PORT SECONDS DEADLINE VANISHING LEDGER

For SECONDS, peers of many kinds come to the server, and each checks what it gets. They end, "quiet" is printed,
and after a line on standard input some of each kind that does nothing are held open; "holding" is printed, and another line
ends them too. DEADLINE is the server's, in seconds. VANISHING is an address of ours whose RSTs the network drops: a connection
from there that is cut leaves the server half-open. The ledger gets a line for each connection that opened:
    NUMBER KIND SENT RECEIVED
SENT counts messages that were begun. The last line printed is JSON: how many of each kind, and what surprised.
"""

import asyncio
import collections
import json
import random
import sys
import time

from wire import Peer, Surprise, frame, message, request

HOST, PORT, SECONDS, DEADLINE, VANISHING, LEDGER = sys.argv[1], *map(int, sys.argv[2:5]), *sys.argv[5:]
WORKERS, HELD, LIMIT = 10, 10, 90
choice = random.Random(1)
counts, surprises = collections.Counter(), []
numbers = iter(range(1 << 20, 1 << 28))
# Each once: the server's system may remember a vanished connection for minutes, and asks whoever comes from its port for a RST.
vanishing_ports = iter(range(2000, 65000))


async def slow(peer):
    """Sends a lot, reads later and little by little: everything comes, in order."""
    await peer.open()
    sizes = [choice.choice([100, 5000, 70_000, 300_000]) for _ in range(choice.randrange(5, 60))]
    sending = asyncio.create_task(peer.send_messages(sizes))
    await asyncio.sleep(choice.random() * 3)
    while peer.received < len(sizes):
        await peer.expect_echoes(piece=choice.choice([4096, 65536]), pause=choice.choice([0, 0.001]))
        await asyncio.sleep(0)
    await sending
    await peer.close_well()


async def dribble(peer):
    """Fragments and pings between them, in pieces of any size: all messages come back, and the last ping is answered."""
    await peer.open()
    out, ping = bytearray(), b""
    for place in range(choice.randrange(1, 10)):
        data = message(peer.number, place, choice.randrange(30_000))
        peer.messages.append(data)
        cuts = [0] + sorted(choice.randrange(len(data) + 1) for _ in range(choice.randrange(6))) + [len(data)]
        for index in range(len(cuts) - 1):
            out += frame(0 if index else 2, data[cuts[index] : cuts[index + 1]], index == len(cuts) - 2)
            if choice.random() < 0.3:
                ping = b"%d %d" % (place, index)
                out += frame(9, ping)
    peer.sent = len(peer.messages)
    sending = asyncio.create_task(in_pieces(peer, bytes(out)))
    await peer.expect_echoes()
    await sending
    await peer.close_well()
    if ping and (not peer.pongs or peer.pongs[-1] != ping):
        raise Surprise("the last ping has no pong")


async def in_pieces(peer, out):
    at = 0
    while at < len(out):
        size = choice.choice([1, 2, 7, 100, 5000, 60_000])
        await peer.write(out[at : at + size])
        at += size
        await asyncio.sleep(choice.random() * 0.003)


async def ping_flood(peer):
    """Thousands of pings and no reading: pongs come in order, the last one for sure, and a message after them too."""
    await peer.open()
    pings = [b"%08d" % place + b"p" * choice.choice([0, 50, 117]) for place in range(choice.randrange(500, 10_000))]
    await peer.write(b"".join(frame(9, ping) for ping in pings))
    await peer.send_messages([1000])
    await asyncio.sleep(choice.random())
    await peer.expect_echoes()
    await peer.close_well()
    left = iter(pings)
    if not all(pong in left for pong in peer.pongs) or peer.pongs[-1] != pings[-1]:
        raise Surprise("%d pongs to %d pings, in another order or without the last" % (len(peer.pongs), len(pings)))


async def reset(peer):
    """Cuts the connection in the middle of everything."""
    await peer.open()
    sizes = [choice.choice([10, 5000, 300_000]) for _ in range(choice.randrange(1, 20))]
    try:
        await asyncio.wait_for(peer.send_messages(sizes), choice.random())
    except asyncio.TimeoutError:
        pass
    peer.cut()


async def partial(peer):
    """Ends inside a frame, well or not."""
    await peer.open()
    peer.sent = 1
    data = frame(2, message(peer.number, 0, 50_000))
    await peer.write(data[: choice.randrange(1, len(data))])
    if choice.random() < 0.5:
        peer.cut()


async def vanish(peer):
    """Talks, and is never heard of again: a deadline of the server must find out."""
    await peer.open()
    await peer.send_messages([choice.randrange(5000) for _ in range(choice.randrange(4))])
    await peer.expect_echoes()
    peer.sent += choice.randrange(2)
    if peer.sent > len(peer.messages):
        await peer.write(frame(2, message(peer.number, len(peer.messages), 100_000)))
    peer.cut()


async def deaf(peer):
    """Sends what the server takes, and never reads."""
    await peer.open()
    try:
        await asyncio.wait_for(peer.send_messages([100_000] * 200), 2 + choice.random() * 4)
    except asyncio.TimeoutError:
        pass
    peer.cut()


async def half_closed(peer):
    """Shuts its half after some small messages: all come back."""
    await peer.open()
    await peer.send_messages([choice.randrange(300) for _ in range(choice.randrange(1, 30))])
    peer.socket.shutdown(1)
    while await peer.next_message():
        pass
    if peer.received != peer.sent:
        raise Surprise("the end after %d of %d messages" % (peer.received, peer.sent))


async def garbage(peer):
    """Reserved bits are set: closed with 1002, whatever follows."""
    await peer.open()
    await peer.send_messages([choice.randrange(100)])
    await peer.write(bytes([0xF0 | choice.randrange(16)]) + choice.randbytes(choice.randrange(5000)))
    try:
        await peer.expect_echoes()
        await peer.expect_close(1002)
    except ConnectionError:  # what came after the close makes the server's system send a RST
        pass


async def garbage_first(peer):
    """No HTTP at all."""
    await peer.connect()
    await peer.write(b"\x16\x03\x01" + choice.randbytes(choice.randrange(1000)) + b"\r\n\r\n")
    while await peer.fill():
        pass
    if peer.buffer and not peer.buffer.startswith(b"HTTP/1.1 400 "):
        raise Surprise("garbage is answered with %r" % bytes(peer.buffer[:100]))


async def half_handshake(peer):
    """Part of a request, and then nothing, or the end, or a RST."""
    await peer.connect()
    whole = request(peer.number)
    await peer.write(whole[: choice.randrange(len(whole))])
    await asyncio.sleep(choice.random())
    kind = choice.randrange(3)
    if kind == 0:
        begin = time.monotonic()
        while await peer.fill():
            pass
        if not DEADLINE / 2 < time.monotonic() - begin < DEADLINE + 10:
            raise Surprise("half a handshake ends after %.1f s" % (time.monotonic() - begin))
    elif kind == 1:
        peer.cut()


async def crowd(peer):
    """Many connect at once; some say something, some vanish, all are gone a moment later."""
    await peer.open()
    others = [make("crowd") for _ in range(60)]
    results = await asyncio.gather(*[other.open() for other in others], return_exceptions=True)
    for other, result in zip(others, results):
        if isinstance(result, BaseException):
            surprises.append("crowd: %r" % result)
        elif choice.random() < 0.5:
            other.cut()
        finished(other)
    await peer.close_well()


KINDS = {slow: 4, dribble: 4, ping_flood: 3, reset: 5, partial: 4, vanish: 3, deaf: 2, half_closed: 4, garbage: 4}
KINDS.update({garbage_first: 3, half_handshake: 4, crowd: 1})


def make(kind):
    source = (VANISHING, next(vanishing_ports)) if kind == "vanish" else None
    peer = Peer(HOST, PORT, next(numbers) * 16 + 15, source, choice.choice([None, 4096]))
    peer.kind = kind
    return peer


def finished(peer):
    peer.socket.close()
    counts[peer.kind] += 1
    if peer.opened:
        print(peer.number, peer.kind, peer.sent, peer.received, file=ledger)


async def one(kind):
    peer = make(kind.__name__)
    try:
        await asyncio.wait_for(kind(peer), LIMIT)
    except (Surprise, OSError, asyncio.TimeoutError, IndexError) as surprise:
        if len(surprises) < 100:
            surprises.append("%s %d: %r" % (peer.kind, peer.number, surprise))
            print(surprises[-1], file=sys.stderr, flush=True)
    finally:
        finished(peer)


async def worker(until):
    while time.monotonic() < until:
        await one(choice.choices(list(KINDS), KINDS.values())[0])
        await asyncio.sleep(choice.random() * 0.3)


async def hold_one(peer):
    if peer.kind == "half_handshake":
        await peer.connect()
        await peer.write(request(peer.number)[:20])
        return
    await peer.open()
    if peer.kind == "deaf":
        try:
            await asyncio.wait_for(peer.send_messages([300_000] * 20), 1)
        except asyncio.TimeoutError:
            pass
    if peer.kind == "vanish":
        peer.cut()


async def hold():
    """Peers that give the server nothing to do: silent ones, half handshakes, full queues, half-open ones."""
    held = [make(kind) for kind in ["silent", "half_handshake", "deaf", "vanish"] * HELD]
    await asyncio.gather(*[hold_one(peer) for peer in held])
    print("holding", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for peer in held:
        finished(peer)


async def main():
    until = time.monotonic() + SECONDS
    await asyncio.gather(*[worker(until) for _ in range(WORKERS)])
    print("quiet", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await hold()


with open(LEDGER, "w") as ledger:
    asyncio.run(main())
print(json.dumps({"kinds": counts, "surprises": surprises}))
