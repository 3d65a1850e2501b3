"""One context per event loop, polled by it.

Servers and clients of a loop share its context: one descriptor to watch, however many connections. It is made when the
loop first needs it, and closed when the loop ends: an asynchronous generator of our own stands in the loop's list of
those that ``asyncio.run`` and its like finish before they close the loop. What a loop leaves behind that was closed
without that, the next call here sweeps away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Optional

import wsrs

if TYPE_CHECKING:
    from .connection import Connection

_lock = threading.Lock()
_drivers: dict[asyncio.AbstractEventLoop, Driver] = {}


def driver() -> Driver:
    """The driver of the running loop."""
    loop = asyncio.get_running_loop()
    found = _drivers.get(loop)
    return found if found is not None else _make(loop)


def _make(loop: asyncio.AbstractEventLoop) -> Driver:
    with _lock:
        left_behind = [_drivers.pop(other) for other in list(_drivers) if other.is_closed()]
    for old in left_behind:
        try:
            old.close()
        except wsrs.ThreadError:
            # Its thread lives on, and only that one can close it: when it needs a loop again.
            _drivers[old.loop] = old
    made = Driver(loop)
    with _lock:
        _drivers[loop] = made
    return made


class Driver:
    """Polls a context whenever its descriptor is readable."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # What comes and goes in large numbers is for the program to limit, as with any asyncio server.
        self.context = wsrs.Context(limits=wsrs.Limits(max_connections=wsrs.OFF))
        #: Those that are not over: whom to tell when the context fails.
        self.connections: set[Connection] = set()
        self._again: Optional[asyncio.Handle] = None
        loop.add_reader(self.context.fileno(), self.poll)
        self._until_the_end = self._end_of_loop()
        # Its first step puts it into the loop's list; it waits for nothing there.
        try:
            self._until_the_end.__anext__().send(None)
        except StopIteration:
            pass

    def poll(self) -> None:
        """Does what there is to do, and asks to come back for what is left."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        try:
            self.context.poll(0)
        except wsrs.PanicError:
            # It can only be closed, and calls nobody any more.
            self.close()
            raise
        finally:
            self.attend()

    def attend(self) -> None:
        """To be called after what may leave work that the descriptor doesn't tell of: resume, close, abort."""
        if self.context.closed:
            return
        wait = self.context.timeout()
        if wait is not None and self._again is None:
            self._again = self.loop.call_later(wait, self.poll) if wait > 0 else self.loop.call_soon(self.poll)

    def close(self) -> None:
        """Ends the context and every connection in it."""
        if self.context.closed:
            return
        with _lock:
            _drivers.pop(self.loop, None)
        if not self.loop.is_closed():
            self.loop.remove_reader(self.context.fileno())
            if self._again is not None:
                self._again.cancel()
        self.context.close()
        for connection in list(self.connections):
            connection.on_close(wsrs.CloseInfo(1006, "", False, wsrs.By.NETWORK))

    async def _end_of_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.close()
