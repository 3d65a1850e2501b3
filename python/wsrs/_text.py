"""Texts and addresses that cross the boundary to C.

Used by connection, context and the callbacks. Heads of HTTP need not be UTF-8: other bytes become surrogates
(PEP 383), and go out as they came in.
"""

import os
from ctypes import byref, c_size_t, c_void_p, create_string_buffer, string_at
from typing import Any, Iterable, Optional, Union

from .errors import HeaderError, check, result_error

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


def c_names(names: Iterable[str], between: str) -> Optional[bytes]:
    """Several names as the one text that the library takes; None without any. A str is one name."""
    listed = [names] if isinstance(names, str) else list(names)
    if any(not name or between.strip() in name for name in listed):
        raise HeaderError(f"not names that can be listed: {listed}")
    return c_text(between.join(listed)) or None


def c_path(path: "Union[str, os.PathLike[str], None]") -> Optional[bytes]:
    """The path of a file."""
    return None if path is None else c_text(os.fspath(path))


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
