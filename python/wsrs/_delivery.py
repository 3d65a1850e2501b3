"""From a callback of the library to a function of the program.

Made by context, one for each. Every C callback is one of the functions below, on the loop's thread. Invariants:

- No exception leaves a callback, since ctypes would print it and go on: `failed` keeps it for the poll around.
- A connection is known by its id from its first callback (or connect) until its last one.
- The user data of C is always the address of a living object: of the Handlers of a listener, until the first callback of
  a client's connection, and then of the Connection. Both are kept until the library can't use them any more.
- After `silence` nothing of the program is called any more; after `forget` the library must not call.
"""

import gc
import sys
from ctypes import string_at
from itertools import count
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Set, Union

from . import _held, _structs
from . import _native as native
from ._text import text
from .connection import Connection
from .errors import Error, Stage, error_class, result_error
from .handlers import Handlers
from .headers import Headers
from .types import By, CloseInfo, Kind, Piece, Request, Retry

if TYPE_CHECKING:
    from .context import Context

TEXT = 1
_READ = 0x100  # PyBUF_READ
# Looked up, since making an enumeration's member takes longer than the rest of a small piece.
_KINDS = {int(kind): kind for kind in Kind}

_message_at = _structs.Message.from_address
_address_of = id
_NOTHING = Handlers(None)

