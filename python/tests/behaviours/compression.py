"""Compression by default, its absence, and limits of what is received."""

from typing import Any

from behaviours import PLAIN, behaviour, echo, outcome, uri

LONG = "words of a message and words of another one, " * 1000


@behaviour
async def messages_are_compressed_by_default(S: Any, C: Any) -> Any:
    async with S.serve(echo, "127.0.0.1", 0) as server, C.connect(uri(server)) as client:
        got = []
        for message in ("", "é", LONG, LONG, b"\0" * 300_000, bytes(range(256)), [LONG, "", LONG]):
            await client.send(message)
            got.append(await client.recv())
        await client.send([LONG, LONG])
        pieces = "".join([piece async for piece in client.recv_streaming()])
        return client.response.headers["Sec-WebSocket-Extensions"], got, pieces


@behaviour
async def either_side_may_do_without_compression(S: Any, C: Any) -> Any:
    answers = []
    for of_server, of_client in (({}, PLAIN), (PLAIN, {}), (PLAIN, PLAIN)):
        async with S.serve(echo, "127.0.0.1", 0, **of_server) as server, C.connect(uri(server), **of_client) as client:
            await client.send(LONG)
            answers.append((client.response.headers.get("Sec-WebSocket-Extensions"), await client.recv()))
    return answers


@behaviour
async def max_size_is_that_of_what_is_received(S: Any, C: Any) -> Any:
    ended = []
    for size in (len(LONG), len(LONG) - 1):
        async with S.serve(echo, "127.0.0.1", 0, max_size=size) as server, C.connect(uri(server)) as client:
            await client.send(LONG)
            ended.append(((await outcome(client.recv()))[0], client.close_code))
    return ended


@behaviour
async def a_wrong_compression_is_refused(S: Any, C: Any) -> Any:
    seen = []
    for make in (lambda: S.serve(echo, "127.0.0.1", 0, compression="lz4"), lambda: C.connect("ws://x/", compression="lz4")):
        try:
            make()
        except ValueError as error:
            seen.append(str(error))
    return seen
