"""What programs written for asyncio do with a WebSocket package: one function each, used by test_asyncio_behaviours.

A behaviour is given two packages, one for the server and one for the client, and returns what a program would have seen
of them. It may only use what both packages offer.
"""

import asyncio
import base64
import contextlib
import hashlib
import re
import socket
import tempfile
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


# ---- messages ----


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


# ---- pings ----


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


# ---- the end ----


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


# ---- servers ----


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


# ---- the opening handshake ----


@behaviour
async def what_the_server_sees_of_a_request(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        headers = connection.request.headers
        names = ("x-one", "user-agent", "origin", "authorization", "upgrade", "sec-websocket-version")
        await connection.send(repr((connection.request.path, [headers.get(name) for name in names])))
        await connection.send(repr(headers.get_all("X-Many")))
        await connection.send(repr(headers["Host"] == f"127.0.0.1:{connection.local_address[1]}"))

    async with S.serve(tell, "127.0.0.1", 0, **PLAIN) as server:
        headers = [("X-One", "1"), ("X-Many", "a"), ("x-many", "b")]
        address = uri(server, "/path%20of?q=a%20b&c").replace("127", "user:p%40ss@127")
        async with C.connect(
            address, origin="http://here", additional_headers=headers, user_agent_header="me/1", **PLAIN
        ) as client:
            seen = [message async for message in client], client.request.path, client.request.headers["X-One"]
        async with C.connect(uri(server, "/ü?ö"), user_agent_header="me/2", **PLAIN) as client:
            return seen, await client.recv()


@behaviour
async def no_user_agent(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        await connection.send(repr(connection.request.headers.get("User-Agent")))

    async with pair(S, C, tell, of_client={"user_agent_header": None}) as (client, _):
        return await client.recv()


@behaviour
async def what_the_client_sees_of_the_answer(S: Any, C: Any) -> Any:
    async def add(connection: Any, request: Any, response: Any) -> None:
        response.headers["X-Path"] = request.path
        response.headers["Set-Cookie"] = "a=1"
        response.headers["Set-Cookie"] = "b=2"

    options = {"process_response": add, "server_header": "mine/2"}
    async with pair(S, C, of_server=options) as (client, server):
        answer = client.response
        return (
            (answer.status_code, answer.headers["x-path"], answer.headers.get_all("set-cookie")),
            (answer.headers["Server"], server.response.status_code, server.response.headers["X-Path"]),
        )


@behaviour
async def addresses_are_those_of_sockets(S: Any, C: Any) -> Any:
    async with pair(S, C) as (client, server):
        same = client.local_address == server.remote_address and client.remote_address == server.local_address
        return same, client.local_address[0], len(client.local_address)


@behaviour
async def subprotocols_are_negotiated(S: Any, C: Any) -> Any:
    seen = []
    for spoken, offered in [(["a", "b"], ["b", "a"]), (None, ["a"]), (["a"], ["b"]), (["a"], None), (["b"], ["a", "b"])]:
        async with S.serve(hold, "127.0.0.1", 0, subprotocols=spoken, **PLAIN) as server:
            try:
                async with C.connect(uri(server), subprotocols=offered, **PLAIN) as client:
                    while not server.connections:
                        await asyncio.sleep(0)
                    seen.append((client.subprotocol, next(iter(server.connections)).subprotocol))
            except Exception as error:
                seen.append((type(error).__name__, str(error)))
    return seen


@behaviour
async def a_subprotocol_is_selected_by_the_program(S: Any, C: Any) -> Any:
    def select(connection: Any, offered: Any) -> Any:
        if "bad" in offered:
            raise S.NegotiationError("not that")
        return offered[-1] if offered else None

    seen = []
    async with S.serve(hold, "127.0.0.1", 0, subprotocols=["x"], select_subprotocol=select, **PLAIN) as server:
        for offered in (["x", "y"], None, ["bad"]):
            try:
                async with C.connect(uri(server), subprotocols=offered, **PLAIN) as client:
                    seen.append(client.subprotocol)
            except Exception as error:
                seen.append((type(error).__name__, error.response.status_code))
    return seen


@behaviour
async def origins_are_checked(S: Any, C: Any) -> Any:
    seen = []
    for allowed in (["http://a", None], ["http://a"], [re.compile(r"http://.*\.b")]):
        async with S.serve(hold, "127.0.0.1", 0, origins=allowed, **PLAIN) as server:
            for origin in ("http://a", "http://c.b", "http://c.b.d", None):
                got = await outcome(C.connect(uri(server), origin=origin, **PLAIN))
                seen.append(got if isinstance(got, tuple) else await got.close())
    return seen


@behaviour
async def requests_are_refused_by_the_program(S: Any, C: Any) -> Any:
    def sync(connection: Any, request: Any) -> Any:
        if request.path == "/page":
            response = connection.respond(200, "the page\n")
            response.headers["X-Mine"] = "yes"
            return response
        return None

    async def later(connection: Any, request: Any) -> Any:
        await asyncio.sleep(0.01)
        if request.path == "/raise":
            raise RuntimeError("of the program")
        return sync(connection, request)

    seen: List[Any] = []
    for function in (sync, later):
        async with S.serve(echo, "127.0.0.1", 0, process_request=function, **PLAIN) as server:
            for path in ("/page", "/raise", "/other"):
                try:
                    async with C.connect(uri(server, path), **PLAIN) as client:
                        await client.send("open")
                        seen.append(await client.recv())
                except Exception as error:
                    answer = error.response
                    body = bytes(answer.body) if answer.status_code == 200 else None
                    seen.append((str(error), answer.status_code, answer.reason_phrase, answer.headers.get("X-Mine"), body))
    return seen


@behaviour
async def a_page_for_a_browser(S: Any, C: Any) -> Any:
    def page(connection: Any, request: Any) -> Any:
        return connection.respond(200, "OK\n") if request.path == "/health" else None

    seen = []
    async with S.serve(hold, "127.0.0.1", 0, process_request=page, **PLAIN) as server:
        for path in ("/health", "/"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            seen.append((answer.split(b"\r\n")[0], answer.split(b"\r\n\r\n")[1] if path == "/health" else b""))
    return seen


@behaviour
async def passwords_are_asked_for(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        await connection.send(connection.username)

    async def check(name: str, password: str) -> bool:
        return (name, password) == ("u", "p")

    seen = []
    for options in ({"credentials": ("u", "p")}, {"credentials": [("x", "y"), ("u", "p")]}, {"check_credentials": check}):
        ask = S.basic_auth(realm="here", **options)
        async with S.serve(tell, "127.0.0.1", 0, process_request=ask, **PLAIN) as server:
            for user in ("u:p@", "u:wrong@", ""):
                try:
                    async with C.connect(uri(server).replace("127", user + "127"), **PLAIN) as client:
                        seen.append(await client.recv())
                except Exception as error:
                    seen.append((str(error), error.response.headers["WWW-Authenticate"].split(" ")[0], error.response.body))
    return seen


@behaviour
async def redirects_are_followed(S: Any, C: Any) -> Any:
    def move(connection: Any, request: Any) -> Any:
        if request.path == "/end":
            return None
        response = connection.respond(302, "")
        response.headers["Location"] = "/end" if request.path == "/begin" else request.path
        return response

    async with S.serve(echo, "127.0.0.1", 0, process_request=move, **PLAIN) as server:
        async with C.connect(uri(server, "/begin"), **PLAIN) as client:
            await client.send("x")
            got = await client.recv()
        return got, await failure(C.connect(uri(server, "/round"), **PLAIN))


@behaviour
async def addresses_that_are_none(S: Any, C: Any) -> Any:
    async def try_one(address: str) -> Any:
        return await C.connect(address, **PLAIN)

    wrong = ["http://here/", "ws:///path", "ws://here/#fragment", "here", "ws://u@here/"]
    return [await outcome(try_one(address)) for address in wrong]


@behaviour
async def connections_that_fail(S: Any, C: Any) -> Any:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = await failure(C.connect(f"ws://127.0.0.1:{unused.getsockname()[1]}", **PLAIN))
    return refused, await failure(C.connect("ws://nobody.invalid", **PLAIN))


@behaviour
async def answers_that_are_none(S: Any, C: Any) -> Any:
    def answer_with(text: str) -> Any:
        async def serve_raw(reader: Any, writer: Any) -> None:
            key = await read_request(reader)
            writer.write(text.format(accept=accept_value(key)).encode())
            await writer.drain()
            writer.close()

        return serve_raw

    upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    seen = []
    for text in (
        "",
        "not HTTP\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        upgrade + "\r\n",
        upgrade + "Sec-WebSocket-Accept: wrong\r\n\r\n",
        upgrade + "Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
        upgrade + "Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: x\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    ):
        async with raw_server(answer_with(text)) as address:
            seen.append(await failure(C.connect(address, **PLAIN)))
    return seen


@behaviour
async def an_answer_that_never_comes(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await reader.read()
        writer.close()

    async with raw_server(serve_raw) as address:
        return await outcome(C.connect(address, open_timeout=0.1, **PLAIN))


@behaviour
async def a_cancelled_connect_ends_the_attempt(S: Any, C: Any) -> Any:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def serve_raw(reader: Any, writer: Any) -> None:
        await read_request(reader)
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        ended.set()
        writer.close()

    async def attempt() -> None:
        await C.connect(address, **PLAIN)

    async with raw_server(serve_raw) as address:
        task = asyncio.create_task(attempt())
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(ended.wait(), 5)
        return task.cancelled()


@behaviour
async def connecting_again_and_again(S: Any, C: Any) -> Any:
    asked = []

    def refuse_at_first(connection: Any, request: Any) -> Any:
        asked.append(request.path)
        return connection.respond(503, "later\n") if len(asked) in (1, 3) else None

    def no_delay() -> Any:
        while True:
            yield 0.001

    seen: List[Any] = []
    async with S.serve(hold, "127.0.0.1", 0, process_request=refuse_at_first, **PLAIN) as server:
        async for client in C.connect(uri(server), reconnect_delays=no_delay, **PLAIN):
            seen.append((len(asked), client.state.name))
            if len(seen) == 3:
                break
    return seen


@behaviour
async def connecting_again_stops_at_what_stays(S: Any, C: Any) -> Any:
    def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(403, "never\n")

    async def again(**options: Any) -> None:
        async for _ in C.connect(uri(server), **options, **PLAIN):
            raise AssertionError

    async with S.serve(hold, "127.0.0.1", 0, process_request=refuse, **PLAIN) as server:
        own = await outcome(again(process_exception=lambda error: KeyError("mine")))
        return await outcome(again()), own


@behaviour
async def unix_sockets(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        await connection.send(repr((connection.request.path, connection.request.headers["Host"])))

    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/socket"
        async with S.unix_serve(tell, path, **PLAIN) as server:
            async with C.unix_connect(path, "ws://localhost/at?x=1", **PLAIN) as client:
                return await client.recv(), server.sockets[0].getsockname() == path


@behaviour
async def header_collections(S: Any, C: Any) -> Any:
    headers = C.Headers([("A", "1"), ("b", "2")], c="3")
    headers["A"] = "4"
    seen = [list(headers.raw_items()), list(headers), len(headers), headers.get_all("a"), "B" in headers, headers["B"]]
    for wrong in (lambda: headers["a"], lambda: headers["none"], lambda: headers.__setitem__("x", "a\r\nb")):
        try:
            wrong()
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
    del headers["a"]
    same = headers == C.Headers({"B": "2", "C": "3"})
    return seen, str(headers), headers.copy() == headers, same


# ---- raw peers ----


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