class Delivery:
    """The C callbacks of a context, what they find their way by, and the exception that one of them met."""

    def __init__(self, context: "Context") -> None:
        self.context = context
        self.connections: Dict[int, Connection] = {}
        self._keys = count(1)
        #: Of the context and of listeners, by their addresses.
        self.handlers: Dict[int, Handlers] = {}
        self._nameless: Set[Connection] = set()
        self.posted: Dict[int, Callable[[], object]] = {}
        self.timers: Dict[int, Callable[[], object]] = {}
        self.raised: Optional[BaseException] = None
        self.silent = False
        self.on_post = _structs.OnPost(self._post)
        self.on_timer = _structs.OnTimer(self._timer)
        self.on_log: Any = _structs.OnLog()
        self._callbacks = self._make_callbacks()
        self._on_request = _structs.OnRequest(self._request)
        self._on_object = _structs.OnObject(self._make_object())

    def callbacks_for(self, handlers: Handlers) -> _structs.Callbacks:
        callbacks = _structs.Callbacks.from_buffer_copy(self._callbacks)
        # Its absence says that the library answers requests.
        if handlers.on_request:
            callbacks.on_request = self._on_request
        if _held.available and handlers.plain:
            callbacks.on_object = self._on_object
        return callbacks

    def add_handlers(self, handlers: Handlers) -> int:
        """Those of clients whose first callback comes with this user data."""
        key = _address_of(handlers)
        self.handlers[key] = handlers
        return key

    def begin(self, conn: Connection) -> int:
        """The user data of a connection that is about to be made: kept whatever happens, since the library has it."""
        self._nameless.add(conn)
        return _address_of(conn)

    def begun(self, conn: Connection, id: int) -> None:
        """The connection has got its id; 0: it was refused."""
        if id:
            conn._name(id)
            self.connections[id] = conn
        self._nameless.discard(conn)

    def silence(self) -> None:
        """Nothing of the program is called from now on."""
        self.silent = True
        for conn in self.connections.values():
            conn._obey(_NOTHING)
        self.posted.clear()
        self.timers.clear()

    def post(self, context: int, function: Callable[[], object]) -> None:
        """Has a function called in a poll. Any thread."""
        key = next(self._keys)
        self.posted[key] = function
        result = native.context_post(context, self.on_post, key)
        if result:
            self.posted.pop(key, None)
            raise result_error(result)

    def forget(self) -> None:
        """The context is gone."""
        self.connections.clear()
        self.handlers.clear()
        self.posted.clear()
        self.timers.clear()

    def failed(self, error: BaseException) -> None:
        """Keeps the first exception of a turn; others are reported as Python reports those that nobody can catch."""
        if self.raised is None:
            self.raised = error
        else:
            _AnotherWasRaisedFirst(error)

    def _make_callbacks(self) -> _structs.Callbacks:
        made = _structs.sized(_structs.Callbacks)
        self._kept = (
            _structs.OnOpen(self._open),
            _structs.OnMessage(self._make_message()),
            _structs.OnClose(self._close),
            _structs.OnError(self._error),
            _structs.OnDrain(self._drain),
            _structs.OnControl(self._ping),
            _structs.OnControl(self._pong),
            _structs.OnRetry(self._retry),
        )
        made.on_open, made.on_message, made.on_close, made.on_error = self._kept[:4]
        made.on_drain, made.on_ping, made.on_pong, made.on_retry = self._kept[4:]
        return made

    # ---- messages ----

    def _make_object(self) -> Callable[[Connection, Any], None]:
        """on_object: where whole messages come in as str and bytes, see _held."""
        failed = self.failed

        def on_object(conn: Connection, message: Union[str, bytes]) -> None:
            try:
                conn._on_message(conn, message)
            except BaseException as error:
                failed(error)

        return on_object

    def _make_message(self) -> Callable[[int, int, Optional[int]], None]:
        """on_message: where all other messages come in."""
        connections = self.connections
        failed = self.failed

        def on_message(id: int, address: int, _user_data: Optional[int]) -> None:
            try:
                conn = connections[id]
                message = _message_at(address)
                if conn._handlers.plain:
                    data = string_at(message.data, message.len)
                    conn._on_message(conn, data.decode() if message.type == TEXT else data)
                else:
                    _hand_out(conn, message)
            except BaseException as error:
                failed(error)

        return on_message

    # ---- the life of a connection ----

    def _find(self, id: int, user_data: Optional[int]) -> Optional[Connection]:
        """The connection, made at its first callback; None after `forget`."""
        conn = self.connections.get(id)
        if conn is None and not self.silent:
            handlers = self.handlers.get(user_data or 0)
            if handlers is not None:
                conn = self.connections[id] = Connection(id, self.context, handlers)
                native.conn_set_user_data(id, _address_of(conn))
        return conn

    def _request(self, id: int, address: int, user_data: Optional[int]) -> None:
        try:
            conn = self._find(id, user_data)
            if conn is not None and conn._handlers.on_request is not None:
                conn._handlers.on_request(conn, _request(conn, _structs.Request.from_address(address)))
        except BaseException as error:
            self.failed(error)

    def _open(self, id: int, user_data: Optional[int]) -> None:
        try:
            conn = self._find(id, user_data)
            if conn is not None and conn._handlers.on_open is not None:
                conn._handlers.on_open(conn)
        except BaseException as error:
            self.failed(error)

    def _close(self, id: int, address: int, user_data: Optional[int]) -> None:
        try:
            conn = self._find(id, user_data)
            self.connections.pop(id, None)
            if conn is not None and conn._handlers.on_close is not None:
                conn._handlers.on_close(conn, _close_info(_structs.Close.from_address(address)))
        except BaseException as error:
            self.failed(error)

    def _error(self, id: int, address: int, user_data: Optional[int]) -> None:
        try:
            conn = self._find(id, user_data)
            self.connections.pop(id, None)
            if conn is not None and conn._handlers.on_error is not None:
                conn._handlers.on_error(conn, _failure(_structs.Error.from_address(address)))
        except BaseException as error:
            self.failed(error)

    def _retry(self, id: int, address: int, user_data: Optional[int]) -> None:
        try:
            conn = self.connections[id]
            # The next answer has its own.
            conn._headers = None
            if conn._handlers.on_retry is not None:
                conn._handlers.on_retry(conn, _retry(_structs.Retry.from_address(address)))
        except BaseException as error:
            self.failed(error)

    def _drain(self, id: int, user_data: Optional[int]) -> None:
        try:
            conn = self.connections[id]
            if conn._handlers.on_drain is not None:
                conn._handlers.on_drain(conn)
        except BaseException as error:
            self.failed(error)

    def _ping(self, id: int, data: Optional[int], length: int, user_data: Optional[int]) -> None:
        try:
            conn = self.connections[id]
            if conn._handlers.on_ping is not None:
                conn._handlers.on_ping(conn, string_at(data, length) if data else b"")
        except BaseException as error:
            self.failed(error)

    def _pong(self, id: int, data: Optional[int], length: int, user_data: Optional[int]) -> None:
        try:
            conn = self.connections[id]
            if conn._handlers.on_pong is not None:
                conn._handlers.on_pong(conn, string_at(data, length) if data else b"")
        except BaseException as error:
            self.failed(error)

    # ---- of the context ----

    def _post(self, _context: int, key: Optional[int]) -> None:
        try:
            function = self.posted.pop(key or 0, None)
            if function is not None:
                function()
        except BaseException as error:
            self.failed(error)

    def _timer(self, id: int, _argument: Optional[int]) -> None:
        try:
            function = self.timers.get(id)
            if function is not None:
                function()
        except BaseException as error:
            self.failed(error)

    def set_log(self, function: Callable[[int, str], object]) -> None:
        def on_log(level: int, line: Optional[bytes], _user_data: Optional[int]) -> None:
            try:
                function(level, (line or b"").decode("utf-8", "replace"))
            except BaseException as error:
                self.failed(error)

        self.on_log = _structs.OnLog(on_log)


