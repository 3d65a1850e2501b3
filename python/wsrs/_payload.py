"""What programs send, as the library takes it: kind, address and length.

Used by connection (for what is neither str nor bytes), context and prepared. Nothing is copied: the library reads the caller's
memory during the call.
"""

from ctypes import byref
from typing import Any, Tuple, Union

from ._native import get_buffer, release_buffer
from ._structs import PyBuffer

TEXT = 1
BINARY = 2
# WSRS_UNCOMPRESSED
UNCOMPRESSED = 256

Data = Union[str, bytes, bytearray, memoryview]


class _Borrowed:
    """The memory of a buffer object, which can't move or be resized while this lives."""

    __slots__ = ("_buffer", "_as_parameter_")

    def __init__(self, owner: Any) -> None:
        buffer = PyBuffer()
        get_buffer(owner, byref(buffer), 0)
        self._buffer = buffer
        self._as_parameter_ = buffer.buf

    def __len__(self) -> int:
        return int(self._buffer.len)

    def __del__(self) -> None:
        if hasattr(self, "_buffer"):
            release_buffer(byref(self._buffer))


def payload(message: Data) -> Tuple[int, Any, int]:
    """Kind, something that ctypes passes as an address, and length. Keep the second until the call has returned."""
    if isinstance(message, str):
        encoded = message.encode()
        return TEXT, encoded, len(encoded)
    if isinstance(message, bytes):
        return BINARY, message, len(message)
    borrowed = _Borrowed(message)
    return BINARY, borrowed, len(borrowed)


def kind_of(own: int, kind: int, uncompressed: bool) -> int:
    """What the library is told: the kind that the program says, else the message's own, with its flag."""
    return (kind or own) | (UNCOMPRESSED if uncompressed else 0)
