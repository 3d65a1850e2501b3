"""Finds and loads libwsrs.so, and declares its functions.

Used by every other module. The library is the first of these that is there: the file that WSRS_LIBRARY names, the one
beside this file (wheels bring it), and libwsrs.so.0 of the system. A function of the library is called here by its
name without "wsrs_": `native.conn_send` is wsrs_conn_send. Each returns a result, 0 or a negative number, that the
caller checks with `errors.check`.

Calls through `ctypes.CDLL` release the GIL, so that other Python threads run meanwhile; callbacks take it again.
"""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int32, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p, py_object
from typing import Any

from ._structs import (
    Callbacks,
    ConnectOptions,
    ContextOptions,
    DeflateInfo,
    Handle,
    Header,
    ListenOptions,
    Objects,
    OnLog,
    OnPost,
    OnTimer,
    PyBuffer,
    RawHeader,
    Stats,
    Timings,
    TlsInfo,
    TlsOptions,
    Totals,
)

OLDEST = (0, 1, 0)


def _load() -> ctypes.CDLL:
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libwsrs.so")
    named = os.environ.get("WSRS_LIBRARY")
    name = named or (bundled if os.path.exists(bundled) else "libwsrs.so.0")
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(
            f"wsrs: {error}. Install libwsrs, or name its file in the environment variable WSRS_LIBRARY."
        ) from error


library = _load()
library_path: str = library._name


def _function(name: str, *argtypes: Any, restype: Any = c_int32) -> Any:
    try:
        function = getattr(library, "wsrs_" + name)
    except AttributeError as error:
        raise ImportError(f"wsrs: {library_path} is too old: {error}") from error
    function.argtypes = argtypes
    function.restype = restype
    return function


_Out = POINTER(c_uint64)
_Text = POINTER(c_void_p), POINTER(c_size_t)

version_number = _function("version", restype=c_uint32)
version_text = _function("version_text", restype=c_char_p)
strerror = _function("strerror", c_int32, restype=c_char_p)
last_error = _function("last_error", restype=c_char_p)

context_new = _function("context_new", POINTER(ContextOptions), POINTER(Callbacks), c_void_p, _Out)
context_free = _function("context_free", Handle)
context_poll = _function("context_poll", Handle, c_int32)
context_stop = _function("context_stop", Handle)
context_fd = _function("context_fd", Handle, POINTER(c_int32))
context_timeout_ms = _function("context_timeout_ms", Handle, POINTER(c_int32))
context_listen = _function("context_listen", Handle, c_char_p, POINTER(ListenOptions), _Out)
context_connect = _function("context_connect", Handle, c_char_p, POINTER(ConnectOptions), _Out)
context_post = _function("context_post", Handle, OnPost, c_void_p)
context_next_conn = _function("context_next_conn", Handle, Handle, _Out)
context_broadcast = _function("context_broadcast", Handle, c_int32, c_void_p, c_size_t, POINTER(c_size_t))
context_send_many = _function(
    "context_send_many", Handle, c_void_p, c_size_t, c_int32, c_void_p, c_size_t, POINTER(c_size_t)
)
context_timer = _function("context_timer", Handle, c_uint64, c_uint64, OnTimer, c_void_p, _Out)
context_set_objects = _function("context_set_objects", Handle, POINTER(Objects))
context_set_log = _function("context_set_log", Handle, c_int32, OnLog, c_void_p)
context_totals = _function("context_totals", Handle, POINTER(Totals))

listener_close = _function("listener_close", Handle)
listener_address = _function("listener_address", Handle, c_char_p, c_size_t, POINTER(c_size_t))
listener_port = _function("listener_port", Handle, POINTER(c_uint16))
timer_cancel = _function("timer_cancel", Handle)

conn_send = _function("conn_send", Handle, c_int32, c_void_p, c_size_t)
conn_send_binary = _function("conn_send_binary", Handle, c_void_p, c_size_t)
conn_send_fragment = _function("conn_send_fragment", Handle, c_int32, c_void_p, c_size_t, c_int32)
conn_ping = _function("conn_ping", Handle, c_void_p, c_size_t)
conn_pong = _function("conn_pong", Handle, c_void_p, c_size_t)
conn_close = _function("conn_close", Handle, c_int32, c_char_p, c_size_t)
conn_abort = _function("conn_abort", Handle)
conn_pause = _function("conn_pause", Handle)
conn_resume = _function("conn_resume", Handle)
conn_request_drain = _function("conn_request_drain", Handle)
conn_retarget = _function("conn_retarget", Handle, c_char_p, POINTER(Header), c_size_t)
conn_set_user_data = _function("conn_set_user_data", Handle, c_void_p)
conn_buffered = _function("conn_buffered", Handle, POINTER(c_size_t))
conn_state = _function("conn_state", Handle)
conn_local_address = _function("conn_local_address", Handle, c_char_p, c_size_t, POINTER(c_size_t))
conn_peer_address = _function("conn_peer_address", Handle, c_char_p, c_size_t, POINTER(c_size_t))
conn_path = _function("conn_path", Handle, *_Text)
conn_query = _function("conn_query", Handle, *_Text)
conn_subprotocol = _function("conn_subprotocol", Handle, *_Text)
conn_header_at = _function("conn_header_at", Handle, c_size_t, POINTER(RawHeader))
conn_accept = _function("conn_accept", Handle, c_char_p, POINTER(Header), c_size_t)
conn_respond = _function("conn_respond", Handle, c_int32, POINTER(Header), c_size_t, c_char_p, c_size_t)
conn_defer = _function("conn_defer", Handle)
conn_stats = _function("conn_stats", Handle, POINTER(Stats))
conn_timings = _function("conn_timings", Handle, POINTER(Timings))
conn_tls = _function("conn_tls", Handle, POINTER(TlsInfo))
conn_deflate = _function("conn_deflate", Handle, POINTER(DeflateInfo))
conn_send_prepared = _function("conn_send_prepared", Handle, Handle)

prepared_new = _function("prepared_new", c_int32, c_void_p, c_size_t, _Out)
prepared_free = _function("prepared_free", Handle)

tls_new = _function("tls_new", POINTER(TlsOptions), _Out)
tls_free = _function("tls_free", Handle)
tls_set_cert = _function("tls_set_cert", Handle, c_char_p, c_char_p, c_char_p)
tls_set_cert_pem = _function("tls_set_cert_pem", Handle, c_char_p, c_char_p, c_size_t, c_char_p, c_size_t)
tls_remove_cert = _function("tls_remove_cert", Handle, c_char_p)

memoryview_of = ctypes.pythonapi["PyMemoryView_FromMemory"]
memoryview_of.argtypes = (c_void_p, ctypes.c_ssize_t, ctypes.c_int)
memoryview_of.restype = py_object
get_buffer = ctypes.pythonapi["PyObject_GetBuffer"]
get_buffer.argtypes = (py_object, POINTER(PyBuffer), ctypes.c_int)
get_buffer.restype = ctypes.c_int
release_buffer = ctypes.pythonapi["PyBuffer_Release"]
release_buffer.argtypes = (POINTER(PyBuffer),)
release_buffer.restype = None

__version__: str = version_text().decode()
if version_number() < OLDEST[0] * 10000 + OLDEST[1] * 100 + OLDEST[2]:
    raise ImportError(f"wsrs: {library_path} has version {__version__}, and this package needs 0.1.0 or newer.")
