"""How connections end."""

import asyncio
from typing import Any, List

from behaviours import PLAIN, accept_raw, behaviour, echo, failure, outcome, pair, raw_server


@behaviour
async def close_codes_as_both_ends_see_them(S: Any, C: Any) -> Any:
    seen = []
    for code, reason in [(1000, ""), (1001, "away"), (1002, ""), (1003, ""), (1008, "no"), (1011, ""), (3000, "grüße")]:
        async with pair(S, C) as (client, server):
            await client.close(code, reason)
            for attempt in (client.recv(), client.send("x"), server.recv(), server.send("x")):
                try:
                    await attempt
                except Exception as error:
                    seen.append((type(error).__name__, error.rcvd.code, error.sent.code, error.rcvd_then_sent))
            seen.append((client.close_code, server.close_code, server.close_reason))
    return seen


@behaviour
async def the_server_closes(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        states = [client.state.name, client.close_code, client.close_reason]
        await server.close(4321, "bye")
        await client.wait_closed()
        errors = []
        for end in (client, server):
            try:
                await end.recv()
            except Exception as error:
                errors.append((type(error).__name__, error.rcvd.code, error.sent.code, error.rcvd_then_sent))
        return states, client.state.name, client.close_code, client.close_reason, errors, await client.close()


@behaviour
async def closing_codes_that_cannot_be_sent(S: Any, C: Any) -> Any:
    async with pair(S, C, echo) as (client, _):
        refused = [await failure(client.close(code)) for code in (999, 1004, 1005, 1006, 1015, 5000)]
        too_long = await failure(client.close(1000, "x" * 124))
        await client.send("open")
        return refused, too_long, await client.recv()


@behaviour
async def messages_before_the_close_are_received(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        for number in range(5):
            await client.send(str(number))
        await client.close()
        return [message async for message in server]


@behaviour
async def closing_wakes_the_receiver(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        receiving = [asyncio.create_task(outcome(end.recv())) for end in (client, server)]
        await asyncio.sleep(0)
        await client.close(1000)
        return await asyncio.gather(*receiving)


@behaviour
async def leaving_with_an_exception(S: Any, C: Any) -> Any:
    async def work() -> None:
        async with pair(S, C) as (client, server):
            ends.append(server)
            raise KeyError("of the program")

    ends: List[Any] = []
    return await outcome(work()), ends[0].close_code, ends[0].state.name


@behaviour
async def the_network_ends(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await accept_raw(reader, writer)
        writer.write(b"\x81\x02hi")
        await writer.drain()
        writer.transport.abort()

    async with raw_server(serve_raw) as address:
        client = await C.connect(address, **PLAIN)
        return await client.recv(), await outcome(client.recv()), client.close_code, client.close_reason


@behaviour
async def a_close_without_a_code(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await accept_raw(reader, writer)
        writer.write(b"\x88\x00")
        await reader.readexactly(6)
        writer.close()

    async with raw_server(serve_raw) as address:
        client = await C.connect(address, **PLAIN)
        return await outcome(client.recv()), client.close_code


@behaviour
async def a_peer_that_does_not_close(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await accept_raw(reader, writer)
        await reader.read()
        writer.close()

    async with raw_server(serve_raw) as address:
        client = await C.connect(address, **PLAIN, close_timeout=0.1)
        began = asyncio.get_running_loop().time()
        await client.close()
        took = asyncio.get_running_loop().time() - began
        return 0.05 < took < 3, await outcome(client.recv()), client.close_code


@behaviour
async def the_protocol_is_broken(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await accept_raw(reader, writer)
        writer.write(b"\x83\x00")
        await reader.read(1)
        writer.close()

    async with raw_server(serve_raw) as address:
        client = await C.connect(address, **PLAIN)
        try:
            await client.recv()
        except Exception as error:
            cause = type(error.__cause__).__name__
            return type(error).__name__, error.rcvd, error.sent.code, cause, client.close_code


@behaviour
async def messages_that_are_too_large(S: Any, C: Any) -> Any:
    async with pair(S, C, of_server={"max_size": 100}) as (client, server):
        await client.send("x" * 100)
        fits = await server.recv()
        await client.send("x" * 101)
        try:
            await server.recv()
        except Exception as error:
            kept = type(error).__name__, error.sent.code, type(error.__cause__).__name__
        await client.wait_closed()
        return fits, kept, client.close_code, (await failure(client.recv()))[0]
