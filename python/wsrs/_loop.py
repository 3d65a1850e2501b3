"""The event loop below a context: running, stopping, closing.

The base of context, which adds what a loop is for. Waiting is done here in Python and not in the library, which is
only ever polled without a timeout: so signals end a wait, other threads run meanwhile, and a process can end.
"""

import math
import select
import threading
import time
import warnings
from contextlib import suppress
from ctypes import byref, c_int32, c_uint64, pointer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Tuple, Type, TypeVar, cast

from . import _exit, _held, _structs
from . import _native as native
from ._delivery import Delivery
from ._signals import Signals
from .errors import ClosedError, ForkedError, ThreadError, check, result_error
from .handlers import Handlers
from .limits import Limits, c_limits

if TYPE_CHECKING:
    from .context import Context

Self = TypeVar("Self", bound="Loop")

# Milliseconds: what the system's poll takes.
_LONGEST_WAIT = 0x7FFFFFFF

# Contexts that were forgotten and that the library refused to free, since another thread collected them. It may still
# call their C functions.
_unfreed: Dict[int, Delivery] = {}


class Loop:
    """What a context is, apart from listening, connecting and sending."""

    id: int
    # Until there is one of the library.
    _closed = True

    def __init__(self, handlers: Handlers, limits: Optional[Limits]) -> None:
        _free_forgotten()
        self._busy = threading.Lock()
        self._stopping = False
        #: The loop's thread, by its ident; 0: none yet.
        self._thread = 0
        self._handlers = handlers
        self._delivery = Delivery(cast("Context", self))
        key = self._delivery.add_handlers(handlers)
        options = _structs.sized(_structs.ContextOptions)
        if limits is not None:
            options.limits = pointer(c_limits(limits))
        id = c_uint64()
        callbacks = self._delivery.callbacks_for(handlers)
        check(native.context_new(byref(options), byref(callbacks), key, byref(id)))
        self.id = id.value
        self._closed = False
        _held.set_up(self.id)
        self._handle = _held.handle(self.id)
        self._milliseconds = c_int32()
        self._milliseconds_place = byref(self._milliseconds)
        self._poller = select.poll()
        self._poller.register(self.fileno(), select.POLLIN)
        _exit.contexts.add(self)

    def __repr__(self) -> str:
        return f"<wsrs.{type(self).__name__} {self.id:#x}{' closed' if self._closed else ''}>"

    def __reduce__(self) -> NoReturn:
        # A copy would free what it shares with its original.
        raise TypeError("a context can't be copied or pickled")

    # ---- running ----

    def run(self) -> None:
        """Runs until `stop` was called and everything is closed, or a callback closes the context. A stop that came
        before makes it close everything and return. It may be called again after.

        On the main thread signals are handled as they come: Ctrl-C raises KeyboardInterrupt, and a handler of yours
        may call `stop`.

        Loop thread; makes this thread the loop's thread. Raises what a callback raised; ThreadError, ReentryError,
        ClosedError, ForkedError.
        """
        ready: List[Tuple[int, int]] = []
        with Signals(self, self._poller) as signals:
            while True:
                self._turn()
                signals.check(ready)
                if self._closed:
                    return
                if self._stopping and self.idle:
                    self._stopping = False
                    return
                ready = self._wait(math.inf)

    def poll(self, timeout: Optional[float] = 0.0) -> None:
        """Waits until something happens, at most `timeout` seconds (None: for ever), and calls the callbacks for what
        happened. It may return early with nothing done.

        Loop thread; makes this thread the loop's thread. Raises as `run`.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError("timeout must not be negative; None waits for ever")
        # The first poll doesn't wait: the thread becomes the loop's thread inside the library only.
        if self._thread and timeout != 0:
            self._wait(math.inf if timeout is None else timeout)
        self._turn()

    def stop(self) -> None:
        """Asks the context to stop: listeners close, connections are closed with 1001, `run` returns when all are gone
        or their time (`Limits.stop_grace`) is over. Until then listening and connecting is refused (StateError). In a
        loop of your own go on polling until it is `idle`. A stop that comes before a run is not lost.

        Any thread, and from signal handlers. ClosedError, ForkedError.
        """
        check(native.context_stop(self.id))
        with suppress(ClosedError):
            self._delivery.post(self.id, self._stopped)

    def _stopped(self) -> None:
        """Posted after a stop, so that the library knows of it when this is called."""
        self._stopping = True

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
        result = _held.context_timeout_ms(self._handle, self._milliseconds_place)
        if result:
            check(self._call(native.context_timeout_ms, self._milliseconds_place))
        return self._milliseconds.value

    def _wait(self, seconds: float) -> List[Tuple[int, int]]:
        """Waits in Python, not in the library: other threads run, and signals end it. Which descriptors are ready."""
        own = self._timeout_ms()
        if own >= 0:
            seconds = min(seconds, own / 1000)
        return self._poller.poll(None if seconds == math.inf else min(math.ceil(seconds * 1000), _LONGEST_WAIT))

    def _turn(self) -> None:
        """One poll of the library that doesn't wait, and what its callbacks raised."""
        if self._closed:
            raise ClosedError()
        held = self._busy.acquire(blocking=False)
        if not held and _exit.exiting.is_set():
            held = self._busy.acquire()
        try:
            # Without the lock the library refuses it, and says why.
            result = _held.context_poll(self._handle, 0)
            if result == ThreadError.code:
                result = self._call(native.context_poll, 0)
            if not result:
                self._thread = threading.get_ident()
        finally:
            if held:
                self._busy.release()
        if self._closed and held:
            self._release()
        self._raise()
        if result and not self._closed:
            raise result_error(result)

    def _call(self, function: Any, *arguments: Any) -> int:
        """A function for the loop's thread. When that thread has just ended for Python, the system may still be ending
        it, and the library sees it until then."""
        result: int = function(self.id, *arguments)
        if result == ThreadError.code and all(self._thread != each.ident for each in threading.enumerate()):
            end = time.monotonic() + _exit.PATIENCE
            while result == ThreadError.code and time.monotonic() < end:
                time.sleep(0.0005)
                result = function(self.id, *arguments)
        return result

    def _raise(self) -> None:
        raised, self._delivery.raised = self._delivery.raised, None
        if raised is not None:
            try:
                raise raised
            finally:
                del raised

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
        result = self._call(native.context_free)
        if result and result != ForkedError.code:
            self._closed = False
            raise result_error(result)
        if not self._busy.locked():
            self._release()
            self._raise()

    def _release(self) -> None:
        _exit.contexts.discard(self)
        self._delivery.forget()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self, warn: Any = warnings.warn, free: Any = native.context_free, unfreed: Any = _unfreed) -> None:
        if self._closed:
            return
        warn(f"unclosed {self!r}", ResourceWarning, source=self)
        self._closed = True
        self._delivery.silence()
        if free(self.id):
            unfreed[self.id] = self._delivery


def _free_forgotten() -> None:
    """Frees what only this thread can free."""
    for id in list(_unfreed):
        if native.context_free(id) in (0, ClosedError.code):
            _unfreed.pop(id, None)
