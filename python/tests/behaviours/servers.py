"""Servers and their connections."""

import asyncio
from typing import Any

from behaviours import PLAIN, behaviour, echo, failure, hold, outcome, pair, uri


@behaviour
async def a_handler_returns_or_raises(S: Any, C: Any) -> Any:
    async def handler(connection: Any) -> None:
        if await connection.recv() == "raise":
            raise RuntimeError("of the handler")

    seen = []
    async with S.serve(handler, "127.0.0.1", 0, **PLAIN) as server:
        for word in ("return", "raise"):
            async with C.connect(uri(server), **PLAIN) as client:
                await client.send(word)
                seen.append(await outcome(client.recv()))
    return seen


@behaviour
async def a_server_closes_everybody(S: Any, C: Any) -> Any:
    ended = []

    async def handler(connection: Any) -> None:
        ended.append(await outcome(connection.recv()))

    server = await S.serve(handler, "127.0.0.1", 0, **PLAIN)
    clients = [await C.connect(uri(server), **PLAIN) for _ in range(3)]
    while len(server.connections) < 3:
        await asyncio.sleep(0)
    serving = server.is_serving()
    address = uri(server)
    server.close()
    server.close()
    await server.wait_closed()
    seen = [await outcome(client.recv()) for client in clients]
    again = await failure(C.connect(address, **PLAIN))
    return serving, server.is_serving(), seen, sorted(ended), len(server.connections), again


@behaviour
async def a_server_closes_with_words_of_its_own(S: Any, C: Any) -> Any:
    server = await S.serve(hold, "127.0.0.1", 0, **PLAIN)
    client = await C.connect(uri(server), **PLAIN)
    while not server.connections:
        await asyncio.sleep(0)
    server.close(code=4002, reason="moved")
    await server.wait_closed()
    return await outcome(client.recv())


@behaviour
async def a_server_leaves_its_connections_alone(S: Any, C: Any) -> Any:
    server = await S.serve(echo, "127.0.0.1", 0, **PLAIN)
    client = await C.connect(uri(server), **PLAIN)
    await client.send("before")
    await client.recv()
    server.close(close_connections=False)
    await client.send("after")
    got = await client.recv()
    await client.close()
    await server.wait_closed()
    return got


@behaviour
async def serving_for_ever_can_be_cancelled(S: Any, C: Any) -> Any:
    server = await S.serve(hold, "127.0.0.1", 0, **PLAIN)
    serving = asyncio.create_task(server.serve_forever())
    client = await C.connect(uri(server), **PLAIN)
    while not server.connections:
        await asyncio.sleep(0)
    serving.cancel()
    ended = (await asyncio.gather(serving, return_exceptions=True))[0]
    return type(ended).__name__, await outcome(client.recv())


@behaviour
async def a_server_that_starts_later(S: Any, C: Any) -> Any:
    server = await S.serve(echo, "127.0.0.1", 0, start_serving=False, **PLAIN)
    before = server.is_serving()
    await server.start_serving()
    async with C.connect(uri(server), **PLAIN) as client:
        await client.send("x")
        got = await client.recv()
    server.close()
    await server.wait_closed()
    return before, got


@behaviour
async def broadcasts_reach_who_is_open(S: Any, C: Any) -> Any:
    async with S.serve(hold, "127.0.0.1", 0, **PLAIN) as server:
        clients = [await C.connect(uri(server), **PLAIN) for _ in range(4)]
        while len(server.connections) < 4:
            await asyncio.sleep(0)
        everybody = server.connections
        S.broadcast(everybody, "one")
        first = await clients[0].recv()
        await clients[0].close()
        S.broadcast(everybody, b"two", text=True)
        S.broadcast(everybody, b"three")
        got = [await client.recv() for client in clients[1:] for _ in range(3)]
        wrong = await failure(asyncio.to_thread(S.broadcast, everybody, 7))
        return got, first, len(server.connections), wrong


@behaviour
async def a_broadcast_loses_nothing_to_slow_clients(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        for number in range(200):
            S.broadcast([server], number.to_bytes(4, "big") * 16384)
        sending = asyncio.create_task(server.send("behind all"))
        got = [int.from_bytes((await client.recv())[:4], "big") for _ in range(200)]
        await sending
        return got == list(range(200)), await client.recv()
