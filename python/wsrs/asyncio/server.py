"""Servers: ``serve``, and what it gives.

A server listens with the context of its event loop. Its callbacks make a ServerConnection for each request, and a task
for each connection that opened: the program's handler runs there. When the handler ends, the connection is closed.
"""

from __future__ import annotations

import asyncio
import contextvars
import http
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from types import TracebackType
from typing import Any, Optional, Union

import wsrs

from . import handshake
from .addresses import ListeningSocket, to_listen_on
from .auth import basic_auth
from .broadcasting import broadcast
from .connection import Connection, LoggerLike, check_close
from .failures import system_error
from .frames import CloseCode, State
from .handshake import Origins, Policy, ProcessRequest, ProcessResponse, SelectSubprotocol
from .http import Headers, Request, Response
from .loops import Driver, driver
from .security import of_server
from .settings import Pair, Settings, check_subprotocols, choose_deflate

__all__ = ["Server", "ServerConnection", "basic_auth", "broadcast", "serve", "unix_serve"]

Handler = Callable[["ServerConnection"], Awaitable[None]]
#: A quarter of the memory that the library's own default has: servers have many connections.
DEFLATE = wsrs.Deflate(window_bits=12, memory_level=5, peer_window_bits=12)
SERVER = f"Python/{sys.version_info[0]}.{sys.version_info[1]} wsrs/{wsrs.__version__}"


class ServerConnection(Connection):
    """A connection to a client."""

    def __init__(self, driver: Driver, conn: wsrs.Connection, settings: Settings, server: Server) -> None:
        super().__init__(driver, conn, settings, server.logger)
        #: The server that it belongs to.
        self.server = server
        #: Set by ``basic_auth``.
        self.username: str
        self.asks_for_upgrade = False
        self.deciding: Optional[asyncio.Task[None]] = None

    def respond(self, status: Union[http.HTTPStatus, int], text: str) -> Response:
        """A plain text answer for ``process_request`` or ``process_response`` to return, with or without changes."""
        return handshake.plain_text(status, text)

    def answer(self, response: Response) -> None:
        """Sends the answer to the opening handshake."""
        self.response = response
        handshake.send(self.conn, response, self.subprotocol)