class _AnotherWasRaisedFirst:
    """An exception on its way to sys.unraisablehook. The hook of Python itself takes only what Python calls it with, as
    it does for an exception of a finalizer."""

    __slots__ = ("_error",)

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


def _hand_out(conn: Connection, message: _structs.Message) -> None:
    """A message as a view, or a piece of one."""
    conn._kind = message.type
    function, handlers = conn._on_message, conn._handlers
    if not handlers.view:
        data = string_at(message.data, message.len)
        function(conn, Piece(data, message.first != 0, message.last != 0, _KINDS[message.type]))
        return
    view = native.memoryview_of(message.data, message.len, _READ)
    try:
        if handlers.streaming:
            function(conn, Piece(view, message.first != 0, message.last != 0, _KINDS[message.type]))
        else:
            function(conn, view)
    finally:
        _take_back(view)


def _take_back(view: memoryview) -> None:
    """Releases a view, and the slices of it that the program kept. What else looks into the memory can't be stopped:
    that is an error, so that it shows at once."""
    if _references(view) > _REFERENCES_OF_ONE_VIEW:
        memory = gc.get_referents(view)[0]
        for other in gc.get_referrers(memory):
            if isinstance(other, memoryview) and other is not view:
                other.release()
    view.release()


def _references(view: memoryview) -> int:
    """How often the memory behind a view is referred to: by this view, by its slices, and here."""
    return sys.getrefcount(gc.get_referents(view)[0])


_REFERENCES_OF_ONE_VIEW = _references(memoryview(b"one"))


def _request(conn: Connection, request: _structs.Request) -> Request:
    offered = text(request.subprotocols, request.subprotocols_len)
    return Request(
        upgrade=bool(request.upgrade),
        method=text(request.method, request.method_len),
        path=text(request.path, request.path_len),
        query=text(request.query, request.query_len) if request.query else None,
        headers=conn.headers if request.header_count else Headers(),
        subprotocols=tuple(offered.split(", ")) if offered else (),
        peer=text(request.peer, request.peer_len),
    )


def _close_info(close: _structs.Close) -> CloseInfo:
    reason = text(close.reason, close.reason_len)
    why = _failure(close.error.contents) if close.error else None
    return CloseInfo(close.code, reason, bool(close.clean), By(close.by), bool(close.truncated), why)


def _retry(retry: _structs.Retry) -> Retry:
    close = _close_info(retry.close.contents) if retry.close else None
    return Retry(retry.number, retry.delay_ms / 1000, close, _failure(retry.error.contents) if retry.error else None)


def _failure(error: _structs.Error) -> Error:
    headers = [error.headers[index] for index in range(error.header_count)] if error.headers else []
    return error_class(error.result)(
        text(error.text, error.text_len),
        error.result,
        stage=Stage(error.stage),
        errno=error.system_errno,
        status=error.status,
        headers=Headers((text(each.name, each.name_len), text(each.value, each.value_len)) for each in headers),
        body=string_at(error.body, error.body_len) if error.body else b"",
        tls_alert=error.tls_alert,
    )
