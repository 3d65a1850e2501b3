"""Whose turn it is to send.

While the queue of a connection has room, messages go straight to it. When it is full, senders wait in a line, first come,
first served; messages of a broadcast, which waits for nobody, stand in the same line by themselves. ``on_drain`` lets the
line move. A message in fragments keeps everybody else out until its last one. Invariant: who stands in the line is passed by
nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Optional, Union

import wsrs

DataLike = Union[str, bytes, bytearray, memoryview]
BYTES_LIKE = (bytes, bytearray, memoryview)


def kind_of(text: Optional[bool]) -> int:
    """What ``text`` of a send makes of a message; 0: what its type says."""
    if text is None:
        return 0
    return wsrs.TEXT if text else wsrs.BINARY


class Outbox:
    """The line of those who send to one connection."""

    __slots__ = ("_fragmented", "_line", "_loop", "conn")

    def __init__(self, loop: asyncio.AbstractEventLoop, conn: wsrs.Connection) -> None:
        self._loop = loop
        self.conn = conn
        # Who waits for room, or what does.
        self._line: deque[Union[asyncio.Future[None], wsrs.Prepared]] = deque()
        # Done when the message in fragments is.
        self._fragmented: Optional[asyncio.Future[None]] = None

    @property
    def is_fragmented(self) -> bool:
        """Inside a message in fragments."""
        return self._fragmented is not None

    def has_room(self, high_water: int) -> bool:
        """A message would be taken at once."""
        return not self._line and self.conn.buffered < high_water

    async def send(self, message: DataLike, kind: int) -> None:
        """Sends a whole message, when there is room."""
        if self._fragmented is not None:
            await self._while_fragmented()
        if not self._line:
            try:
                return self.conn.send(message, kind)
            except wsrs.AgainError:
                pass
        await self._in_turn(lambda: self.conn.send(message, kind))

    async def send_prepared(self, prepared: wsrs.Prepared) -> None:
        """The same of a message that was made once for many."""
        if self._fragmented is not None:
            await self._while_fragmented()
        await self._in_order(lambda: self.conn.send_prepared(prepared))

    async def send_control(self, send: Callable[[], None]) -> None:
        """Sends a ping or pong, which may stand between fragments."""
        await self._in_order(send)

    async def _in_order(self, send: Callable[[], None]) -> None:
        """Calls ``send`` at once where nobody stands in the line and there is room, else in its turn."""
        if not self._line:
            try:
                return send()
            except wsrs.AgainError:
                pass
        await self._in_turn(send)

    async def send_fragments(self, pieces: AsyncIterator[DataLike], text: Optional[bool]) -> None:
        """Sends each piece as a frame of its own, all together as one message. Raises TypeError for a mixture."""
        done: Optional[asyncio.Future[None]] = None
        empty: DataLike = b""
        kind = kind_of(text)
        try:
            async for piece in pieces:
                if done is None:
                    await self._while_fragmented()
                    done = self._fragmented = self._loop.create_future()
                    empty = "" if isinstance(piece, str) else b""
                if not isinstance(piece, str if isinstance(empty, str) else BYTES_LIKE):
                    raise TypeError("the fragments of a message must be all str, or all bytes-like")
                await self._fragment(piece, kind, last=False)
            if done is not None:
                await self._fragment(empty, kind, last=True)
        finally:
            if done is not None:
                self._fragmented = None
                done.set_result(None)

    def push(self, prepared: wsrs.Prepared) -> None:
        """Sends without waiting: what finds no room stands in the line."""
        if not self._line:
            try:
                return self.conn.send_prepared(prepared)
            except wsrs.AgainError:
                pass
        self._line.append(prepared)

    def drained(self) -> None:
        """There is room: the line moves."""
        while self._line:
            head = self._line[0]
            if isinstance(head, asyncio.Future):
                if not head.done():
                    head.set_result(None)
                return
            try:
                self.conn.send_prepared(head)
            except wsrs.AgainError:
                return
            except wsrs.Error:
                # It is closing. Those behind find out by themselves.
                pass
            self._line.popleft()

    def end(self) -> None:
        """The connection is over: nobody needs to wait any more."""
        for waiting in self._line:
            if isinstance(waiting, asyncio.Future) and not waiting.done():
                waiting.set_result(None)

    async def _while_fragmented(self) -> None:
        while self._fragmented is not None:
            await asyncio.shield(self._fragmented)

    async def _fragment(self, data: DataLike, kind: int, last: bool) -> None:
        await self._in_order(lambda: self.conn.send_fragment(data, last, kind))

    async def _in_turn(self, send: Callable[[], None]) -> None:
        """Calls ``send`` behind those who came before, again and again until there is room."""
        turn: asyncio.Future[None] = self._loop.create_future()
        self._line.append(turn)
        try:
            while True:
                await turn
                try:
                    return send()
                except wsrs.AgainError:
                    turn = self._line[0] = self._loop.create_future()
        finally:
            self._line.remove(turn)
            self.drained()


async def each(pieces: Union[Iterable[DataLike], AsyncIterable[DataLike]]) -> AsyncIterator[DataLike]:
    """The fragments of a message, however they come."""
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece
