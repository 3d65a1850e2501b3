"""The opening handshake, and what fails there."""

import asyncio
import contextlib
import re
import socket
import tempfile
from typing import Any, List

from behaviours import PLAIN, accept_value, behaviour, echo, failure, hold, outcome, pair, raw_server, read_request, uri


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
        address = uri(server, "/path%20of?q=a%20b&c").replace("//", "//user:p%40ss@", 1)
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
                    async with C.connect(uri(server).replace("//", "//" + user, 1), **PLAIN) as client:
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
