"""Messages that are made once for many connections.

`Prepared` is made by programs and by wsrs.asyncio's broadcast, and given to `Connection.send_prepared`.
"""

from ctypes import byref, c_uint64
from types import TracebackType
from typing import Any, NoReturn, Optional, Type, TypeVar

from . import _held
from . import _native as native
from ._payload import Data, kind_of, payload
from .errors import check

Self = TypeVar("Self", bound="Prepared")


class Prepared:
    """A message for any number of connections of any context in the process: framed once, and compressed once for each
    combination of level, memory level and window that they have, when it is first sent so.

        with wsrs.Prepared("the same for all") as prepared:
            for conn in room:
                conn.send_prepared(prepared)

    `message`, `kind` and `uncompressed` are as for `Connection.send`. The message is copied.

    TextError, ArgumentError, LimitError. All methods: any thread.
    """

    __slots__ = ("id", "_handle", "__weakref__")

    def __init__(self, message: Data, kind: int = 0, *, uncompressed: bool = False) -> None:
        self.id = 0
        own, borrowed, length = payload(message)
        id = c_uint64()
        check(native.prepared_new(kind_of(own, kind, uncompressed), borrowed, length, byref(id)))
        self.id = id.value
        self._handle = _held.handle(self.id)

    def close(self) -> None:
        """Frees it. What was sent of it is still sent. Does nothing when it is closed."""
        check(native.prepared_free(self.id))

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self, free: Any = native.prepared_free) -> None:
        # Not set where the arguments were wrong.
        id = getattr(self, "id", 0)
        if id:
            free(id)

    def __repr__(self) -> str:
        return f"<wsrs.Prepared {self.id:#x}>"

    def __reduce__(self) -> NoReturn:
        # A copy would free what it shares with its original.
        raise TypeError("a Prepared can't be copied or pickled")
