"""A connection.

Made by context (connect) and _delivery (clients that come). A connection is an id and what Python keeps for it: the
library never looks into this object, and a call on a connection that is gone does nothing but raise ClosedError.
"""

from ctypes import byref, c_size_t
from typing import TYPE_CHECKING, Any, List, Optional, Tuple, Union

from . import _held
from . import _native as native
from ._payload import BINARY, TEXT, Data, kind_of, payload
from ._structs import Header, RawHeader
from ._text import NOT_FOUND, address_of, c_text, text, text_of
from .deflate import DeflateInfo, deflate_info
from .errors import ClosedError, NotFoundError, check, result_error
from .handlers import Handlers
from .headers import Headers, HeadersLike, c_headers
from .prepared import Prepared
from .stats import Stats, Timings, connection_stats, connection_timings
from .tls import TlsInfo, tls_info
from .types import Kind, State

if TYPE_CHECKING:
    from .context import Context

_send = _held.conn_send
_send_binary = _held.conn_send_binary
_send_prepared = _held.conn_send_prepared
_LONGEST = _held.LONGEST


class Connection:
    """A connection, of a client (`Context.connect`) or to a client (`on_request`, `on_open`).

    Keep it as long as you like. Once the connection is over (after `on_close` or `on_error`) its methods raise
    ClosedError, whatever the thread. Methods say "Any thread" or "Loop thread": the thread that polls or runs the
    context; before the first poll, any one thread.

    `user` is yours: any object, None at first. `id` is the library's number of the connection, never used again.
    """

    __slots__ = (
        "id",
        "context",
        "user",
        "_handle",
        "_handlers",
        "_on_message",
        "_kind",
        "_path",
        "_query",
        "_headers",
        "__weakref__",
    )

    def __init__(self, id: int, context: "Context", handlers: Handlers) -> None:
        self._name(id)
        self.context = context
        self.user: Any = None
        self._obey(handlers)
        self._kind = BINARY
        self._path: Optional[str] = None
        self._query: Optional[str] = None
        self._headers: Optional[Headers] = None

    def _obey(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._on_message = handlers.on_message or _ignore

    def _name(self, id: int) -> None:
        self.id = id
        self._handle = _held.handle(id)

    def __repr__(self) -> str:
        return f"<wsrs.Connection {self.id:#x} {self.state.name}>"

    # ---- sending ----

    def send(self, message: Data, kind: int = 0, *, uncompressed: bool = False) -> None:
        """Sends a whole message: str as text, everything else as binary. `kind` (`wsrs.TEXT`, `wsrs.BINARY`) says
        otherwise, for text that you have as UTF-8 bytes. The message is neither copied nor kept; it may be changed
        when this returns. `uncompressed`: it is not compressed, whatever was agreed on; for what is compressed already,
        or must not share a context with what others can choose.

        On the loop's thread it is written at once as far as the network takes it, or with what else this callback
        sends; from other threads it is queued, and dropped if the connection closes meanwhile.

        Any thread. AgainError: the queue is full (`Limits.high_water`), nothing was queued, and `on_drain` follows.
        NotOpenError before `on_open`; ClosedError; TextError; StateError inside a fragmented message.
        """
        if type(message) is bytes and not kind and not uncompressed and len(message) <= _LONGEST:
            result = _send_binary(self._handle, message, len(message))
        elif type(message) is str and not kind and not uncompressed and len(message) <= _LONGEST // 4:
            data = message.encode()
            result = _send(self._handle, TEXT, data, len(data))
        else:
            own, borrowed, length = payload(message)
            result = native.conn_send(self.id, kind_of(own, kind, uncompressed), borrowed, length)
        if result:
            raise result_error(result)

    def send_prepared(self, prepared: Prepared) -> None:
        """Sends a message that was made once for many. On a server's connection nothing of it is copied. Where it goes
        compressed, our compressor begins anew after it; where it would become no smaller, it goes as it is.

        Any thread. Errors as `send`; ClosedError also for a message that was closed.
        """
        if not isinstance(prepared, Prepared):
            raise TypeError(f"a wsrs.Prepared is needed, not {type(prepared).__name__}")
        result = _send_prepared(self._handle, prepared._handle)
        if result:
            raise result_error(result)

    def send_fragment(self, data: Data, last: bool, kind: int = 0, *, uncompressed: bool = False) -> None:
        """Sends one frame of a message; `last` ends it. All frames of a message have the same kind. Text may be cut
        inside a character when it is given as bytes with `kind=wsrs.TEXT`. Until the last frame no other message can
        be sent, from whichever thread; pings can. `uncompressed` of the first frame counts for the message.

        Any thread, but one message from one thread. Errors as `send`.
        """
        own, borrowed, length = payload(data)
        kind = kind_of(own, kind, uncompressed)
        check(native.conn_send_fragment(self.id, kind, borrowed, length, 1 if last else 0))

    def ping(self, data: Data = b"") -> None:
        """Sends a ping of at most 125 bytes; `on_pong` tells of the answer. The library pings silent peers on its own
        (`Limits.ping_interval`). Any thread. TooLargeError; else as `send`."""
        _, borrowed, length = payload(data)
        check(native.conn_ping(self.id, borrowed, length))

    def pong(self, data: Data = b"") -> None:
        """Sends a pong that nobody asked for. Pings are answered by the library. Any thread. Errors as `ping`."""
        _, borrowed, length = payload(data)
        check(native.conn_pong(self.id, borrowed, length))

    # ---- ending ----

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Starts the closing handshake, after what is queued; `on_close` follows. `code` is 1000 to 1003, 1007 to 1011
        or 3000 to 4999, or 0 for a Close without code and reason; `reason` is at most 123 bytes of UTF-8. Before
        `on_open` it ends the attempt instead, and `on_error` follows. Does nothing when it is closing or closed.

        Any thread. CloseCodeError, TooLargeError.
        """
        encoded = reason.encode()
        result = native.conn_close(self.id, code, encoded, len(encoded))
        if result and result != ClosedError.code:
            raise result_error(result)

    def abort(self) -> None:
        """Drops the connection at once: no Close, queued messages are lost. `on_close` or `on_error` follows. Does
        nothing when it is closed. Any thread."""
        result = native.conn_abort(self.id)
        if result and result != ClosedError.code:
            raise result_error(result)

    # ---- connecting again ----

    def retarget(self, url: Optional[str] = None, headers: Optional[HeadersLike] = None) -> None:
        """Changes where a connection with `reconnect` goes, from the attempt that follows on: only in its `on_retry`.
        `headers` take the place of all headers given before; None: as before. Redirects don't change where the next
        attempt begins.

        Loop thread. StateError elsewhere; URLError; HeaderError; ClosedError.
        """
        array, count = c_headers(headers or ())
        if headers is not None and array is None:
            # NULL would leave them as before.
            array = (Header * 1)()
        check(native.conn_retarget(self.id, None if url is None else c_text(url), array, count))

    # ---- flow ----

    def pause(self) -> None:
        """Stops to receive, so that the peer is slowed down by TCP. On the loop's thread it holds at once; from another
        one a message that was received already may still come. Any thread. ClosedError."""
        check(native.conn_pause(self.id))

    def resume(self) -> None:
        """Receives again. Any thread. ClosedError."""
        check(native.conn_resume(self.id))

    def request_drain(self) -> None:
        """Asks for one `on_drain` as soon as at most half of `high_water` is queued, in the next poll if it is. Loop
        thread. ClosedError, NotOpenError."""
        check(native.conn_request_drain(self.id))

    @property
    def buffered(self) -> int:
        """Bytes queued that the system did not take yet. Loop thread. ClosedError."""
        length = c_size_t()
        check(native.conn_buffered(self.id, byref(length)))
        return length.value

    # ---- about it ----

    @property
    def state(self) -> State:
        """What it can do now. Never fails. Any thread."""
        return State(native.conn_state(self.id))

    def stats(self) -> Stats:
        """What it counted so far: messages, bytes, pings, round-trip times. Any thread. ClosedError, but not in
        `on_close`."""
        return connection_stats(self.id)

    def timings(self) -> Timings:
        """Clients: how long each part of making it took, from `on_open` on, and in `on_error`. Loop thread. NotFoundError
        for a server's connection; ClosedError."""
        return connection_timings(self.id)

    def tls_info(self) -> TlsInfo:
        """What TLS agreed on with the peer, from `on_request` (servers) or `on_open` on. Loop thread. NotFoundError for a
        connection without TLS; NotOpenError before the TLS handshake is done; ClosedError."""
        return tls_info(self.id)

    @property
    def message_kind(self) -> Kind:
        """Kind of the message that `on_message` handles: with messages="view" both kinds are a memoryview."""
        return Kind(self._kind)

    @property
    def path(self) -> str:
        """Servers: the request's path, as it was sent. Like `query` and `headers` it can be read until `on_close` or
        `on_error` has returned, with `keep_request=False` until `on_open` has; once read, always. Loop thread.
        NotFoundError when it is not kept, and for connections of clients; ClosedError."""
        if self._path is None:
            self._path = text_of(native.conn_path, self.id)
            if self._path is None:
                raise NotFoundError()
        return self._path

    @property
    def query(self) -> Optional[str]:
        """Servers: what follows the first question mark of the request, as it was sent; None without one. As `path`."""
        if self._query is None:
            self._query = text_of(native.conn_query, self.id)
        return self._query

    @property
    def headers(self) -> Headers:
        """The headers of the request (servers) or of the answer (clients; `keep_response`). As `path`."""
        if self._headers is None:
            self._headers = self._read_headers()
        return self._headers

    def _read_headers(self) -> Headers:
        raw: List[Tuple[str, str]] = []
        header = RawHeader()
        while True:
            result = native.conn_header_at(self.id, len(raw), byref(header))
            if result == NOT_FOUND and raw:
                return Headers(raw)
            check(result)
            raw.append((text(header.name, header.name_len), text(header.value, header.value_len)))

    @property
    def subprotocol(self) -> Optional[str]:
        """The subprotocol that was agreed on; None without one. Loop thread. ClosedError."""
        return text_of(native.conn_subprotocol, self.id)

    @property
    def deflate(self) -> Optional[DeflateInfo]:
        """What was agreed on for compressing messages; None: they go as they are. Loop thread. NotOpenError before
        `on_open`; ClosedError."""
        return deflate_info(self.id)

    @property
    def local_address(self) -> str:
        """This end's address: "127.0.0.1:40123", "unix:/run/x.sock". Loop thread. NotOpenError before TCP is connected;
        ClosedError, also in `on_close`."""
        return address_of(native.conn_local_address, self.id)

    @property
    def peer_address(self) -> str:
        """The peer's address, as `local_address`."""
        return address_of(native.conn_peer_address, self.id)

    # ---- answering a request ----

    def accept(self, subprotocol: Optional[str] = None, headers: HeadersLike = ()) -> None:
        """Accepts a request; `on_open` follows. `subprotocol` must be one that the client offers; None lets the
        listener's `subprotocols` choose. `headers` are added to the answer.

        Loop thread, in `on_request` or after `defer`. StateError when it was answered already or asks for no upgrade;
        HeaderError; ClosedError.
        """
        chosen = None if subprotocol is None else c_text(subprotocol)
        check(native.conn_accept(self.id, chosen, *c_headers(headers)))

    def respond(self, status: int, headers: HeadersLike = (), body: Union[str, bytes] = b"") -> None:
        """Answers a request with an HTTP status from 200 to 599 instead of an upgrade; the connection ends after it:
        `on_close` with code 0, no `on_open`. The library adds Content-Length and "Connection: close".

        Loop thread, in `on_request` or after `defer`. StateError when it was answered already; HeaderError;
        ArgumentError; ClosedError.
        """
        content = body.encode() if isinstance(body, str) else body
        check(native.conn_respond(self.id, status, *c_headers(headers), content, len(content)))

    def defer(self) -> None:
        """Leaves a request undecided when `on_request` returns; `accept` or `respond` must follow within
        `Limits.handshake_timeout`. When the client goes away first, `on_error` follows.

        Loop thread, in `on_request`. StateError, ClosedError.
        """
        check(native.conn_defer(self.id))


def _ignore(_conn: Connection, _message: object) -> None:
    """Instead of an on_message that is not set."""
