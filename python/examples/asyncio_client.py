"""Sends the lines of the standard input and prints what comes: python asyncio_client.py [URI], until Ctrl-C.

It connects again when the connection is lost; lines that are typed meanwhile wait.
"""

import asyncio
import logging
import sys

from wsrs.asyncio import ClientConnection, ConnectionClosed, connect


async def read_lines(lines: "asyncio.Queue[str]") -> None:
    while True:
        line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        await lines.put(line.rstrip("\n"))


async def send_lines(connection: ClientConnection, lines: "asyncio.Queue[str]") -> None:
    while True:
        await connection.send(await lines.get())


async def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    lines: "asyncio.Queue[str]" = asyncio.Queue()
    reading = asyncio.ensure_future(read_lines(lines))
    async for connection in connect(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/"):
        sending = asyncio.ensure_future(send_lines(connection, lines))
        try:
            async for message in connection:
                print(message, flush=True)
        except ConnectionClosed as error:
            logging.info("lost: %s", error)
        finally:
            sending.cancel()
    reading.cancel()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
