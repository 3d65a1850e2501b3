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
        self._own_handler = False
        self._reader: Optional[socket.socket] = None
        self._writer: Optional[socket.socket] = None
        self._descriptor = -1

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._wake_by_signal()
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._on_interrupt)
                self._own_handler = True
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._own_handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._reader is not None and self._writer is not None:
            signal.set_wakeup_fd(-1)
            self._poller.unregister(self._reader)
            self._reader.close()
            self._writer.close()
        if error is None:
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
        if self._context._busy.locked() and frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            self._interrupted = True
        else:
            raise KeyboardInterrupt
