"""The fast way of messages: calls that keep the GIL, and str and bytes that the library makes and reads by itself.

Used by _delivery, _loop and connection. Handing a message over by ctypes costs more than all that the library does with
it; with the interpreter's own functions (wsrs_objects) a message is one argument of one callback, and one argument of
one call back. The GIL is kept while the library handles what has come, which never waits.

Where it is not to be had (another interpreter than CPython, a library without it, WSRS_PLAIN in the environment)
`available` is False, and everything goes the plain way, with the same results.
"""

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_int32, c_void_p, py_object
from typing import Any, Callable

from . import _native as native
from . import _structs
from ._payload import BINARY, TEXT
from .errors import check

_MAKERS = {
    "make_text": "PyUnicode_FromStringAndSize",
    "make_binary": "PyBytes_FromStringAndSize",
    "release": "Py_DecRef",
    "text_of": "PyUnicode_AsUTF8AndSize",
    "bytes_of": "PyBytes_AsStringAndSize",
}


def _is_available() -> bool:
    if os.environ.get("WSRS_PLAIN") or sys.implementation.name != "cpython":
        return False
    with_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return with_gil and hasattr(native.library, "wsrs_context_set_objects")


available = _is_available()
_library = ctypes.PyDLL(native.library_path) if available else native.library


def _function(name: str, *argtypes: Any) -> Any:
    function = _library["wsrs_" + name]  # an object of its own each time
    function.argtypes = argtypes
    function.restype = c_int32
    return function


def _send_plain_text(id: int, message: str) -> int:
    data = message.encode()
    result: int = native.conn_send(id, TEXT, data, len(data))
    return result


def _send_plain_binary(id: int, message: bytes) -> int:
    result: int = native.conn_send(id, BINARY, message, len(message))
    return result


context_poll = _function("context_poll", _structs.Handle, c_int32)
send_text: Callable[[int, str], int] = _send_plain_text
send_binary: Callable[[int, bytes], int] = _send_plain_binary
if available:
    send_text = _function("conn_send_text_object", _structs.Handle, py_object)
    send_binary = _function("conn_send_binary_object", _structs.Handle, py_object)
    _context_set_objects = _function("context_set_objects", _structs.Handle, POINTER(_structs.Objects))


def set_up(context: int) -> None:
    """Messages of this context are objects from now on."""
    if not available:
        return
    objects = _structs.sized(_structs.Objects)
    for member, name in _MAKERS.items():
        setattr(objects, member, ctypes.cast(ctypes.pythonapi[name], c_void_p).value)
    check(_context_set_objects(context, byref(objects)))
