"""The way to the server: TLS, redirects between ws and wss, and proxies."""

import asyncio
import contextlib
import os
import ssl
from typing import Any, Dict, List

import websockets

from behaviours import PLAIN, behaviour, echo, failure, hold, outcome, raw_server, uri
from support import certificates, of_client, of_server


def server_ssl(S: Any, name: str = "server") -> Any:
    """What the package wants as ``ssl=`` of a server."""
    if S is not websockets:
        return of_server(name)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates() / f"{name}.pem", certificates() / f"{name}.key")
    return made


def client_ssl(C: Any) -> Any:
    return of_client() if C is not websockets else ssl.create_default_context(cafile=certificates() / "ca.pem")


def wss(server: Any, rest: str = "/") -> str:
    return uri(server, rest).replace("ws://127.0.0.1", "wss://localhost")


@contextlib.contextmanager
def environment(**variables: str) -> Any:
    """These variables, and no proxies but those among them."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def trust() -> None:
    """Their authority is the system's from now on: the library looks once in a process."""
    os.environ["SSL_CERT_FILE"] = str(certificates() / "ca.pem")


@behaviour
async def messages_over_tls(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        await connection.send(connection.request.headers["Host"] == f"localhost:{connection.local_address[1]}" and "yes")
        await echo(connection)

    seen: List[Any] = []
    async with S.serve(tell, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
        async with C.connect(wss(server, "/path?q"), ssl=client_ssl(C), **PLAIN) as client:
            for message in ("ü", b"x" * 300_000):
                await client.send(message)
            seen += [await client.recv(), await client.recv(), len(await client.recv())]
            await client.send(part for part in ("a", "b"))
            seen += [await client.recv(), client.local_address[0], client.remote_address == ("127.0.0.1", client.remote_address[1])]
            await client.close(3000)
        return seen, client.close_code, client.close_reason, client.request.path


@behaviour
async def certificates_that_are_refused(S: Any, C: Any) -> Any:
    trust()
    seen = []
    for name in ("wrong-name", "expired", "other", "wrong-usage"):
        async with S.serve(hold, "127.0.0.1", 0, ssl=server_ssl(S, name), **PLAIN) as server:
            for options in ({}, {"ssl": client_ssl(C)}):
                seen.append(await failure(C.connect(wss(server), **options, **PLAIN)))
    return seen


@behaviour
async def the_trust_store_of_the_environment_and_other_names(S: Any, C: Any) -> Any:
    async def tell(connection: Any) -> None:
        await connection.send("hello")

    trust()
    seen = []
    async with S.serve(tell, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
        for options in ({}, {"ssl": True}):
            async with C.connect(wss(server), **options, **PLAIN) as client:
                seen.append(await client.recv())
    async with S.serve(tell, "127.0.0.1", 0, ssl=server_ssl(S, "wrong-name"), **PLAIN) as server:
        async with C.connect(wss(server), ssl=True, server_hostname="a.other.test", **PLAIN) as client:
            seen.append(await client.recv())
        seen.append(await failure(C.connect(wss(server), server_hostname="other.example", **PLAIN)))
    return seen


@behaviour
async def ssl_for_an_address_without(S: Any, C: Any) -> Any:
    async def attempt() -> Any:
        return await C.connect("ws://localhost/", ssl=client_ssl(C), **PLAIN)

    return await outcome(attempt())


@behaviour
async def redirects_between_ws_and_wss(S: Any, C: Any) -> Any:
    places: Dict[str, str] = {}
    seen: List[Any] = []

    def move(connection: Any, request: Any) -> Any:
        if request.path == "/end":
            seen.append((request.headers.get("Authorization"), request.headers.get("X-Kept")))
            return None
        response = connection.respond(307, "")
        response.headers["Location"] = places[request.path]
        return response

    headers = {"Authorization": "secret", "X-Kept": "yes"}
    trust()
    async with S.serve(hold, "127.0.0.1", 0, process_request=move, **PLAIN) as plain:
        async with S.serve(hold, "127.0.0.1", 0, process_request=move, ssl=server_ssl(S), **PLAIN) as server:
            places.update({"/up": wss(server, "/end"), "/down": uri(plain, "/end"), "/same": "/end"})
            for address in (uri(plain, "/up").replace("127.0.0.1", "localhost"), wss(server, "/same")):
                async with C.connect(address, additional_headers=headers, **PLAIN) as client:
                    seen.append(client.state.name)
            seen.append(await failure(C.connect(wss(server, "/down"), **PLAIN)))
    return seen


@behaviour
async def a_server_that_never_answers_in_tls(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await reader.read()
        writer.close()

    async with raw_server(serve_raw) as address:
        address = address.replace("ws://127.0.0.1", "wss://localhost")
        return await outcome(C.connect(address, ssl=client_ssl(C), open_timeout=0.1, **PLAIN))


@behaviour
async def a_server_that_speaks_no_tls(S: Any, C: Any) -> Any:
    async def serve_raw(reader: Any, writer: Any) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with raw_server(serve_raw) as address:
        address = address.replace("ws://127.0.0.1", "wss://localhost")
        return await failure(C.connect(address, ssl=client_ssl(C), **PLAIN))


@behaviour
async def connecting_again_over_tls(S: Any, C: Any) -> Any:
    async def leave(connection: Any) -> None:
        await connection.send("hello")

    seen = []
    async with S.serve(leave, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
        async for client in C.connect(wss(server), ssl=client_ssl(C), **PLAIN):
            seen.append([message async for message in client])
            if len(seen) == 3:
                return seen


# ---- proxies ----


@contextlib.asynccontextmanager
async def proxy(seen: List[Any], answer: str = "HTTP/1.1 200 OK\r\n\r\n", **options: Any) -> Any:
    """A proxy that keeps what it is asked for; gives its address without the scheme. Options are those of asyncio."""
    tasks = []

    async def serve(reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        authorization = [line.split(": ")[1] for line in head if line.lower().startswith("proxy-authorization")]
        method, target, _ = head[0].split(" ")
        seen.append((method, target, authorization))
        writer.write(answer.encode())
        if " 200 " in answer:
            host, _, port = target.rpartition(":")
            there = await asyncio.open_connection(host, int(port))
            tasks.append(asyncio.create_task(copy(reader, there[1])))
            await copy(there[0], writer)
        writer.close()

    async def copy(reader: Any, writer: Any) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*tasks)


@behaviour
async def through_a_proxy(S: Any, C: Any) -> Any:
    asked: List[Any] = []
    seen: List[Any] = []
    async with S.serve(echo, "127.0.0.1", 0, **PLAIN) as plain, proxy(asked) as at:
        async with S.serve(echo, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
            for address, options in ((uri(plain), {}), (wss(server), {"ssl": client_ssl(C)})):
                for user in ("", "name:p%40ss@"):
                    async with C.connect(address, proxy=f"http://{user}{at}", **options, **PLAIN) as client:
                        await client.send("x")
                        seen.append((await client.recv(), "%s:%d" % client.remote_address == at))
                        port = ":" + address.split(":")[2].strip("/")
                        seen.append([(method, target.replace(port, ""), *more) for method, target, *more in asked])
                        asked.clear()
    return seen


@behaviour
async def through_a_proxy_with_tls(S: Any, C: Any) -> Any:
    asked: List[Any] = []
    seen: List[Any] = []
    async with S.serve(echo, "127.0.0.1", 0, **PLAIN) as plain:
        async with S.serve(echo, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
            async with proxy(asked, ssl=server_ssl(websockets, "wrong-name")) as at:
                for address, options in ((uri(plain), {}), (wss(server), {"ssl": client_ssl(C)})):
                    seen.append(await failure(C.connect(address, proxy=f"https://{at}", **options, **PLAIN)))
            async with proxy(asked, ssl=server_ssl(websockets)) as at:
                for address, options in ((uri(plain), {}), (wss(server), {"ssl": client_ssl(C)})):
                    options = {"proxy": f"https://name:pw@{at}", "proxy_ssl": client_ssl(C), **options}
                    async with C.connect(address, **options, **PLAIN) as client:
                        await client.send("x" * 70_000)
                        seen += [len(await client.recv()), len(asked), asked[-1][2]]
    return seen


@behaviour
async def the_proxy_of_the_environment(S: Any, C: Any) -> Any:
    asked: List[Any] = []
    seen: List[Any] = []
    async with S.serve(hold, "127.0.0.1", 0, **PLAIN) as plain, proxy(asked) as at:
        async with S.serve(hold, "127.0.0.1", 0, ssl=server_ssl(S), **PLAIN) as server:
            places = ((uri(plain), {}), (wss(server), {"ssl": client_ssl(C)}))
            for variables in (
                {"ws_proxy": f"http://{at}"},
                {"wss_proxy": f"http://{at}"},
                {"https_proxy": f"http://{at}", "http_proxy": f"http://{at}"},
                {"https_proxy": f"http://{at}", "no_proxy": "example.org,localhost"},
                {"https_proxy": f"http://{at}", "no_proxy": "*"},
                {},
            ):
                for address, options in places[1:] if "no_proxy" in variables else places:
                    for choice in ({}, {"proxy": True}, {"proxy": None}):
                        with environment(**variables):
                            async with C.connect(address, **choice, **options, **PLAIN):
                                seen.append(len(asked))
                        asked.clear()
    return seen


@behaviour
async def proxies_that_refuse(S: Any, C: Any) -> Any:
    asked: List[Any] = []
    seen: List[Any] = []
    for answer in (
        "HTTP/1.1 403 Forbidden\r\nX-Why: rules\r\nContent-Length: 3\r\n\r\nno!",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    ):
        async with proxy(asked, answer) as at:
            try:
                await C.connect("ws://localhost:1/", proxy=f"http://{at}", **PLAIN)
            except C.InvalidProxyStatus as error:
                seen.append((str(error), error.response.status_code, error.response.headers.get("X-Why")))
    for answer in ("nonsense\r\n\r\n", ""):
        async with proxy(asked, answer) as at:
            seen.append(await failure(C.connect("ws://localhost:1/", proxy=f"http://{at}", **PLAIN)))
    seen.append(await failure(C.connect("ws://localhost:1/", proxy="http://127.0.0.1:1", **PLAIN)))
    return seen, issubclass(C.InvalidProxyStatus, C.ProxyError), issubclass(C.ProxyError, C.InvalidHandshake)


@behaviour
async def addresses_that_are_no_proxys(S: Any, C: Any) -> Any:
    wrong = ("ftp://here", "http://", "http://here/path", "http://here/?query")
    seen = [await failure(C.connect("ws://localhost:1/", proxy=address, **PLAIN)) for address in wrong]
    with environment(https_proxy="ftp://here"):
        seen.append(await failure(C.connect("wss://localhost:1/", ssl=client_ssl(C), **PLAIN)))
    with contextlib.suppress(C.InvalidProxy):
        await C.connect("ws://localhost:1/", proxy="ftp://here", **PLAIN)
    return seen
