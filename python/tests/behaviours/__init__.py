"""What programs written for asyncio do with a WebSocket package: one function each, used by test_asyncio_behaviours.

Here is what they share; they stand in the files beside this one. A behaviour is given two packages, one for the server and one for the client, and returns what a program would have seen
of them. It may only use what both packages offer.
"""

import asyncio
import base64
import contextlib
import hashlib
import re
from typing import Any, Awaitable, Callable, Dict, List

BEHAVIOURS: Dict[str, Callable[[Any, Any], Awaitable[Any]]] = {}
PLAIN = {"compression": None}


def behaviour(function: Any) -> Any:
    BEHAVIOURS[function.__name__] = function
    return function


async def outcome(awaitable: Any) -> Any:
    """The result, or the name and the words of the exception; but what words a Close is answered with is up to each
    package."""
    try:
        return await awaitable
    except Exception as error:
        if getattr(error, "rcvd_then_sent", None):
            return type(error).__name__, f"received {error.rcvd}; then sent {error.sent.code:d}"
        return type(error).__name__, str(error)


async def failure(awaitable: Any) -> Any:
    """The name of the exception alone, where the words are each package's own, and its nearest built-in base."""
    try:
        return "no exception", await awaitable
    except Exception as error:
        built_in = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
        return type(error).__name__, built_in.__name__


def uri(server: Any, rest: str = "/") -> str:
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{rest}"


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


async def hold(connection: Any) -> None:
    await connection.wait_closed()


@contextlib.asynccontextmanager
async def pair(S: Any, C: Any, handler: Any = None, of_server: Any = None, of_client: Any = None) -> Any:
    """Both ends of a connection; the server's handler waits for the end."""
    connections: List[Any] = []

    async def keep(connection: Any) -> None:
        connections.append(connection)
        await hold(connection)

    async with S.serve(handler or keep, "127.0.0.1", 0, **PLAIN, **(of_server or {})) as server:
        async with C.connect(uri(server), **PLAIN, **(of_client or {})) as client:
            # The handler begins a moment after the client is told.
            while handler is None and not connections:
                await asyncio.sleep(0)
            yield client, connections[0] if connections else server


@contextlib.asynccontextmanager
async def raw_server(handler: Any) -> Any:
    """A TCP server that plays a WebSocket server; gives its ws address."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def read_request(reader: Any) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    return re.search(r"(?i)sec-websocket-key: *(\S+)", head)[1]  # type: ignore[index]


def accept_value(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


async def accept_raw(reader: Any, writer: Any) -> None:
    key = await read_request(reader)
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_value(key).encode() + b"\r\n\r\n"
    )
    await writer.drain()
