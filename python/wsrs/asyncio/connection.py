"""A connection: what servers and clients share.

Made by ``server`` and ``client`` once they have a handle of the callback API; the callbacks of that handle end in the
methods ``on_...`` here, inside the driver's poll. They only note what happened and wake who waits: no task is made for a
message, and no user code runs inside a poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Optional, TypeVar, Union, cast, overload

import wsrs

from .addresses import socket_address
from .exceptions import (
    ConcurrencyError,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    PayloadTooBig,
    ProtocolError,
)
from .frames import OK_CODES, SENT_CODES, Close, CloseCode, State
from .http import Request, Response
from .inbox import Data, Ended, Inbox, Piece
from .loops import Driver
from .outbox import BYTES_LIKE, DataLike, Outbox, each, kind_of
from .pings import Pings
from .settings import Settings

Self = TypeVar("Self", bound="Connection")
LoggerLike = Union[logging.Logger, "logging.LoggerAdapter[Any]"]


class Connection:
    """One WebSocket connection.

    ``async for message in connection`` receives until it is closed; ``recv`` and ``send`` do one message. Both sides of it
    may be used at the same time by different tasks, but only one task can receive.
    """

    def __init__(self, driver: Driver, conn: wsrs.Connection, settings: Settings, logger: LoggerLike) -> None:
        self.driver = driver
        self.conn = conn
        self.settings = settings
        self._inbox = Inbox(driver.loop, settings.queue, self._pause)
        self.outbox = Outbox(driver.loop, conn)
        self._pings = Pings(driver.loop)
        self._rcvd: Optional[Close] = None
        self._sent: Optional[Close] = None
        self._rcvd_first: Optional[bool] = None
        self._cause: Optional[BaseException] = None
        self._opened = False
        self._over = False
        # Made when somebody waits for the end.
        self._lost: Optional[asyncio.Future[None]] = None
        self._id: Optional[uuid.UUID] = None
        self._logger = logger
        self._adapter: Optional[LoggerLike] = None
        #: The opening handshake's request.
        self.request: Optional[Request] = None
        #: The answer to it.
        self.response: Optional[Response] = None
        #: The agreed subprotocol, or None.
        self.subprotocol: Optional[str] = None
        #: This end's address: ``(host, port)``, for IPv6 with two more numbers, or the path of a Unix socket.
        self.local_address: Any = None
        #: The peer's address, in the same form; None when it was gone at once.
        self.remote_address: Any = None

    @property
    def id(self) -> uuid.UUID:
        """A name for this connection, for logs."""
        if self._id is None:
            self._id = uuid.uuid4()
        return self._id

    @property
    def logger(self) -> LoggerLike:
        """The server's or client's logger; its records have this connection as their ``websocket``."""
        if self._adapter is None:
            self._adapter = logging.LoggerAdapter(self._logger, {"websocket": weakref.proxy(self)})
        return self._adapter

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED. Programs rather wait for ConnectionClosed than look."""
        return State.CLOSED if self._over else State(self.conn.state)

    @property
    def latency(self) -> float:
        """Seconds from the last awaited ping to its pong; 0.0 before."""
        return self._pings.latency

    @property
    def close_code(self) -> Optional[int]:
        """The code of the peer's Close frame: 1006 when none came, None while the connection is not over."""
        if not self._over:
            return None
        return int(CloseCode.ABNORMAL_CLOSURE if self._rcvd is None else self._rcvd.code)

    @property
    def close_reason(self) -> Optional[str]:
        """The words of the peer's Close frame; None while the connection is not over."""
        if not self._over:
            return None
        return "" if self._rcvd is None else self._rcvd.reason

    def is_open(self) -> bool:
        """Messages can be sent, as far as this end knows without asking."""
        return self._opened and not self._over and self._sent is None

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close(CloseCode.NORMAL_CLOSURE if exc_type is None else CloseCode.INTERNAL_ERROR)

    def __aiter__(self) -> AsyncIterator[Data]:
        return self

    async def __anext__(self) -> Data:
        try:
            return await self.recv()
        except ConnectionClosedOK:
            raise StopAsyncIteration from None

    @overload
    async def recv(self, decode: Literal[True]) -> str: ...

    @overload
    async def recv(self, decode: Literal[False]) -> bytes: ...

    @overload
    async def recv(self, decode: Optional[bool] = None) -> Data: ...

    async def recv(self, decode: Optional[bool] = None) -> Data:
        """The next message: str for text, bytes for binary.

        ``decode=False`` gives bytes for text too, ``decode=True`` str for binary too. Cancelling it loses nothing. Once
        everything that came was taken it raises ConnectionClosedOK or ConnectionClosedError; when another task receives
        already, ConcurrencyError.
        """
        try:
            return await self._inbox.take(decode)
        except (Ended, ConcurrencyError, UnicodeDecodeError) as error:
            reason = error
        raise await self._not_received(reason)

    @overload
    def recv_streaming(self, decode: Literal[True]) -> AsyncIterator[str]: ...

    @overload
    def recv_streaming(self, decode: Literal[False]) -> AsyncIterator[bytes]: ...

    @overload
    def recv_streaming(self, decode: Optional[bool] = None) -> AsyncIterator[Data]: ...

    async def recv_streaming(self, decode: Optional[bool] = None) -> AsyncIterator[Data]:
        """The next message in pieces, as they arrive: an asynchronous iterator that must be read to its end.

        A frame is a piece; one that arrives little by little is several. Raises what ``recv`` raises.
        """
        try:
            async for piece in self._inbox.take_pieces(decode):
                yield piece
            return
        except (Ended, ConcurrencyError, UnicodeDecodeError) as error:
            reason = error
        raise await self._not_received(reason)

    async def _not_received(self, reason: Exception) -> Exception:
        """What to raise instead of giving a message."""
        if isinstance(reason, ConcurrencyError):
            return ConcurrencyError("another coroutine is receiving from this connection")
        if isinstance(reason, UnicodeDecodeError):
            self._fail(CloseCode.INVALID_DATA, f"{reason.reason} at position {reason.start}", reason)
        return await self._ended()

    async def send(
        self,
        message: Union[DataLike, wsrs.Prepared, Iterable[DataLike], AsyncIterable[DataLike]],
        *,
        text: Optional[bool] = None,
    ) -> None:
        """Sends a message: str as text, bytes-like as binary, unless ``text`` says otherwise.

        An iterable or asynchronous iterable of these is sent as one message, each item in a frame of its own. A
        ``wsrs.Prepared`` is a message that was made once for many connections, or is not to be compressed. While more
        than ``write_limit`` bytes are queued it waits, in the order of the calls. Raises ConnectionClosed when the
        connection is over.
        """
        try:
            if isinstance(message, (str, bytes, bytearray, memoryview)):
                await self.outbox.send(message, kind_of(text))
            elif isinstance(message, wsrs.Prepared):
                if text is not None:
                    raise TypeError("a Prepared has its kind already")
                await self.outbox.send_prepared(message)
            elif isinstance(message, Mapping):
                raise TypeError("a message can't be a mapping; pass its keys() if they are its fragments")
            elif isinstance(message, (Iterable, AsyncIterable)):
                # For mypy, a memoryview is an Iterable too.
                await self._send_fragments(each(cast("Iterable[DataLike]", message)), text)
            else:
                raise TypeError("a message must be str, bytes-like, or an iterable or async iterable of these")
        except wsrs.ClosedError:
            raise await self._ended() from self._cause

    async def _send_fragments(self, pieces: AsyncIterator[DataLike], text: Optional[bool]) -> None:
        try:
            await self.outbox.send_fragments(pieces, text)
        except wsrs.ClosedError:
            raise
        except BaseException as error:
            # Half a message is out, and nobody can complete it.
            self._fail(CloseCode.INTERNAL_ERROR, "error in fragmented message", error)
            if isinstance(error, Exception):
                await self._closed_in_time()
            raise

    async def close(self, code: Union[CloseCode, int] = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Closes the connection and waits until it is over, at most ``close_timeout``. Again: waits only."""
        if not self._over:
            if self.outbox.is_fragmented:
                code, reason = CloseCode.INTERNAL_ERROR, "close during fragmented message"
            self._send_close(code, reason)
            await self._closed_in_time()

    async def wait_closed(self) -> None:
        """Waits until the connection is over."""
        if not self._over:
            if self._lost is None:
                self._lost = self.driver.loop.create_future()
            await asyncio.shield(self._lost)

    async def ping(self, data: Optional[DataLike] = None) -> Awaitable[float]:
        """Sends a ping and returns a future: the seconds until its pong, or a later one, came.

        Without ``data`` it is four bytes by chance. Raises ConcurrencyError while the pong for the same data is awaited.
        """
        payload, pong = self._pings.add(None if data is None else _control(data))
        try:
            await self._send_control(self.conn.ping, payload)
        except BaseException:
            self._pings.remove(payload)
            raise
        return pong

    async def pong(self, data: DataLike = b"") -> None:
        """Sends a pong that nobody asked for; pings are answered without it."""
        await self._send_control(self.conn.pong, _control(data))

    async def _send_control(self, send: Any, payload: bytes) -> None:
        try:
            await self.outbox.send_control(lambda: send(payload))
        except wsrs.TooLargeError as error:
            raise ProtocolError("control frame too long") from error
        except wsrs.ClosedError:
            raise await self._ended() from self._cause

    def _send_close(self, code: int, reason: str) -> None:
        if self.conn.state is not wsrs.State.OPEN:
            return
        check_close(code, reason)
        self.conn.close(int(code), reason)
        self._sent = Close(code, reason)
        self.driver.attend()

    def _fail(self, code: int, reason: str, cause: BaseException) -> None:
        if self._cause is None:
            self._cause = cause
        self._send_close(code, reason)

    def _pause(self, paused: bool) -> None:
        try:
            if paused:
                self.conn.pause()
            else:
                self.conn.resume()
                self.driver.attend()
        except wsrs.ClosedError:
            pass

    async def _closed_in_time(self) -> None:
        if self._over:
            return
        limit = self.settings.close_timeout
        timer = None if limit is None else self.driver.loop.call_later(limit, self._give_up)
        try:
            await self.wait_closed()
        finally:
            if timer is not None:
                timer.cancel()

    def _give_up(self) -> None:
        if self._cause is None:
            self._cause = TimeoutError("timed out while closing connection")
        self.drop()

    def drop(self) -> None:
        """Ends it at once, without a Close."""
        self.conn.abort()
        self.driver.attend()

    async def _ended(self) -> ConnectionClosed:
        """What to raise, when it is known."""
        await self._closed_in_time()
        return self._closed_exception()

    def _closed_exception(self) -> ConnectionClosed:
        sides = (self._rcvd, self._sent)
        in_order = all(side is not None and side.code in OK_CODES for side in sides)
        kind = ConnectionClosedOK if in_order else ConnectionClosedError
        made = kind(self._rcvd, self._sent, self._rcvd_first)
        made.__cause__ = self._cause
        return made

    def on_open(self) -> None:
        """The handshake is done."""
        self._opened = True
        self.driver.connections.add(self)
        self.subprotocol = self.conn.subprotocol
        self.local_address = socket_address(self.conn.local_address)
        # The system doesn't know any more where a peer was that has reset the connection meanwhile.
        with contextlib.suppress(wsrs.ClosedError):
            self.remote_address = socket_address(self.conn.peer_address)

    def on_message(self, piece: Piece) -> None:
        """A message or a piece of one came."""
        self._inbox.put(piece)

    def on_drain(self) -> None:
        """There is room in the queue."""
        self.outbox.drained()

    def on_pong(self, data: bytes) -> None:
        """A pong came."""
        self._pings.answered(data)

    def on_close(self, info: wsrs.CloseInfo) -> None:
        """The connection is over: wakes everybody."""
        self._note_closes(info)
        self._over = True
        self.driver.connections.discard(self)
        self.conn.user = None
        if self.driver.loop.is_closed():
            return
        self._inbox.end()
        self.outbox.end()
        self._pings.end(self._closed_exception)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def _note_closes(self, info: wsrs.CloseInfo) -> None:
        """Which Close frames went over the wire, from what the library tells of the end."""
        told = Close(info.code, info.reason)
        if info.by == wsrs.By.REMOTE:
            # The library answers with the code it got, without the words.
            self._rcvd, self._rcvd_first = told, True
            self._sent = self._sent or Close(info.code, "")
            return
        if self._sent is None and info.code not in (0, CloseCode.ABNORMAL_CLOSURE):
            # The library closed it: the peer broke a rule or a limit.
            self._sent = told
            kind = PayloadTooBig if info.code == CloseCode.MESSAGE_TOO_BIG else ProtocolError
            self._cause = self._cause or kind(info.reason or str(told))
        if info.clean:
            self._rcvd, self._rcvd_first = told, False


def check_close(code: int, reason: str) -> None:
    """Raises ProtocolError for what can't be sent in a Close frame."""
    if code not in SENT_CODES and not 3000 <= code <= 4999:
        raise ProtocolError(f"close code {code} can't be sent")
    if len(reason.encode()) > 123:
        raise ProtocolError("a close reason has at most 123 bytes")


def _control(data: DataLike) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, BYTES_LIKE):
        return bytes(data)
    raise TypeError("the data of a ping or pong must be str or bytes-like")
