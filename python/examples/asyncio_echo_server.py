"""Sends every message back: python asyncio_echo_server.py [PORT], until Ctrl-C or SIGTERM."""

import asyncio
import signal
import sys

from wsrs.asyncio import ServerConnection, serve


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9001
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(echo, "127.0.0.1", port) as server:
        print(*server.sockets[0].getsockname(), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
