"""Clients: ``connect``.

A connect uses the context of its event loop. Its future is done by the callback that opens the connection or tells why
it did not; cancelling it drops the attempt.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import urllib.parse
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from types import TracebackType
from typing import Any, Optional, Union

import wsrs

from .auth import build_authorization
from .connection import Connection, LoggerLike
from .exceptions import InvalidMessage, InvalidStatus, SecurityError
from .failures import call_error, connect_error
from .http import Headers, HeadersLike, Request, Response
from .loops import Driver, driver
from .security import TlsLike, of_client
from .settings import Pair, Settings, check_subprotocols, choose_deflate
from .uri import Target, parse

__all__ = ["ClientConnection", "connect", "unix_connect"]

USER_AGENT = f"Python/{sys.version_info[0]}.{sys.version_info[1]} wsrs/{wsrs.__version__}"
MAX_REDIRECTS = 10
#: Half of the memory that the library's own default has.
DEFLATE = wsrs.Deflate(memory_level=5)
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class ClientConnection(Connection):
    """A connection to a server."""

    def __init__(self, driver: Driver, conn: wsrs.Connection, settings: Settings, logger: LoggerLike) -> None:
        super().__init__(driver, conn, settings, logger)
        self.opening: asyncio.Future[None] = driver.loop.create_future()

    def on_open(self) -> None:
        """The server accepted."""
        super().on_open()
        self.response = Response(101, "Switching Protocols", Headers.from_library(self.conn.headers))
        if not self.opening.done():
            self.opening.set_result(None)

    def give_up_opening(self) -> None:
        """``open_timeout`` is over."""
        if not self.opening.done():
            self.opening.set_exception(TimeoutError("timed out during opening handshake"))

    def on_error(self, error: wsrs.Error) -> None:
        """It did not open."""
        self._over = True
        self.conn.user = None
        if not self.opening.done():
            self.opening.set_exception(connect_error(error))


def process_exception(exc: Exception) -> Optional[Exception]:
    """What ``async for`` over ``connect`` does about a failure: None to try again, an exception to raise it.

    Tried again: what the network does, a server that hangs up during the handshake, status 500, 502, 503 and 504.
    """
    if isinstance(exc, (OSError, TimeoutError, asyncio.TimeoutError)):
        return None
    if isinstance(exc, InvalidMessage) and isinstance(exc.__cause__, EOFError):
        return None
    if isinstance(exc, InvalidStatus) and exc.response.status_code in (500, 502, 503, 504):
        return None
    return exc


def backoff() -> Generator[float, None, None]:
    """Seconds before each new try: at first anything up to 5, so that clients of a server that comes back don't all
    come at once (RFC 6455 section 7.2.3); then from 3 on, half as much again each time, up to 90."""
    yield random.random() * 5
    delay = 3.0
    while True:
        yield delay
        delay = min(delay * 1.5, 90.0)


class connect:
    """Connects to a server.

    ``async with connect(uri) as connection`` closes at the end, ``await connect(uri)`` leaves that to the program, and
    ``async for connection in connect(uri)`` connects again and again, after ``continue`` or a failure that may pass.

    ``additional_headers``, ``origin`` and ``user_agent_header`` go into the request; ``subprotocols`` are offered,
    preferred first. Redirects are followed, but not from wss to ws. Times are in seconds, None for none; sizes in bytes. ``max_queue`` is how many
    pieces of messages wait for ``recv`` before the server is slowed down, ``write_limit`` how many bytes may be queued
    before ``send`` waits.

    ``ssl`` is for wss addresses: a ``wsrs.Tls``; True or None verifies the server by the CAs of the system, or by those
    that SSL_CERT_FILE and SSL_CERT_DIR name. ``server_hostname`` stands for the host of the URI there. ``proxy`` is the
    address of a proxy, True for that of the environment, None for none; ``proxy_ssl`` and ``proxy_server_hostname`` are
    for https proxies. ``local_addr`` is the address and port to connect from.

    Compression is offered to the server; ``compression=None`` switches it off, ``deflate`` is a ``wsrs.Deflate`` with
    settings for it, instead of ``memory_level=5``. What was agreed on is ``connection.conn.deflate``.

    Raises InvalidURI; InvalidProxy; OSError, like ConnectionRefusedError, and with TLS ssl.SSLError, which is one too;
    TimeoutError after ``open_timeout``; InvalidStatus, ProxyError and other InvalidHandshakes.
    """

    def __init__(
        self,
        uri: str,
        *,
        origin: Optional[str] = None,
        extensions: Optional[Sequence[Any]] = None,
        subprotocols: Optional[Sequence[str]] = None,
        compression: Optional[str] = "deflate",
        deflate: Optional[wsrs.Deflate] = None,
        additional_headers: Optional[HeadersLike] = None,
        user_agent_header: Optional[str] = USER_AGENT,
        ssl: TlsLike = None,
        server_hostname: Optional[str] = None,
        proxy: Union[str, bool, None] = True,
        proxy_ssl: TlsLike = None,
        proxy_server_hostname: Optional[str] = None,
        local_addr: Optional[tuple[str, int]] = None,
        process_exception: Callable[[Exception], Optional[Exception]] = process_exception,
        open_timeout: Optional[float] = 10,
        ping_interval: Optional[float] = 20,
        ping_timeout: Optional[float] = 20,
        close_timeout: Optional[float] = 10,
        reconnect_delays: Callable[[], Generator[float, None, None]] = backoff,
        max_size: Pair = 2**20,
        max_queue: Pair = 16,
        write_limit: Union[int, "tuple[int, Optional[int]]"] = 2**15,
        logger: Optional[LoggerLike] = None,
        unix_path: Union[str, "os.PathLike[str]", None] = None,
    ) -> None:
        self._target = parse(uri)
        check_subprotocols(subprotocols)
        if ssl is not None and not self._target.secure:
            raise ValueError("ssl argument is incompatible with a ws:// URI")
        if unix_path is not None and self._target.secure:
            raise ValueError("there is no TLS over a Unix socket")
        self._roads: dict[str, Any] = {
            "tls": of_client(ssl, server_hostname),
            "proxy": proxy if isinstance(proxy, str) and unix_path is None else None,
            "proxy_from_env": proxy is True and unix_path is None,
            "proxy_tls": of_client(proxy_ssl, proxy_server_hostname, "proxy_"),
            "source": None if local_addr is None else _source(*local_addr),
            "deflate": choose_deflate(compression, deflate, extensions, DEFLATE),
        }
        self._subprotocols = subprotocols or ()
        self._origin = origin
        self._additional = Headers(additional_headers) if additional_headers is not None else Headers()
        self._user_agent = user_agent_header
        self._process_exception = process_exception
        self._reconnect_delays = reconnect_delays
        self._unix_path = None if unix_path is None else os.fspath(unix_path)
        self._settings = Settings(
            open_timeout, ping_interval, ping_timeout, close_timeout, max_size, max_queue, write_limit
        )
        self._logger: LoggerLike = logging.getLogger("wsrs.client") if logger is None else logger
        self._connection: Optional[ClientConnection] = None

    def __await__(self) -> Generator[Any, None, ClientConnection]:
        return self._connect().__await__()

    async def __aenter__(self) -> ClientConnection:
        if self._connection is not None:
            raise RuntimeError("connect() isn't reentrant")
        self._connection = await self
        return self._connection

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.__aexit__(exc_type, exc_value, traceback)

    async def __aiter__(self) -> AsyncIterator[ClientConnection]:
        delays: Optional[Generator[float, None, None]] = None
        while True:
            try:
                async with self as connection:
                    yield connection
            except Exception as error:
                self._raise_if_fatal(error)
                delays = delays or self._reconnect_delays()
                delay = next(delays)
                self._logger.info("connect failed; reconnecting in %.1f seconds: %r", delay, error)
                await asyncio.sleep(delay)
            else:
                delays = None

    def _raise_if_fatal(self, error: Exception) -> None:
        try:
            fatal = self._process_exception(error)
        except Exception as raised:
            fatal = raised
        if fatal is error:
            raise error
        if fatal is not None:
            raise fatal from error

    async def _connect(self) -> ClientConnection:
        """Connects, following redirects; ``open_timeout`` counts for all of it."""
        loop = asyncio.get_running_loop()
        limit = self._settings.open_timeout
        end = None if limit is None else loop.time() + limit
        target, additional = self._target, self._additional
        for _ in range(MAX_REDIRECTS):
            try:
                return await self._open(target, additional, end)
            except InvalidStatus as error:
                response = error.response
                if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                    raise
                before, target = target, parse(urllib.parse.urljoin(target.uri, response.headers["Location"]))
                if before.secure and not target.secure:
                    raise SecurityError(f"cannot follow redirect to non-secure URI {target.uri}") from error
            if target.origin != before.origin:
                if self._unix_path is not None:
                    raise ValueError(f"cannot follow redirect to {target.uri} with a Unix socket")
                # Another server has no business with them.
                additional = Headers(
                    line for line in additional.raw_items() if line[0].lower() not in _CREDENTIALS
                )
        raise SecurityError(f"more than {MAX_REDIRECTS} redirects")

    async def _open(self, target: Target, additional: Headers, end: Optional[float]) -> ClientConnection:
        runner = driver()
        request = self._request(target, additional)
        conn = self._start(runner, target, request)
        connection = ClientConnection(runner, conn, self._settings, self._logger)
        connection.request = request
        conn.user = connection
        runner.attend()
        timer = None if end is None else runner.loop.call_at(end, connection.give_up_opening)
        try:
            await connection.opening
        except BaseException:
            connection.drop()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return connection

    def _start(self, runner: Driver, target: Target, request: Request) -> wsrs.Connection:
        url = target.url
        if self._unix_path is not None:
            url = f"ws+unix:{self._unix_path}:{target.path}"
        added = Headers(line for line in request.headers.raw_items() if line[0].lower() not in _BY_LIBRARY)
        try:
            return runner.context.connect(
                url,
                subprotocols=self._subprotocols,
                headers=added.to_library(),
                limits=self._settings.limits(),
                streaming=True,
                keep_response=False,
                **self._roads,
                **_CALLBACKS,
            )
        except wsrs.Error as error:
            raise call_error(target.uri, self._roads["proxy"], error) from error

    def _request(self, target: Target, additional: Headers) -> Request:
        """The request, but for its key."""
        headers = Headers([("Host", target.authority)])
        if target.user_info is not None:
            headers["Authorization"] = build_authorization(*target.user_info)
        if self._origin is not None:
            headers["Origin"] = self._origin
        headers.update({"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"})
        if self._subprotocols:
            headers["Sec-WebSocket-Protocol"] = ", ".join(self._subprotocols)
        headers.update(additional)
        if self._user_agent is not None:
            headers.setdefault("User-Agent", self._user_agent)
        return Request(target.path, headers)


def unix_connect(path: Union[str, "os.PathLike[str]"], uri: str = "ws://localhost/", **options: Any) -> connect:
    """Connects to a Unix socket; path and query of ``uri`` are asked for. ``options`` as for ``connect``."""
    return connect(uri, unix_path=path, **options)


def _source(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


#: The library writes these itself.
_BY_LIBRARY = frozenset({"host", "upgrade", "connection", "sec-websocket-version", "sec-websocket-protocol"})
_CALLBACKS: dict[str, Any] = {
    "on_open": lambda conn: conn.user.on_open(),
    "on_message": lambda conn, piece: conn.user.on_message(piece),
    "on_close": lambda conn, info: conn.user.on_close(info),
    "on_error": lambda conn, error: conn.user.on_error(error),
    "on_drain": lambda conn: conn.user.on_drain(),
    "on_pong": lambda conn, data: conn.user.on_pong(data),
}
