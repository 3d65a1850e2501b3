"""The context: an event loop with its listeners, connections and timers."""

import logging
import math
from ctypes import Array, byref, c_size_t, c_uint64, pointer
from typing import Callable, Iterable, Optional, Tuple, Union

from . import _native as native
from . import _structs
from ._delivery import Delivery
from ._loop import Loop
from ._payload import Data, kind_of, payload
from ._text import c_names, c_text
from .connection import Connection
from .deflate import DeflateLike, c_deflate
from .errors import check, result_error
from .handlers import Handlers, OnClose, OnControl, OnDrain, OnError, OnMessage, OnOpen, OnRequest, OnRetry
from .headers import HeadersLike, c_headers
from .limits import Limits, c_limits
from .listener import Listener
from .options import Reconnect, SocketOptions, c_reconnect, c_socket_options
from .stats import Totals, context_totals
from .timer import Timer
from .tls import Tls, tls_id
from .types import LogLevel

Log = Union[logging.Logger, Callable[[LogLevel, str], object]]

_LOGGING_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}


class Context(Loop):
    """An event loop. A program makes one, tells it to listen or to connect, and runs it:

        def echo(conn, message):
            conn.send(message)

        with wsrs.Context(on_message=echo) as context:
            context.listen("127.0.0.1:8080")
            context.run()

    Callbacks. They are called on the loop's thread, inside `poll`, `run` and `close`, one at a time. They may do
    anything, also close the context; only polling or running it again is refused. A connection has these, in order:

        on_request(conn, request)   servers that set it: a client asks. Answer by conn.accept, conn.respond or
                                    conn.defer; without an answer an upgrade is accepted, anything else gets 426
        on_open(conn)               the handshake is done      or, instead of this and all below, one on_error
        on_message(conn, message)   str for text, bytes for binary
        on_ping(conn, data), on_pong(conn, data)               a ping came (and is answered already), a pong came
        on_drain(conn)              at most half of high_water is queued, after AgainError or request_drain
        on_close(conn, info)        exactly once, last; info is a CloseInfo
        on_error(conn, error)       it did not open; error is the Error that says why
        on_retry(conn, retry)       connections with reconnect: it was lost or did not open, and another attempt
                                    follows; on_open comes again. conn.close here stops it, conn.retarget leads it
                                    elsewhere

    `messages="view"`: on_message gets a memoryview of the library's own memory for both kinds, without a copy;
    `conn.message_kind` tells the kind. The view is released when on_message returns: using it later raises ValueError.
    What is made from it and looks into the same memory (a numpy array) must not be kept: BufferError comes out of the
    poll. With `streaming` (of listen and connect) on_message gets a `Piece` as it arrives instead of whole messages.

    Exceptions. What a callback raises comes out of the `run`, `poll` or `close` around it, when everything that had
    arrived is delivered: nothing is lost, and the context can be run again. Of several in one poll the first is raised
    and the others go to sys.unraisablehook. Ctrl-C ends `run` with KeyboardInterrupt.

    Threads. The thread that first polls or runs is the loop's thread; others may call what says "Any thread".

    The end. `close` (or the end of the `with` block) closes what is open and calls on_close or on_error for each
    connection. A context that is forgotten instead drops its connections without a callback, with a ResourceWarning.
    After os.fork() the child can't use it (ForkedError), but make its own.

    `log` is a logging.Logger, or is called with a LogLevel and a line, up to `log_level`.
    """

    def __init__(
        self,
        *,
        on_request: Optional[OnRequest] = None,
        on_open: Optional[OnOpen] = None,
        on_message: Optional[OnMessage] = None,
        on_close: Optional[OnClose] = None,
        on_error: Optional[OnError] = None,
        on_retry: Optional[OnRetry] = None,
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: str = "bytes",
        limits: Optional[Limits] = None,
        log: Optional[Log] = None,
        log_level: LogLevel = LogLevel.WARNING,
    ) -> None:
        handlers = Handlers(
            None,
            messages,
            on_request=on_request,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_retry=on_retry,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
        )
        super().__init__(handlers, limits)
        if log is not None:
            self.set_log(log, log_level)

    # ---- listening and connecting ----

    def listen(
        self,
        address: str,
        *,
        subprotocols: Iterable[str] = (),
        on_request: Optional[OnRequest] = None,
        on_open: Optional[OnOpen] = None,
        on_message: Optional[OnMessage] = None,
        on_close: Optional[OnClose] = None,
        on_error: Optional[OnError] = None,
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: Optional[str] = None,
        limits: Optional[Limits] = None,
        streaming: bool = False,
        keep_request: bool = True,
        backlog: int = 0,
        reuse_port: bool = False,
        ipv6_only: bool = False,
        unix_mode: int = 0,
        tls: Optional[Tls] = None,
        tls_or_plain: bool = False,
        socket: Optional[SocketOptions] = None,
        deflate: DeflateLike = None,
    ) -> Listener:
        """Listens on "127.0.0.1:8080", "[::1]:0" (0: any free port), "*:8080" (IPv6 and IPv4) or "unix:/run/x.sock"
        (a socket file that nobody listens on any more is replaced).

        Callbacks and `messages` that are not given are the context's.
        subprotocols: those spoken, preferred first; the first that the client offers too is chosen.
        limits: of its connections, instead of all of the context's.
        streaming: on_message gets pieces as they arrive.
        keep_request: path, query and headers can be read as long as the connection lives; False saves their memory.
        backlog: connections that the system may hold ready; 0: 4,096, cut by the system.
        reuse_port: several listeners, also of other processes, share the port and its connections.
        ipv6_only: an IPv6 wildcard address does not take IPv4 connections too.
        unix_mode: permissions of a Unix socket, like 0o660; 0: as the umask says.
        tls: speaks TLS (wss://) with the certificate in it.
        tls_or_plain: with tls, clients may speak TLS or not; the first byte that they send tells.
        socket: options of its connections' sockets.
        deflate: a Deflate, or True for its defaults: messages are compressed for clients that offer it.

        Loop thread. AddressError, InUseError, DeniedError and other NetworkErrors, HeaderError for a subprotocol that
        can't be, LimitError, StateError while the context stops, ClosedError.
        """
        handlers = Handlers(
            self._handlers,
            messages,
            streaming,
            on_request=on_request,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
        )
        options = _structs.sized(_structs.ListenOptions)
        options.callbacks = pointer(self._delivery.callbacks_for(handlers))
        key = options.user_data = self._delivery.add_handlers(handlers)
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        options.subprotocols = c_names(subprotocols, ", ")
        options.streaming = streaming
        options.keep_request = keep_request
        options.backlog = backlog
        options.reuse_port = reuse_port
        options.ipv6_only = ipv6_only
        options.unix_mode = unix_mode
        options.tls = tls_id(tls)
        options.tls_or_plain = tls_or_plain
        if socket is not None:
            options.socket = pointer(c_socket_options(socket))
        options.deflate = c_deflate(deflate)
        id = c_uint64()
        result = self._call(native.context_listen, c_text(address), byref(options), byref(id))
        if result:
            del self._delivery.handlers[key]
            raise result_error(result)
        return Listener(id.value, self)

    def connect(
        self,
        url: str,
        *,
        subprotocols: Iterable[str] = (),
        headers: HeadersLike = (),
        on_open: Optional[OnOpen] = None,
        on_message: Optional[OnMessage] = None,
        on_close: Optional[OnClose] = None,
        on_error: Optional[OnError] = None,
        on_retry: Optional[OnRetry] = None,
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: Optional[str] = None,
        limits: Optional[Limits] = None,
        streaming: bool = False,
        keep_response: bool = True,
        tls: Optional[Tls] = None,
        proxy: Optional[str] = None,
        proxy_from_env: bool = False,
        proxy_tls: Optional[Tls] = None,
        max_redirects: int = 0,
        redirect_to_ws: bool = False,
        reconnect: Optional[Reconnect] = None,
        source: Optional[str] = None,
        interface: Optional[str] = None,
        socket: Optional[SocketOptions] = None,
        deflate: DeflateLike = None,
    ) -> Connection:
        """Starts to connect to "wss://host:port/path?query" (port 443 without one), "ws://…" (port 80), or to a Unix
        socket as "ws+unix:/run/x.sock:/path?query", and returns at once; on_open or on_error follows, never before this
        has returned. `close` or `abort` of the connection cancels. "user:password@" before the host becomes an
        Authorization header (Basic).

        Callbacks and `messages` that are not given are the context's.
        subprotocols: those offered, preferred first.
        headers: added to the request; a mapping, or (name, value) pairs.
        limits: of this connection, instead of all of the context's.
        streaming: on_message gets pieces as they arrive.
        keep_response: headers of the answer can be read as long as the connection lives; False saves their memory.
        tls: of wss:// addresses; None: the server is verified by the system's trust store.
        proxy: "http://user:password@host:port", https, socks5 and socks4 (names are looked up here), socks5h and socks4a
            (by the proxy); user name and password are percent-encoded. None: none, or that of the environment; "": none.
        proxy_from_env: where proxy is None, wss_proxy, https_proxy or ws_proxy, http_proxy, else all_proxy names it,
            unless no_proxy has the host.
        proxy_tls: of https:// proxies; None: as for tls.
        max_redirects: redirects to follow, at most. redirect_to_ws: they may lead from wss:// to ws://.
        reconnect: connects again whenever the connection is lost or can't be made, after on_retry; None: never.
        source, interface: the address ("192.0.2.1", "[2001:db8::1]:5000") and the network interface to connect from.
        socket: options of the connection's socket.
        deflate: a Deflate, or True for its defaults: compression is offered to the server.

        Loop thread. URLError, HeaderError, AddressError, InUseError or DeniedError for source or interface, LimitError,
        StateError while the context stops, ClosedError.
        """
        handlers = Handlers(
            self._handlers,
            messages,
            streaming,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_retry=on_retry,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
        )
        options = _structs.sized(_structs.ConnectOptions)
        options.callbacks = pointer(self._delivery.callbacks_for(handlers))
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        options.subprotocols = c_names(subprotocols, ", ")
        array, options.header_count = c_headers(headers)
        if array is not None:
            options.headers = array
        options.streaming = streaming
        options.keep_response = keep_response
        options.tls, options.proxy_tls = tls_id(tls), tls_id(proxy_tls)
        options.proxy = None if proxy is None else c_text(proxy)
        options.proxy_from_env = proxy_from_env
        options.max_redirects = max_redirects
        options.redirect_to_ws = redirect_to_ws
        if reconnect is not None:
            options.reconnect = pointer(c_reconnect(reconnect))
        options.source = None if source is None else c_text(source)
        options.interface = None if interface is None else c_text(interface)
        if socket is not None:
            options.socket = pointer(c_socket_options(socket))
        options.deflate = c_deflate(deflate)
        conn = Connection(0, self, handlers)
        options.user_data = self._delivery.begin(conn)
        id = c_uint64()
        result = self._call(native.context_connect, c_text(url), byref(options), byref(id))
        self._delivery.begun(conn, id.value)
        check(result)
        return conn

    @property
    def connections(self) -> Tuple[Connection, ...]:
        """The connections that connect, are open or close; those of clients from on_request or on_open on."""
        return tuple(self._delivery.connections.values())

    def stats(self) -> Totals:
        """What it counted so far: sums over all connections that it had, and how they ended. Any thread.
        ClosedError."""
        return context_totals(self.id)

    # ---- functions and timers ----

    def post(self, function: Callable[[], object]) -> None:
        """Calls a function on the loop's thread, in one of its next polls, once, in the order of the posts; when the
        context is closed before, while it closes. Any thread. ClosedError, ForkedError."""
        self._delivery.post(self.id, function)

    def timer(self, seconds: float, function: Callable[[], object], repeat: Optional[float] = None) -> Timer:
        """Calls a function on the loop's thread after `seconds`, then every `repeat` seconds; None: once. Timers are
        coarse: a few milliseconds late is normal. Loop thread. ArgumentError, LimitError, ClosedError."""
        if seconds < 0 or (repeat is not None and not repeat > 0):
            raise ValueError("times must not be negative, and repeat must be above 0")
        interval = 0 if repeat is None else _milliseconds(repeat)
        delivery = self._delivery
        id = c_uint64()
        check(
            self._call(native.context_timer, _milliseconds(seconds), interval, delivery.on_timer, None, byref(id))
        )
        delivery.timers[id.value] = function if interval else _Once(delivery, id.value, function)
        return Timer(id.value, self)

    # ---- to many ----

    def broadcast(self, message: Data, kind: int = 0, *, uncompressed: bool = False) -> int:
        """Sends a message to every open connection, framed once and compressed once, like a `Prepared`; returns how many
        took it. Those whose queue is full don't, and get on_drain later; nor do those inside a fragmented message. `kind`
        and `uncompressed` as for `Connection.send`. Loop thread. TextError, ClosedError."""
        own, data, length = payload(message)
        sent = c_size_t()
        check(self._call(native.context_broadcast, kind_of(own, kind, uncompressed), data, length, byref(sent)))
        return sent.value

    def send_many(
        self, conns: Iterable[Connection], message: Data, kind: int = 0, *, uncompressed: bool = False
    ) -> int:
        """As `broadcast`, to the given connections of this context. Those that are not open are passed over.
        ArgumentError when one is of another context, and then nothing was sent."""
        ids = [conn.id for conn in conns]
        array: "Array[c_uint64]" = (c_uint64 * len(ids))(*ids)
        own, data, length = payload(message)
        sent = c_size_t()
        own = kind_of(own, kind, uncompressed)
        check(self._call(native.context_send_many, array, len(ids), own, data, length, byref(sent)))
        return sent.value

    # ---- log ----

    def set_log(self, log: Optional[Log], level: LogLevel = LogLevel.WARNING) -> None:
        """Gives the log lines up to `level` to a logging.Logger, or to a function of level and line; None: to nobody.
        Loop thread. ClosedError."""
        if log is None:
            check(self._call(native.context_set_log, 0, _structs.OnLog(), None))
            return
        if isinstance(log, logging.Logger):
            logger = log
            function: Callable[[int, str], object] = lambda each, line: logger.log(_LOGGING_LEVELS[each], "%s", line)
        else:
            called = log
            function = lambda each, line: called(LogLevel(each), line)
        before = self._delivery.on_log
        self._delivery.set_log(function)
        check(self._call(native.context_set_log, level, self._delivery.on_log, None))
        del before


class _Once:
    """The function of a timer that is called once: it is forgotten before, so that the table doesn't grow."""

    __slots__ = ("_delivery", "_id", "_function")

    def __init__(self, delivery: Delivery, id: int, function: Callable[[], object]) -> None:
        self._delivery = delivery
        self._id = id
        self._function = function

    def __call__(self) -> None:
        self._delivery.timers.pop(self._id, None)
        self._function()


def _milliseconds(seconds: float) -> int:
    """For the library, which refuses the most that it can be told. ctypes would cut what is more, to any time."""
    return 2**64 - 1 if seconds >= 2**53 else math.ceil(seconds * 1000)
