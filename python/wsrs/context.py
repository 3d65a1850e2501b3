"""The context: an event loop with its listeners, connections and timers."""

import logging
import math
import select
import threading
import time
import warnings
from ctypes import Array, byref, c_int32, c_size_t, c_uint64, pointer
from itertools import count
from types import TracebackType
from typing import Any, Callable, Iterable, List, Optional, Tuple, Type, Union

from . import _exit, _structs
from . import _native as native
from ._delivery import Delivery
from ._payload import Data, payload
from ._signals import Signals
from ._text import c_text
from .connection import Connection
from .errors import ClosedError, ForkedError, check, result_error
from .handlers import Handlers, OnClose, OnControl, OnDrain, OnError, OnMessage, OnOpen, OnRequest
from .headers import HeadersLike, c_headers
from .limits import Limits, c_limits
from .listener import Listener
from .timer import Timer
from .types import LogLevel

Log = Union[logging.Logger, Callable[[LogLevel, str], object]]

_LOGGING_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_OWN = 1
# C functions that the library may still call, since it refused to free their context.
_unfreed: List[Delivery] = []


class Context:
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
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: str = "bytes",
        limits: Optional[Limits] = None,
        log: Optional[Log] = None,
        log_level: LogLevel = LogLevel.WARNING,
    ) -> None:
        self._closed = True
        self._busy = threading.Lock()
        self._stopping = False
        self._bound = False
        self._keys = count(_OWN + 1)
        self._delivery = Delivery(self)
        self._handlers = Handlers(
            on_request=on_request,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
            messages=messages,
        )
        self._delivery.handlers[_OWN] = self._handlers
        options = _structs.sized(_structs.ContextOptions)
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        id = c_uint64()
        callbacks = self._delivery.callbacks_for(self._handlers)
        check(native.context_new(byref(options), byref(callbacks), _OWN, byref(id)))
        self.id = id.value
        self._closed = False
        self._poller = select.poll()
        self._poller.register(self.fileno(), select.POLLIN)
        _exit.contexts.add(self)
        if log is not None:
            self.set_log(log, log_level)

    def __repr__(self) -> str:
        return f"<wsrs.Context {self.id:#x}{' closed' if self._closed else ''}>"

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
        keep_request: bool = False,
        backlog: int = 0,
        reuse_port: bool = False,
        ipv6_only: bool = False,
        unix_mode: int = 0,
    ) -> Listener:
        """Listens on "127.0.0.1:8080", "[::1]:0" (0: any free port), "*:8080" (IPv6 and IPv4) or "unix:/run/x.sock"
        (a socket file that nobody listens on any more is replaced).

        Callbacks and `messages` that are not given are the context's.
        subprotocols: those spoken, preferred first; the first that the client offers too is chosen.
        limits: of its connections, instead of all of the context's.
        streaming: on_message gets pieces as they arrive.
        keep_request: path, query and headers can be read as long as the connection lives.
        backlog: connections that the system may hold ready; 0: 4,096, cut by the system.
        reuse_port: several listeners, also of other processes, share the port and its connections.
        ipv6_only: an IPv6 wildcard address does not take IPv4 connections too.
        unix_mode: permissions of a Unix socket, like 0o660; 0: as the umask says.

        Loop thread. AddressError, InUseError, DeniedError and other NetworkErrors, HeaderError for a subprotocol that
        can't be, LimitError, StateError while the context stops, ClosedError.
        """
        handlers = Handlers(
            self._handlers,
            on_request=on_request,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
            messages=messages,
            streaming=streaming,
        )
        key = next(self._keys)
        options = _structs.sized(_structs.ListenOptions)
        options.callbacks = pointer(self._delivery.callbacks_for(handlers))
        options.user_data = key
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        options.subprotocols = _joined(subprotocols)
        options.streaming = streaming
        options.keep_request = keep_request
        options.backlog = backlog
        options.reuse_port = reuse_port
        options.ipv6_only = ipv6_only
        options.unix_mode = unix_mode
        id = c_uint64()
        check(native.context_listen(self.id, c_text(address), byref(options), byref(id)))
        self._delivery.handlers[key] = handlers
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
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: Optional[str] = None,
        limits: Optional[Limits] = None,
        streaming: bool = False,
        keep_response: bool = False,
    ) -> Connection:
        """Starts to connect to "ws://host:port/path?query" (port 80 without one), or to a Unix socket as
        "ws+unix:/run/x.sock:/path?query", and returns at once; on_open or on_error follows, never before this has
        returned. `close` or `abort` of the connection cancels.

        Callbacks and `messages` that are not given are the context's.
        subprotocols: those offered, preferred first.
        headers: added to the request; a mapping, or (name, value) pairs.
        limits: of this connection, instead of all of the context's.
        streaming: on_message gets pieces as they arrive.
        keep_response: headers can be read as long as the connection lives.

        Loop thread. URLError, HeaderError, LimitError, StateError while the context stops, ClosedError.
        """
        handlers = Handlers(
            self._handlers,
            on_open=on_open,
            on_message=on_message,
            on_close=on_close,
            on_error=on_error,
            on_drain=on_drain,
            on_ping=on_ping,
            on_pong=on_pong,
            messages=messages,
            streaming=streaming,
        )
        options = _structs.sized(_structs.ConnectOptions)
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        options.subprotocols = _joined(subprotocols)
        array, options.header_count = c_headers(headers)
        if array is not None:
            options.headers = array
        options.streaming = streaming
        options.keep_response = keep_response
        id = c_uint64()
        check(native.context_connect(self.id, c_text(url), byref(options), byref(id)))
        conn = self._delivery.connections[id.value] = Connection(id.value, self, handlers)
        return conn

    @property
    def connections(self) -> Tuple[Connection, ...]:
        """The connections that connect, are open or close; those of clients from on_request or on_open on."""
        return tuple(self._delivery.connections.values())

    # ---- running ----

    def run(self) -> None:
        """Runs until `stop` was called and everything is closed, or a callback closes the context. A stop that came
        before makes it close everything and return. It may be called again after.

        On the main thread signals are handled as they come: Ctrl-C raises KeyboardInterrupt, and a handler of yours
        may call `stop`.

        Loop thread; makes this thread the loop's thread. Raises what a callback raised; ThreadError, ReentryError,
        ClosedError, ForkedError.
        """
        if self._closed:
            raise ClosedError()
        with Signals(self, self._poller) as signals:
            while True:
                stopping = self._stopping
                self._turn()
                signals.check()
                if self._closed:
                    return
                if stopping and self.idle:
                    self._stopping = False
                    return
                self._wait(math.inf)

    def poll(self, timeout: Optional[float] = 0.0) -> None:
        """Waits until something happens, at most `timeout` seconds (None: for ever), and calls the callbacks for what
        happened. It may return early with nothing done.

        Loop thread; makes this thread the loop's thread. Raises as `run`.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError("timeout must not be negative; None waits for ever")
        # The first poll doesn't wait: the thread becomes the loop's thread inside the library only.
        if self._bound and timeout != 0:
            self._wait(math.inf if timeout is None else timeout)
        self._turn()

    def stop(self) -> None:
        """Asks the context to stop: listeners close, connections are closed with 1001, `run` returns when all are gone
        or their time (`Limits.stop_grace`) is over. Until then listening and connecting is refused (StateError). In a
        loop of your own go on polling until it is `idle`. A stop that comes before a run is not lost.

        Any thread, and from signal handlers. ClosedError, ForkedError.
        """
        check(native.context_stop(self.id))
        self._stopping = True
        # The loop may have heard of the stop before it can see that it was one.
        native.context_post(self.id, self._delivery.on_post, None)

    @property
    def idle(self) -> bool:
        """There is no connection at all, not even one in its handshake. Loop thread. ClosedError."""
        conn = c_uint64()
        check(native.context_next_conn(self.id, 0, byref(conn)))
        return conn.value == 0

    def fileno(self) -> int:
        """The one descriptor for a loop of your own: when it is readable, or `timeout` is over, call `poll()`. It stays
        the same, and covers timers. Don't read, write or close it. Loop thread. ClosedError."""
        descriptor = c_int32()
        check(native.context_fd(self.id, byref(descriptor)))
        return descriptor.value

    def timeout(self) -> Optional[float]:
        """How many seconds a loop of your own may wait for `fileno` before it calls `poll()` anyway; None: for ever.
        Ask before each wait. Loop thread. ClosedError."""
        milliseconds = self._timeout_ms()
        return None if milliseconds < 0 else milliseconds / 1000

    def _timeout_ms(self) -> int:
        milliseconds = c_int32()
        check(native.context_timeout_ms(self.id, byref(milliseconds)))
        return milliseconds.value

    def _wait(self, seconds: float) -> None:
        """Waits in Python, not in the library: other threads run, and signals end it."""
        own = self._timeout_ms()
        if own >= 0:
            seconds = min(seconds, own / 1000)
        self._poller.poll(None if seconds == math.inf else math.ceil(seconds * 1000))

    def _turn(self) -> None:
        """One poll of the library that doesn't wait, and what its callbacks raised."""
        held = self._busy.acquire(blocking=False)
        if not held and _exit.exiting.is_set():
            time.sleep(threading.TIMEOUT_MAX)
        try:
            # Without the lock the library refuses it, and says why.
            result = native.context_poll(self.id, 0)
            self._bound = True
        finally:
            if held:
                self._busy.release()
        if self._closed and held:
            self._release()
        self._raise()
        if result and not self._closed:
            raise result_error(result)

    def _raise(self) -> None:
        raised, self._delivery.raised = self._delivery.raised, None
        if raised is not None:
            try:
                raise raised
            finally:
                del raised

    # ---- functions and timers ----

    def post(self, function: Callable[[], object]) -> None:
        """Calls a function on the loop's thread, in one of its next polls, once, in the order of the posts; when the
        context is closed before, while it closes. Any thread. ClosedError, ForkedError."""
        key = next(self._keys)
        self._delivery.posted[key] = function
        result = native.context_post(self.id, self._delivery.on_post, key)
        if result:
            self._delivery.posted.pop(key, None)
            raise result_error(result)

    def timer(self, seconds: float, function: Callable[[], object], repeat: Optional[float] = None) -> Timer:
        """Calls a function on the loop's thread after `seconds`, then every `repeat` seconds; None: once. Timers are
        coarse: a few milliseconds late is normal. Loop thread. ArgumentError, LimitError, ClosedError."""
        if seconds < 0 or (repeat is not None and not repeat > 0):
            raise ValueError("times must not be negative, and repeat must be above 0")
        interval = 0 if repeat is None else math.ceil(repeat * 1000)
        delivery = self._delivery
        id = c_uint64()
        check(
            native.context_timer(self.id, math.ceil(seconds * 1000), interval, delivery.on_timer, None, byref(id))
        )
        delivery.timers[id.value] = function if interval else _Once(delivery, id.value, function)
        return Timer(id.value, self)

    # ---- to many ----

    def broadcast(self, message: Data, kind: int = 0) -> int:
        """Sends a message to every open connection, framed once; returns how many took it. Those whose queue is full
        don't, and get on_drain later; nor do those inside a fragmented message. `kind` as for `Connection.send`. Loop
        thread. TextError, ClosedError."""
        own, data, length = payload(message)
        sent = c_size_t()
        check(native.context_broadcast(self.id, kind or own, data, length, byref(sent)))
        return sent.value

    def send_many(self, conns: Iterable[Connection], message: Data, kind: int = 0) -> int:
        """As `broadcast`, to the given connections of this context. Those that are not open are passed over.
        ArgumentError when one is of another context, and then nothing was sent."""
        ids = [conn.id for conn in conns]
        array: "Array[c_uint64]" = (c_uint64 * len(ids))(*ids)
        own, data, length = payload(message)
        sent = c_size_t()
        check(native.context_send_many(self.id, array, len(ids), kind or own, data, length, byref(sent)))
        return sent.value

    # ---- log ----

    def set_log(self, log: Optional[Log], level: LogLevel = LogLevel.WARNING) -> None:
        """Gives the log lines up to `level` to a logging.Logger, or to a function of level and line; None: to nobody.
        Loop thread. ClosedError."""
        if log is None:
            check(native.context_set_log(self.id, 0, _structs.OnLog(), None))
            return
        if isinstance(log, logging.Logger):
            logger = log
            function: Callable[[int, str], object] = lambda each, line: logger.log(_LOGGING_LEVELS[each], "%s", line)
        else:
            called = log
            function = lambda each, line: called(LogLevel(each), line)
        before = self._delivery.on_log
        self._delivery.set_log(function)
        check(native.context_set_log(self.id, level, self._delivery.on_log, None))
        del before

    # ---- the end ----

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._closed

    def close(self) -> None:
        """Closes what is open, calls on_close or on_error for each connection, and frees all. Functions posted before
        are called; timers end. Inside a callback, that happens when the callback has returned. Does nothing when it
        was called before, and in the child of a fork.

        Loop thread. ThreadError while another thread runs the context: `stop` it, and join that thread.
        """
        if self._closed:
            return
        self._closed = True
        result = native.context_free(self.id)
        if result and result != ForkedError.code:
            self._closed = False
            raise result_error(result)
        if not self._busy.locked():
            self._release()
            self._raise()

    def _release(self) -> None:
        _exit.contexts.discard(self)
        self._delivery.forget()

    def __enter__(self) -> "Context":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self, warn: Any = warnings.warn, free: Any = native.context_free, unfreed: Any = _unfreed) -> None:
        if self._closed:
            return
        self._closed = True
        self._delivery.forget()
        if free(self.id):
            unfreed.append(self._delivery)
        warn(f"unclosed {self!r}", ResourceWarning, source=self)


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


def _joined(subprotocols: Iterable[str]) -> Optional[bytes]:
    if isinstance(subprotocols, str):
        subprotocols = [subprotocols]
    return c_text(", ".join(subprotocols)) or None