class Server:
    """A WebSocket server: ``async with serve(...) as server`` or ``server = await serve(...)``."""

    def __init__(
        self,
        handler: Handler,
        addresses: Callable[[asyncio.AbstractEventLoop], Awaitable[list[str]]],
        policy: Policy,
        settings: Settings,
        logger: Optional[LoggerLike],
        listening: dict[str, Any],
        start_serving: bool,
    ) -> None:
        self.logger: LoggerLike = logging.getLogger("wsrs.server") if logger is None else logger
        self._handler = handler
        self._addresses = addresses
        self._policy = policy
        self._settings = settings
        self._listening = listening
        self._starts_at_once = start_serving
        self._driver: Optional[Driver] = None
        self._context = contextvars.copy_context()
        self._listeners: list[wsrs.Listener] = []
        self._sockets: tuple[ListeningSocket, ...] = ()
        self._connections: set[ServerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: Optional[asyncio.Task[None]] = None
        self._closed: Optional[asyncio.Future[None]] = None

    @property
    def connections(self) -> set[ServerConnection]:
        """The open connections: a set of its own, good for ``broadcast``."""
        return {connection for connection in self._connections if connection.state is State.OPEN}

    @property
    def sockets(self) -> tuple[ListeningSocket, ...]:
        """What it listens on; nothing when it doesn't. ``server.sockets[0].getsockname()`` tells the port."""
        return self._sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it serves in."""
        return self._running().loop

    def is_serving(self) -> bool:
        """It takes connections."""
        return bool(self._listeners)

    async def start_serving(self) -> None:
        """Begins to listen, for a server made with ``start_serving=False``."""
        if self._listeners or self._closing is not None:
            return
        context = self._running().context
        callbacks: dict[str, Any] = {
            "on_request": self._on_request,
            "on_open": self._on_open,
            "on_message": _on_message,
            "on_close": self._on_close,
            "on_error": self._on_error,
            "on_drain": _on_drain,
            "on_pong": _on_pong,
        }
        limits = self._settings.limits()
        try:
            for address in await self._addresses(self.get_loop()):
                listener = context.listen(
                    address, limits=limits, streaming=True, keep_request=False, **callbacks, **self._listening
                )
                self._listeners.append(listener)
        except wsrs.Error as error:
            self._stop_listening()
            raise system_error(error) from error
        self._sockets = tuple(ListeningSocket(listener.address) for listener in self._listeners)
        for listener in self._listeners:
            self.logger.info("server listening on %s", listener.address)

    async def serve_forever(self) -> None:
        """Serves until ``close`` is called, or until it is cancelled, which closes the server."""
        try:
            await self.start_serving()
            await self.wait_closed()
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise

    def close(
        self,
        close_connections: bool = True,
        code: Union[CloseCode, int] = CloseCode.GOING_AWAY,
        reason: str = "",
    ) -> None:
        """Listens no more, closes the connections with 1001, and waits for the handlers; see ``wait_closed``.

        Who is in the opening handshake gets status 503. With ``close_connections=False`` the connections stay until their
        handlers or clients end them. Raises ProtocolError for a code or reason that can't be sent.
        """
        check_close(code, reason)
        if self._closing is None:
            self._closing = self.get_loop().create_task(self._close(close_connections, code, reason))

    async def wait_closed(self) -> None:
        """Waits until the server is closed and every handler has returned."""
        if self._closed is None:
            raise RuntimeError("the server was not started")
        await asyncio.shield(self._closed)

    async def __aenter__(self) -> Server:
        return await self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
        await self.wait_closed()

    def __await__(self) -> Generator[Any, None, Server]:
        return self._started().__await__()

    async def _started(self) -> Server:
        if self._driver is None:
            self._driver = driver()
            self._closed = self._driver.loop.create_future()
            if self._starts_at_once:
                await self.start_serving()
        return self

    def _running(self) -> Driver:
        if self._driver is None:
            raise RuntimeError("the server was not started")
        return self._driver

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._sockets = ()

    async def _close(self, close_connections: bool, code: int, reason: str) -> None:
        self.logger.info("server closing")
        self._stop_listening()
        if close_connections:
            await asyncio.gather(*(connection.close(code, reason) for connection in self.connections))
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)
        self.logger.info("server closed")

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of this server, in a copy of the context that the server was made in."""
        task = self._context.copy().run(self.get_loop().create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _on_request(self, conn: wsrs.Connection, request: wsrs.Request) -> None:
        connection = ServerConnection(self._running(), conn, self._settings, self)
        conn.user = connection
        target = request.path if request.query is None else f"{request.path}?{request.query}"
        asked = Request(target, Headers.from_library(request.headers), request.method)
        connection.request = asked
        connection.asks_for_upgrade = request.upgrade
        if self._policy.needs_task():
            conn.defer()
            connection.deciding = self._task(self._decide(connection, asked))
        else:
            response = self._policy.answer(connection, asked)
            self._policy.sign(response)
            self._answer(connection, response)

    async def _decide(self, connection: ServerConnection, request: Request) -> None:
        response = await self._policy.answer_with_hooks(connection, request)
        self._answer(connection, response)
        self._running().attend()

    def _answer(self, connection: ServerConnection, response: Response) -> None:
        if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS and not self.is_serving():
            response = handshake.plain_text(http.HTTPStatus.SERVICE_UNAVAILABLE, "Server is shutting down.\n")
        try:
            connection.answer(response)
        except wsrs.ClosedError:
            pass
        except wsrs.Error:
            connection.logger.error("opening handshake failed", exc_info=True)
            connection.answer(handshake.plain_text(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Invalid answer.\n"))

    def _on_open(self, conn: wsrs.Connection) -> None:
        connection: ServerConnection = conn.user
        connection.on_open()
        self._connections.add(connection)
        self._task(self._handle(connection))

    def _on_close(self, conn: wsrs.Connection, info: wsrs.CloseInfo) -> None:
        self._connections.discard(conn.user)
        conn.user.on_close(info)

    def _on_error(self, conn: wsrs.Connection, error: wsrs.Error) -> None:
        connection: ServerConnection = conn.user
        conn.user = None
        if connection.deciding is not None:
            connection.deciding.cancel()

    async def _handle(self, connection: ServerConnection) -> None:
        try:
            async with connection:
                await self._handler(connection)
        except Exception:
            connection.logger.error("connection handler failed", exc_info=True)


def _on_message(conn: wsrs.Connection, piece: Any) -> None:
    conn.user.on_message(piece)


def _on_drain(conn: wsrs.Connection) -> None:
    conn.user.on_drain()


def _on_pong(conn: wsrs.Connection, data: bytes) -> None:
    conn.user.on_pong(data)


def serve(
    handler: Handler,
    host: Union[str, Sequence[str], None] = None,
    port: Optional[int] = None,
    *,
    origins: Optional[Origins] = None,
    extensions: Optional[Sequence[Any]] = None,
    subprotocols: Optional[Sequence[str]] = None,
    select_subprotocol: Optional[SelectSubprotocol] = None,
    compression: Optional[str] = "deflate",
    deflate: Optional[wsrs.Deflate] = None,
    process_request: Optional[ProcessRequest] = None,
    process_response: Optional[ProcessResponse] = None,
    server_header: Optional[str] = SERVER,
    open_timeout: Optional[float] = 10,
    ping_interval: Optional[float] = 20,
    ping_timeout: Optional[float] = 20,
    close_timeout: Optional[float] = 10,
    max_size: Pair = 2**20,
    max_queue: Pair = 16,
    write_limit: Union[int, "tuple[int, Optional[int]]"] = 2**15,
    logger: Optional[LoggerLike] = None,
    start_serving: bool = True,
    ssl: Optional[wsrs.Tls] = None,
    backlog: int = 4096,
    reuse_port: bool = False,
) -> Server:
    """A server that calls ``handler`` with a ServerConnection, in a task, for each client that connects.

    ``async with serve(handler, "localhost", 8765) as server: await server.serve_forever()``, or ``await serve(...)``.
    When the handler returns the connection is closed with 1000; when it raises, that is logged, and it is closed with
    1011. ``host`` is a name, an address, several of them, or None for every address of the machine.

    ``origins``: allowed values of the Origin header, str or compiled patterns; None in it stands for no header.
    ``subprotocols``: those spoken, preferred first; a client that offers none of them gets 400. ``select_subprotocol``
    decides instead. ``process_request(connection, request)`` may return a Response instead of an upgrade,
    ``process_response(connection, request, response)`` change or replace the answer; both may be coroutines.

    ``ssl`` is a ``wsrs.Tls`` with a certificate: clients connect to wss:// then. What was agreed on, with the client's
    certificate, is ``connection.conn.tls_info()``, also in ``process_request``.

    Messages are compressed for clients that offer it; ``compression=None`` switches it off, ``deflate`` is a
    ``wsrs.Deflate`` with settings for it, instead of ``window_bits=12, memory_level=5, peer_window_bits=12``. What was agreed on is
    ``connection.conn.deflate``.

    Times are in seconds, None for none; sizes in bytes. ``max_queue`` is how many pieces of messages wait for ``recv``
    before the client is slowed down, ``write_limit`` how many bytes may be queued before ``send`` waits.
    """

    async def addresses(loop: asyncio.AbstractEventLoop) -> list[str]:
        return await to_listen_on(loop, host, port or 0)

    check_subprotocols(subprotocols)
    chosen = choose_deflate(compression, deflate, extensions, DEFLATE)
    return Server(
        handler,
        addresses,
        Policy(origins, subprotocols, select_subprotocol, process_request, process_response, server_header),
        Settings(open_timeout, ping_interval, ping_timeout, close_timeout, max_size, max_queue, write_limit),
        logger,
        {"backlog": backlog, "reuse_port": reuse_port, "tls": of_server(ssl), "deflate": chosen},
        start_serving,
    )


def unix_serve(handler: Handler, path: Union[str, os.PathLike[str]], **options: Any) -> Server:
    """The same on a Unix socket. ``options`` are the keyword arguments of ``serve``."""
    server = serve(handler, **options)

    async def addresses(_loop: asyncio.AbstractEventLoop) -> list[str]:
        return [f"unix:{os.fspath(path)}"]

    server._addresses = addresses
    return server
