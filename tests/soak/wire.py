"""WebSocket frames on a raw socket, for hostile.py: whatever a peer may and may not do."""

import asyncio
import base64
import hashlib
import random
import socket
import struct

BLOB = random.Random(7).randbytes(2 << 20)
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


class Surprise(Exception):
    """The server did what it must not do."""


def request(number):
    return (
        b"GET /%d HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (number, KEY)
    )


def message(number, place, size):
    """As soak.h says, with a body of our own: server.c checks the head, and we what comes back."""
    begin = (number + 7919 * place) % (1 << 20)
    return b"%08x%08x%08xe" % (number, place, 25 + size) + BLOB[begin : begin + size]


def masked(data, mask):
    repeated = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")


def frame(opcode, data, last=True, mask=b"\x1f\x2e\x3d\x4c"):
    length = len(data)
    head = bytes([opcode | (0x80 if last else 0)])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65536:
        head += struct.pack("!BH", 0x80 | 126, length)
    else:
        head += struct.pack("!BQ", 0x80 | 127, length)
    return head + mask + masked(data, mask)


class Peer:
    """A connection; `sent` and `received` count whole messages."""

    def __init__(self, host, port, number, source=None, receive=None):
        self.address, self.number = (host, port), number
        self.opened, self.sent, self.received = False, 0, 0
        self.buffer, self.pongs, self.close_code = bytearray(), [], None
        self.messages = []
        self.loop = asyncio.get_running_loop()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        if source:
            self.socket.bind(source)

    async def connect(self):
        await self.loop.sock_connect(self.socket, self.address)

    async def write(self, data):
        await self.loop.sock_sendall(self.socket, data)

    async def fill(self, most=1 << 18):
        data = await self.loop.sock_recv(self.socket, most)
        self.buffer += data
        return len(data)

    async def open(self):
        await self.connect()
        await self.write(request(self.number))
        while b"\r\n\r\n" not in self.buffer:
            if not await self.fill():
                raise Surprise("the connection ends in the handshake")
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT not in head:
            raise Surprise("answer to a handshake: %r" % head[:200])
        self.buffer[:] = rest
        self.opened = True

    async def send_messages(self, sizes):
        for size in sizes:
            data = message(self.number, len(self.messages), size)
            self.messages.append(data)
            # Counted first: a message that is cut off may have arrived.
            self.sent += 1
            await self.write(frame(2, data))

    def next_frame(self):
        """(first byte, payload), or None while it is not there."""
        have = self.buffer
        if len(have) < 2:
            return None
        length, head = have[1], 2
        if length == 126:
            length, head = int.from_bytes(have[2:4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(have[2:10], "big"), 10
        if len(have) < head or len(have) < head + length:
            return None
        got = have[0], bytes(memoryview(have)[head : head + length])
        del have[: head + length]
        return got

    async def next_message(self, piece=1 << 18, pause=0):
        """None at the end. Messages must be ours, in order, and each once."""
        while True:
            got = self.next_frame()
            if got is None:
                if pause:
                    await asyncio.sleep(pause)
                if not await self.fill(piece):
                    return None
            elif got[0] == 0x8A:
                self.pongs.append(got[1])
            elif got[0] == 0x88:
                self.close_code = int.from_bytes(got[1][:2], "big")
            elif got[0] == 0x89:
                await self.write(frame(10, got[1]))
            else:
                return self.is_next(got)

    def is_next(self, got):
        if got[0] != 0x82 or self.close_code is not None or self.received >= len(self.messages):
            raise Surprise("a frame that nobody asked for: %#x, %d bytes" % (got[0], len(got[1])))
        if got[1] != self.messages[self.received]:
            raise Surprise("%d bytes are not message %d" % (len(got[1]), self.received))
        self.received += 1
        return got[1]

    async def expect_echoes(self, **how):
        while self.received < len(self.messages):
            if await self.next_message(**how) is None:
                raise Surprise("the end after %d of %d messages, code %s" % (self.received, self.sent, self.close_code))

    async def expect_close(self, code, **how):
        if await self.next_message(**how) is not None or self.close_code != code:
            raise Surprise("closed with %s, not %d" % (self.close_code, code))

    async def close_well(self):
        await self.write(frame(8, b"\x03\xe8"))
        await self.expect_close(1000)

    def cut(self):
        """A RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
