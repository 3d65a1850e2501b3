"""The structs of wsrs.h as ctypes sees them.

Used by every module that calls the library. Names and order of the members are those of the header; a test compares
sizes and offsets with tests/abi/layout.txt, which the library's own tests keep true.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_size_t,
    c_ssize_t,
    c_uint32,
    c_uint64,
    c_void_p,
    py_object,
    sizeof,
)
from typing import Type, TypeVar

# A handle is a struct around one uint64_t. Where ctypes runs, such a struct is passed as the number itself is.
Handle = c_uint64

OnRequest = CFUNCTYPE(None, Handle, c_void_p, c_void_p)
OnOpen = CFUNCTYPE(None, Handle, c_void_p)
OnMessage = CFUNCTYPE(None, Handle, c_void_p, c_void_p)
OnClose = CFUNCTYPE(None, Handle, c_void_p, c_void_p)
OnError = CFUNCTYPE(None, Handle, c_void_p, c_void_p)
OnDrain = CFUNCTYPE(None, Handle, c_void_p)
OnControl = CFUNCTYPE(None, Handle, c_void_p, c_size_t, c_void_p)
OnObject = CFUNCTYPE(None, py_object, py_object)
OnRetry = CFUNCTYPE(None, Handle, c_void_p, c_void_p)
OnPost = CFUNCTYPE(None, Handle, c_void_p)
OnTimer = CFUNCTYPE(None, Handle, c_void_p)
OnLog = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)


class Header(Structure):
    _fields_ = [("name", c_char_p), ("name_len", c_size_t), ("value", c_char_p), ("value_len", c_size_t)]


class RawHeader(Structure):
    """The same as `Header` for headers that the library hands out: texts without a NUL, which are read by length."""

    _fields_ = [("name", c_void_p), ("name_len", c_size_t), ("value", c_void_p), ("value_len", c_size_t)]


class Message(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("type", c_int32),
        ("first", c_int32),
        ("last", c_int32),
        ("data", c_void_p),
        ("len", c_size_t),
    ]


class Request(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("upgrade", c_int32),
        ("method", c_void_p),
        ("method_len", c_size_t),
        ("path", c_void_p),
        ("path_len", c_size_t),
        ("query", c_void_p),
        ("query_len", c_size_t),
        ("header_count", c_size_t),
        ("subprotocols", c_void_p),
        ("subprotocols_len", c_size_t),
        ("peer", c_void_p),
        ("peer_len", c_size_t),
    ]


class Error(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("result", c_int32),
        ("stage", c_int32),
        ("system_errno", c_int32),
        ("status", c_int32),
        ("text", c_void_p),
        ("text_len", c_size_t),
        ("headers", POINTER(RawHeader)),
        ("header_count", c_size_t),
        ("body", c_void_p),
        ("body_len", c_size_t),
        ("tls_alert", c_int32),
    ]


class Close(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("code", c_int32),
        ("clean", c_int32),
        ("by", c_int32),
        ("reason", c_void_p),
        ("reason_len", c_size_t),
        ("truncated", c_int32),
        ("error", POINTER(Error)),
    ]


class Retry(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("number", c_uint32),
        ("delay_ms", c_uint32),
        ("close", POINTER(Close)),
        ("error", POINTER(Error)),
    ]


class Callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("on_request", OnRequest),
        ("on_open", OnOpen),
        ("on_message", OnMessage),
        ("on_close", OnClose),
        ("on_error", OnError),
        ("on_drain", OnDrain),
        ("on_ping", OnControl),
        ("on_pong", OnControl),
        ("on_object", OnObject),
        ("on_retry", OnRetry),
    ]


class Limits(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_message", c_uint64),
        ("max_frame", c_uint64),
        ("max_fragments", c_uint64),
        ("max_head", c_uint64),
        ("max_headers", c_uint64),
        ("max_target", c_uint64),
        ("max_body", c_uint64),
        ("max_connections", c_uint64),
        ("max_connections_per_address", c_uint64),
        ("max_pending_handshakes", c_uint64),
        ("high_water", c_uint64),
        ("connect_timeout_ms", c_uint64),
        ("handshake_timeout_ms", c_uint64),
        ("close_timeout_ms", c_uint64),
        ("ping_interval_ms", c_uint64),
        ("pong_timeout_ms", c_uint64),
        ("idle_timeout_ms", c_uint64),
        ("stop_grace_ms", c_uint64),
        ("max_ratio", c_uint64),
        ("max_compressors", c_uint64),
    ]


class Objects(Structure):
    """The functions are those of the interpreter, by their addresses."""

    _fields_ = [
        ("size", c_size_t),
        ("make_text", c_void_p),
        ("make_binary", c_void_p),
        ("release", c_void_p),
    ]


class DeflateOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("level", c_uint32),
        ("memory_level", c_uint32),
        ("window_bits", c_uint32),
        ("no_takeover", c_uint32),
        ("peer_window_bits", c_uint32),
        ("peer_no_takeover", c_uint32),
        ("min_size", c_uint32),
        ("release_after_ms", c_uint32),
    ]


class DeflateInfo(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("server_no_context_takeover", c_int32),
        ("client_no_context_takeover", c_int32),
        ("server_max_window_bits", c_int32),
        ("client_max_window_bits", c_int32),
    ]


class ContextOptions(Structure):
    _fields_ = [("size", c_size_t), ("limits", POINTER(Limits))]


class SocketOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("nagle", c_int32),
        ("keepalive_ms", c_uint32),
        ("send_buffer", c_uint32),
        ("receive_buffer", c_uint32),
        ("user_timeout_ms", c_uint32),
        ("dscp", c_uint32),
    ]


class ListenOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("callbacks", POINTER(Callbacks)),
        ("user_data", c_void_p),
        ("limits", POINTER(Limits)),
        ("subprotocols", c_char_p),
        ("streaming", c_int32),
        ("keep_request", c_int32),
        ("backlog", c_int32),
        ("reuse_port", c_int32),
        ("ipv6_only", c_int32),
        ("unix_mode", c_uint32),
        ("tls", Handle),
        ("socket", POINTER(SocketOptions)),
        ("tls_or_plain", c_int32),
        ("deflate", POINTER(DeflateOptions)),
    ]


class Reconnect(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("min_delay_ms", c_uint32),
        ("max_delay_ms", c_uint32),
        ("factor_percent", c_uint32),
        ("jitter_percent", c_uint32),
        ("max_tries", c_uint32),
        ("stable_ms", c_uint32),
    ]


class ConnectOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("callbacks", POINTER(Callbacks)),
        ("user_data", c_void_p),
        ("limits", POINTER(Limits)),
        ("subprotocols", c_char_p),
        ("headers", POINTER(Header)),
        ("header_count", c_size_t),
        ("streaming", c_int32),
        ("keep_response", c_int32),
        ("tls", Handle),
        ("socket", POINTER(SocketOptions)),
        ("proxy", c_char_p),
        ("proxy_tls", Handle),
        ("reconnect", POINTER(Reconnect)),
        ("source", c_char_p),
        ("interface", c_char_p),
        ("proxy_from_env", c_int32),
        ("max_redirects", c_int32),
        ("redirect_to_ws", c_int32),
        ("deflate", POINTER(DeflateOptions)),
    ]


# What connections and contexts both count, with the size before it.
_COUNTED = [
    ("size", c_size_t),
    ("messages_received", c_uint64),
    ("messages_sent", c_uint64),
    ("bytes_received", c_uint64),
    ("bytes_sent", c_uint64),
    ("pings_received", c_uint64),
    ("pings_sent", c_uint64),
    ("pongs_received", c_uint64),
    ("sends_refused", c_uint64),
    ("queued", c_uint64),
]


# And after what only one of them counts.
_COMPRESSED = [
    ("inflated_from", c_uint64),
    ("inflated_to", c_uint64),
    ("deflated_from", c_uint64),
    ("deflated_to", c_uint64),
]


class Stats(Structure):
    _fields_ = [
        *_COUNTED,
        ("rtt_us", c_uint64),
        ("rtt_least_us", c_uint64),
        ("rtt_mean_us", c_uint64),
        ("attempts", c_uint64),
        ("retries", c_uint64),
        *_COMPRESSED,
    ]


class Totals(Structure):
    _fields_ = [
        *_COUNTED,
        ("opened", c_uint64),
        ("closed", c_uint64),
        ("handshakes_failed", c_uint64),
        ("handshakes_rejected", c_uint64),
        ("connects_failed", c_uint64),
        ("protocol_errors", c_uint64),
        ("text_errors", c_uint64),
        ("limit_errors", c_uint64),
        ("timeouts", c_uint64),
        ("losses", c_uint64),
        ("attempts", c_uint64),
        ("retries", c_uint64),
        ("redirects", c_uint64),
        *_COMPRESSED,
    ]


class Timings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("resolve", c_uint64),
        ("connect", c_uint64),
        ("proxy", c_uint64),
        ("tls", c_uint64),
        ("upgrade", c_uint64),
        ("total", c_uint64),
    ]


class TlsOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("cert_file", c_char_p),
        ("key_file", c_char_p),
        ("cert", c_char_p),
        ("cert_len", c_size_t),
        ("key", c_char_p),
        ("key_len", c_size_t),
        ("ca_file", c_char_p),
        ("ca", c_char_p),
        ("ca_len", c_size_t),
        ("pins", c_char_p),
        ("server_name", c_char_p),
        ("alpn", c_char_p),
        ("min_version", c_int32),
        ("max_version", c_int32),
        ("client_certs", c_int32),
        ("ca_and_system", c_int32),
        ("dangerous_no_verification", c_int32),
        ("no_resumption", c_int32),
        ("key_log", c_int32),
    ]


class TlsInfo(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("version", c_int32),
        ("resumed", c_int32),
        ("cipher", c_void_p),
        ("cipher_len", c_size_t),
        ("alpn", c_void_p),
        ("alpn_len", c_size_t),
        ("server_name", c_void_p),
        ("server_name_len", c_size_t),
        ("peer_cert", c_void_p),
        ("peer_cert_len", c_size_t),
        ("peer_subject", c_void_p),
        ("peer_subject_len", c_size_t),
        ("peer_names", c_void_p),
        ("peer_names_len", c_size_t),
    ]


class PyBuffer(Structure):
    """Py_buffer of Python's own C API: the memory of a bytearray, memoryview, array, …"""

    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int32),
        ("ndim", c_int32),
        ("format", c_char_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    ]


SizedStruct = TypeVar("SizedStruct", bound=Structure)


def sized(struct: Type[SizedStruct]) -> SizedStruct:
    """A struct as its WSRS_*_INIT macro makes it: its size, and zeros, which are the defaults."""
    made = struct()
    setattr(made, "size", sizeof(struct))
    return made
