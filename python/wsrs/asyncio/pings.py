"""Pings that wait for their pong: who waits, and since when."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Optional

from .exceptions import ConcurrencyError


class Pings:
    """The pings of a connection, by their data, in the order in which they were sent."""

    __slots__ = ("_loop", "_waiting", "latency")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[bytes, tuple[asyncio.Future[float], float]] = {}
        #: Seconds that the last awaited pong took; 0.0 before.
        self.latency = 0.0

    def add(self, data: Optional[bytes]) -> tuple[bytes, asyncio.Future[float]]:
        """Its data, by chance if it has none, and the future of its pong."""
        if data in self._waiting:
            raise ConcurrencyError("the pong for the same data is awaited already")
        while data is None or data in self._waiting:
            data = random.getrandbits(32).to_bytes(4, "big")
        pong: asyncio.Future[float] = self._loop.create_future()
        # Not the loop's clock, which may be coarse.
        self._waiting[data] = pong, time.perf_counter()
        return data, pong

    def remove(self, data: bytes) -> None:
        """It was not sent."""
        self._waiting.pop(data, None)

    def answered(self, data: bytes) -> None:
        """A pong came: for its ping, and for those before that one (RFC 6455 section 5.5.3)."""
        if data not in self._waiting:
            return
        now = time.perf_counter()
        for sent in list(self._waiting):
            pong, since = self._waiting.pop(sent)
            if not pong.done():
                pong.set_result(now - since)
            if sent == data:
                self.latency = now - since
                return

    def end(self, make_error: Callable[[], Exception]) -> None:
        """No pong will come any more."""
        for pong, _ in self._waiting.values():
            if not pong.done():
                pong.set_exception(make_error())
                # Looked at: who does not wait for the pong gets no complaint in the log.
                pong.exception()
        self._waiting.clear()
