"""Texts and addresses that cross the boundary to C.

Used by connection, context and the callbacks. Heads of HTTP need not be UTF-8: other bytes become surrogates
(PEP 383), and go out as they came in.
"""

from ctypes import byref, c_size_t, c_void_p, create_string_buffer, string_at
from typing import Any, Optional

from .errors import check, result_error

ADDRESS_MAX = 128
NOT_FOUND = -208


def text(address: Optional[int], length: int) -> str:
    """The text at an address. NULL is empty."""
    return string_at(address, length).decode("utf-8", "surrogateescape") if address else ""


def c_text(value: str) -> bytes:
    """For a NUL-terminated text. A NUL inside would cut it silently."""
    if not isinstance(value, str):
        raise TypeError(f"str is needed, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("embedded null character")
    return value.encode("utf-8", "surrogateescape")


def address_of(function: Any, handle: int) -> str:
    """What a function that writes an address into a buffer writes there."""
    buffer = create_string_buffer(ADDRESS_MAX)
    check(function(handle, buffer, ADDRESS_MAX, None))
    return buffer.value.decode("utf-8", "surrogateescape")


def text_of(function: Any, handle: int) -> Optional[str]:
    """What a function that gives pointer and length points to; None where the library has no such thing."""
    data, length = c_void_p(), c_size_t()
    result = function(handle, byref(data), byref(length))
    if result == NOT_FOUND:
        return None
    if result:
        raise result_error(result)
    return text(data.value, length.value)
