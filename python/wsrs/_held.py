"""The fast way of messages: str and bytes that the library makes, and calls that keep the GIL.

Used by _delivery, _loop, connection and prepared. Handing a message over by ctypes costs more than all that the library does with
it. Two things make it cheap. Messages come as objects that the interpreter's own functions made (wsrs_objects), with the
connection itself as the user data. And calls for a message have no `argtypes`: ctypes then takes bytes, small ints and
ready-made parameters as they are. The GIL is kept while the library handles what has come, which never waits.

Where that is not to be had (another interpreter than CPython, WSRS_PLAIN in the environment) `available` is False, and
everything goes the plain way, with the same results.
"""

import ctypes
import os
import sys
from ctypes import byref, c_int32, c_uint64, c_void_p
from typing import Any

from . import _native as native
from . import _structs
from .errors import check

_MAKERS = {
    "make_text": "PyUnicode_FromStringAndSize",
    "make_binary": "PyBytes_FromStringAndSize",
    "release": "Py_DecRef",
}

#: A longer message takes the plain way: without `argtypes` a length is a C int.
LONGEST = 0x7FFFFFFF


def _is_available() -> bool:
    if os.environ.get("WSRS_PLAIN") or sys.implementation.name != "cpython":
        return False
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


available = _is_available()


def _function(name: str) -> Any:
    function = ctypes.PyDLL(native.library_path)["wsrs_" + name]
    function.restype = c_int32
    return function


if available:
    #: A handle as these functions take it.
    handle: Any = c_uint64.from_param
    context_poll = _function("context_poll")
    context_timeout_ms = _function("context_timeout_ms")
    conn_send = _function("conn_send")
    conn_send_binary = _function("conn_send_binary")
    conn_send_prepared = _function("conn_send_prepared")
else:
    handle = int
    context_poll = native.context_poll
    context_timeout_ms = native.context_timeout_ms
    conn_send = native.conn_send
    conn_send_binary = native.conn_send_binary
    conn_send_prepared = native.conn_send_prepared


def set_up(context: int) -> None:
    """Messages of this context are objects from now on."""
    if not available:
        return
    objects = _structs.sized(_structs.Objects)
    for member, name in _MAKERS.items():
        setattr(objects, member, ctypes.cast(ctypes.pythonapi[name], c_void_p).value)
    check(native.context_set_objects(context, byref(objects)))
