"""Messages that came and that nobody has taken yet.

Filled by the connection's callback, emptied by ``recv`` and ``recv_streaming``. It holds pieces: a small message is one, a
large or fragmented one several. Above ``high`` pieces it asks the connection to pause, at ``low`` to resume. A future
exists only while somebody waits. Invariant: what was taken of an unfinished message stays in ``_begun``, so that a
cancelled ``recv`` loses nothing.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Optional, Union

import wsrs

from .exceptions import ConcurrencyError

Data = Union[str, bytes]
#: A wsrs.Piece whose data is bytes: them, the first and the last of its message, its kind.
Piece = tuple[bytes, bool, bool, wsrs.Kind]


class Ended(Exception):
    """Nothing is left, and nothing will come."""


class Inbox:
    """A queue of pieces of messages for one reader."""

    __slots__ = ("_begun", "_ended", "_high", "_loop", "_low", "_pause", "_paused", "_pieces", "_reading", "_waiter")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: tuple[Optional[int], Optional[int]],
        pause: Callable[[bool], None],
    ) -> None:
        self._loop = loop
        self._high, self._low = limits
        self._pause = pause
        self._pieces: deque[Piece] = deque()
        self._begun: list[bytes] = []
        self._paused = False
        self._reading = False
        self._ended = False
        self._waiter: Optional[asyncio.Future[None]] = None

    def put(self, piece: Piece) -> None:
        """A piece came."""
        self._pieces.append(piece)
        if self._high is not None and len(self._pieces) > self._high and not self._paused:
            self._paused = True
            self._pause(True)
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        """Nothing more will come; what is here can still be taken."""
        self._ended = True
        self._wake()

    async def take(self, decode: Optional[bool]) -> Data:
        """The next message."""
        self._begin()
        try:
            while True:
                data, _, last, kind = self._next() if self._pieces else await self._wait()
                as_text = kind == wsrs.TEXT if decode is None else decode
                if last and not self._begun:
                    return data.decode() if as_text else data
                self._begun.append(data)
                if last:
                    pieces, self._begun = self._begun, []
                    return _decoded(pieces) if as_text else b"".join(pieces)
        finally:
            self._reading = False

    async def take_pieces(self, decode: Optional[bool]) -> AsyncIterator[Data]:
        """The next message, piece by piece. Once it has begun it must be read to its end."""
        self._begin()
        try:
            data, _, last, kind = self._next() if self._pieces else await self._wait()
        except BaseException:
            self._reading = False
            raise
        # A cancelled recv may have taken the first pieces.
        data = b"".join([*self._begun, data])
        self._begun.clear()
        decoder = codecs.getincrementaldecoder("utf-8")() if (kind == wsrs.TEXT if decode is None else decode) else None
        while True:
            # Before the last piece is handed out: the next reader may begin.
            self._reading = not last
            yield data if decoder is None else decoder.decode(data, last)
            if last:
                return
            try:
                data, _, last, _ = self._next() if self._pieces else await self._wait()
            except Ended:
                self._reading = False
                raise

    def _begin(self) -> None:
        if self._reading:
            raise ConcurrencyError
        self._reading = True

    def _next(self) -> Piece:
        piece = self._pieces.popleft()
        if self._paused and len(self._pieces) <= (self._low or 0):
            self._paused = False
            self._pause(False)
        return piece

    async def _wait(self) -> Piece:
        while not self._pieces:
            if self._ended:
                raise Ended
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._next()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _decoded(pieces: list[bytes]) -> str:
    """Text in pieces, which may end inside a character. Small ones are decoded, and large ones joined, only once."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    texts = [decoder.decode(piece) for piece in pieces]
    texts.append(decoder.decode(b"", True))
    return "".join(texts)
