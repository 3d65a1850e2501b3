"""Messages and pings."""

import asyncio
from typing import Any

from behaviours import PLAIN, accept_raw, behaviour, echo, failure, outcome, pair, raw_server


@behaviour
async def messages_are_echoed(S: Any, C: Any) -> Any:
    sent = ["", "text", "grüße 🎉", b"", b"\x00\xff", bytearray(b"array"), memoryview(b"view"), "x" * 70000, b"y" * 300000]
    async with pair(S, C, echo) as (client, _):
        got = []
        for message in sent:
            await client.send(message)
            got.append(await client.recv())
        return got


@behaviour
async def text_and_decode_choose_the_kind(S: Any, C: Any) -> Any:
    async with pair(S, C, echo) as (client, _):
        got = []
        for message, text, decode in [("a", False, None), (b"b", True, None), ("c", None, False), (b"d", None, True)]:
            await client.send(message, text=text)
            got.append(await client.recv(decode=decode))
        return got


@behaviour
async def fragments_are_one_message(S: Any, C: Any) -> Any:
    async def pieces() -> Any:
        for piece in (b"1", b"", b"3"):
            await asyncio.sleep(0)
            yield piece

    async with pair(S, C, echo) as (client, _):
        got = []
        for message in (["a", "b", "c"], (piece for piece in (b"x", b"y")), pieces()):
            await client.send(message)
            got.append(await client.recv())
        await client.send([])
        await client.send("after nothing")
        return got, await client.recv()


@behaviour
async def fragments_can_be_received_one_by_one(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        await client.send(["ab", "cd"])
        first = [piece async for piece in server.recv_streaming()]
        await client.send("whole")
        second = [piece async for piece in server.recv_streaming(decode=False)]
        await client.send("last")
        return first, second, await server.recv()


@behaviour
async def fragments_must_be_of_one_type(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        sent = await failure(client.send(["a", b"b"]))
        return sent, (await outcome(server.recv()))[0], server.close_code, client.state.name


@behaviour
async def what_is_no_message_is_refused(S: Any, C: Any) -> Any:
    async with pair(S, C, echo) as (client, _):
        refused = [await failure(client.send(wrong)) for wrong in ({"a": "b"}, 7, None)]
        await client.send("still open")
        return refused, await client.recv()


@behaviour
async def another_message_waits_for_the_fragments(S: Any, C: Any) -> Any:
    go = asyncio.Event()

    async def pieces() -> Any:
        yield "a"
        await go.wait()
        yield "b"

    async with pair(S, C) as (client, server):
        slow = asyncio.create_task(client.send(pieces()))
        await asyncio.sleep(0.01)
        other = asyncio.create_task(client.send("c"))
        await asyncio.sleep(0.01)
        waited = not other.done()
        go.set()
        await asyncio.gather(slow, other)
        return waited, await server.recv(), await server.recv()


@behaviour
async def cancelling_recv_loses_nothing(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        got = []
        for number in range(5):
            got.append(await failure(asyncio.wait_for(server.recv(), 0.005)))
        await client.send(["large" * 1000] * 50)
        for number in range(20):
            await client.send(str(number))
            receiving = asyncio.create_task(server.recv())
            await asyncio.sleep(0)
            receiving.cancel()
            ended = (await asyncio.gather(receiving, return_exceptions=True))[0]
            if isinstance(ended, (str, bytes)):
                got.append(ended)
        while got[-1] != "19":
            got.append(await server.recv())
        return got


@behaviour
async def only_one_can_receive(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        first = asyncio.create_task(server.recv())
        await asyncio.sleep(0)
        second = await failure(server.recv())
        third = await failure(server.recv_streaming().__anext__())
        await client.send("for the first")
        return second, third, await first


@behaviour
async def receiving_waits_when_the_queue_is_full(S: Any, C: Any) -> Any:
    async with pair(S, C, of_server={"max_queue": 4}) as (client, server):

        async def flood() -> None:
            for number in range(400):
                await client.send(number.to_bytes(4, "big") * 16384)

        sending = asyncio.create_task(flood())
        await asyncio.sleep(0.1)
        blocked = not sending.done()
        got = [int.from_bytes((await server.recv())[:4], "big") for _ in range(400)]
        await sending
        return blocked, got == list(range(400))


@behaviour
async def iteration_ends_quietly(S: Any, C: Any) -> Any:
    async def talk(connection: Any) -> None:
        await connection.send("one")
        await connection.send("two")

    async with pair(S, C, talk) as (client, _):
        return [message async for message in client], client.close_code


@behaviour
async def iteration_raises_on_an_error(S: Any, C: Any) -> Any:
    async def talk(connection: Any) -> None:
        await connection.send("one")
        await connection.close(4000, "own reasons")

    got = []

    async def listen(client: Any) -> None:
        async for message in client:
            got.append(message)

    async with pair(S, C, talk) as (client, _):
        return await outcome(listen(client)), got


@behaviour
async def pings_are_answered(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        before = client.latency
        waiter = await client.ping()
        latency = await waiter
        await (await server.ping(b"bytes"))
        await (await server.ping("text"))
        await server.pong(b"nobody asked")
        return before, 0 < latency < 5, latency == client.latency, 0 < server.latency < 5


@behaviour
async def pings_that_cannot_be(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        waiter = await client.ping(b"same")
        twice = await failure(client.ping(b"same"))
        await waiter
        wrong = await failure(client.ping(7))
        too_long = await failure(client.ping(b"x" * 126))
        return twice, wrong, too_long, await (await client.ping(b"x" * 125)) < 5


@behaviour
async def a_pong_that_never_comes(S: Any, C: Any) -> Any:
    answered = asyncio.Event()

    async def serve_raw(reader: Any, writer: Any) -> None:
        await accept_raw(reader, writer)
        await answered.wait()
        writer.close()

    async with raw_server(serve_raw) as address:
        client = await C.connect(address, **PLAIN)
        waiter = await client.ping()
        answered.set()
        return await outcome(waiter), await outcome(client.ping())
