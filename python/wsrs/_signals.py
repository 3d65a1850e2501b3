"""Ctrl-C and other signals while `Context.run` waits.

Used by `Context.run` on the main thread, where Python runs signal handlers. Two gaps are closed. A signal that comes
just before the wait begins would be seen only after it: the wake-up descriptor ends the wait. And KeyboardInterrupt
raised in the first or last instruction of a callback, outside of its `try`, would be lost in ctypes: while the library
has the control, an interrupt in this package's own code is kept until the library has returned.
"""

import os
import select
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, List, Optional, Tuple, Type

if TYPE_CHECKING:
    from ._loop import Loop

_PACKAGE = os.path.dirname(__file__)


class Signals:
    """Around a run: `with Signals(context, poller) as signals`, and `signals.check()` after each turn."""

    def __init__(self, context: "Loop", poller: "select.poll") -> None:
        self._context = context
        self._poller = poller
        self._interrupted = False
        self._reader: Optional[socket.socket] = None
        self._writer: Optional[socket.socket] = None
        self._descriptor = -1

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._on_interrupt)
            self._wake_by_signal()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._reader is not None and self._writer is not None:
            current = signal.set_wakeup_fd(-1)
            if current != self._writer.fileno():
                signal.set_wakeup_fd(current)
            self._poller.unregister(self._reader)
            self._reader.close()
            self._writer.close()
        # A callback may have set a handler of its own.
        if signal.getsignal(signal.SIGINT) == self._on_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._raise()

    def check(self, ready: List[Tuple[int, int]]) -> None:
        """Raises KeyboardInterrupt when Ctrl-C came; empties the wake-up descriptor when it is among those ready."""
        for descriptor, _ in ready:
            if descriptor == self._descriptor and self._reader is not None:
                self._reader.recv(512)
        if self._interrupted:
            self._raise()

    def _raise(self) -> None:
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    def _wake_by_signal(self) -> None:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        other = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        if other != -1:
            # Another loop of this thread wants to know of signals: it keeps its descriptor.
            signal.set_wakeup_fd(other)
            reader.close()
            writer.close()
            return
        self._reader, self._writer = reader, writer
        self._descriptor = reader.fileno()
        self._poller.register(reader, select.POLLIN)

    def _on_interrupt(self, number: int, frame: Optional[FrameType]) -> None:
        if frame is not None and self._is_delicate(frame):
            self._interrupted = True
        else:
            raise KeyboardInterrupt

    def _is_delicate(self, frame: FrameType) -> bool:
        """An exception would be lost, or leave signals half set up."""
        if self._context._busy.locked():
            return frame.f_code.co_filename.startswith(_PACKAGE)
        caller: Optional[FrameType] = frame
        while caller is not None and caller.f_code not in _SETTING_UP:
            caller = caller.f_back
        return caller is not None


_SETTING_UP = {Signals.__enter__.__code__, Signals.__exit__.__code__, Signals._wake_by_signal.__code__}
