"""A server that breaks the rules, for the clients of the soak: odd_server.py HOST. Prints its port; SIGTERM ends it.

It refuses, answers halfway, with another status or with garbage, falls silent, reads nothing, or cuts the connection.
"""

import asyncio
import base64
import hashlib
import random
import socket
import struct
import sys

choice = random.Random(2)


def answer(head):
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split(b":")[1].strip()
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    start = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return start + b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept


async def odd(reader, writer):
    kind = choice.randrange(10)
    if kind == 0:
        return
    good = answer(await reader.readuntil(b"\r\n\r\n"))
    if kind == 1:
        writer.write(good[: choice.randrange(len(good))])
    elif kind == 2:
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nsorry")
    elif kind == 3:
        writer.write(choice.randbytes(300) + b"\r\n\r\n")
    else:
        writer.write(good)
        await opened(reader, writer, kind)
    await asyncio.sleep(choice.random() * 0.5)


async def opened(reader, writer, kind):
    if kind == 4:
        await asyncio.sleep(8)  # neither reads nor answers
    elif kind == 5:
        writer.write(bytes([0xF0]) + choice.randbytes(1000))
    elif kind == 6:
        for place in range(3000):
            writer.write(b"\x89\x08%08d" % place)
        await reader.read(100_000)
    elif kind == 7:
        writer.write(b"\x88\x02\x03\xe9" + b"\x82\x05after")
    elif kind == 8:
        writer.write(b"\x82\x7f" + struct.pack("!Q", 1 << 40))
        await reader.read()
    else:
        await reader.read(choice.randrange(1, 50_000))


async def serve(reader, writer):
    try:
        await odd(reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        pass
    if choice.random() < 0.5:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
