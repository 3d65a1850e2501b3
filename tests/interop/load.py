"""A load of an echo server that is stopped in the middle of it: load.py ws://HOST:PORT/ PID

Clients that send and read, that vanish, that never read, and that come and go; then SIGTERM to PID.
"""

import asyncio
import os
import random
import signal
import sys

from checks import UPGRADE, check, end
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

URL, PID = sys.argv[1], int(sys.argv[2])
SIZES = [0, 1, 16, 125, 126, 1000, 65535, 65536, 300_000]
echoed, codes, wrong = 0, [], 0


async def talker(seed):
    """Sends and reads until the server goes away."""
    global echoed, wrong
    choice = random.Random(seed)
    try:
        async with connect(URL, proxy=None, compression=None, max_size=None) as ws:
            while True:
                batch = [choice.randbytes(choice.choice(SIZES)) for _ in range(choice.randint(1, 8))]
                for data in batch:
                    await ws.send(data)
                for data in batch:
                    wrong += await ws.recv() != data
                    echoed += 1
    except ConnectionClosed as closed:
        codes.append(closed.rcvd.code if closed.rcvd else None)


async def guest():
    """Comes, says something, and leaves, well or not at all."""
    try:
        while True:
            async with connect(URL, proxy=None, compression=None) as ws:
                await ws.send("hello")
                await ws.recv()
                if random.random() < 0.5:
                    ws.transport.abort()
    except (ConnectionClosed, InvalidHandshake, OSError, EOFError):
        pass


async def deaf():
    """Sends and never reads."""
    reader, writer = await asyncio.open_connection(*URL.split("/")[2].split(":"), limit=1 << 12)
    try:
        writer.write(UPGRADE)
        while True:
            writer.write(b"\x82\xfe\xff\xff\0\0\0\0" + bytes(65535))
            await writer.drain()
    except OSError:
        pass


async def main():
    tasks = [asyncio.create_task(talker(seed)) for seed in range(20)]
    tasks += [asyncio.create_task(guest()) for _ in range(5)] + [asyncio.create_task(deaf()) for _ in range(5)]
    await asyncio.sleep(3)
    for _ in range(300):
        if echoed < 500:
            await asyncio.sleep(0.1)
    os.kill(PID, signal.SIGTERM)
    _, late = await asyncio.wait(tasks, timeout=60)
    check("%d messages came back" % echoed, echoed >= 500 and not wrong, wrong)
    check("the server that is stopped says 1001 to each", codes == [1001] * 20, codes)
    check("every connection ends", not late, len(late))
    for task in late:
        task.cancel()


asyncio.run(main())
end()
