"""Messages that are made once for many connections.

`Prepared` is made by programs and by wsrs.asyncio's broadcast, and given to `Connection.send_prepared`.
"""

from ctypes import byref, c_uint64

from . import _held
from . import _native as native
from ._owned import Owned
from ._payload import Data, kind_of, payload
from .errors import check


class Prepared(Owned):
    """A message for any number of connections of any context in the process: framed once, and compressed once for each
    combination of level, memory level and window that they have, when it is first sent so.

        with wsrs.Prepared("the same for all") as prepared:
            for conn in room:
                conn.send_prepared(prepared)

    `message`, `kind` and `uncompressed` are as for `Connection.send`. The message is copied.

    What was sent of it is still sent when it is freed. TextError, ArgumentError, LimitError. All methods: any thread.
    """

    __slots__ = ("_handle",)

    _free = staticmethod(native.prepared_free)

    def __init__(self, message: Data, kind: int = 0, *, uncompressed: bool = False) -> None:
        self.id = 0
        own, borrowed, length = payload(message)
        id = c_uint64()
        check(native.prepared_new(kind_of(own, kind, uncompressed), borrowed, length, byref(id)))
        self.id = id.value
        self._handle = _held.handle(self.id)
