"""Compression (permessage-deflate, RFC 7692): how a listener or a client is to compress, and what was agreed on.

`Deflate` is made by programs, and given to `Context.listen` and `Context.connect`; `DeflateInfo` comes from
`Connection.deflate`.
"""

import math
from ctypes import byref, pointer
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Union

from . import _native as native
from . import _structs
from ._text import NOT_FOUND
from .errors import check
from .options import scaled

# WSRS_DEFLATE_KEEP
KEEP = 2**32 - 1


@dataclass(frozen=True)
class Deflate:
    """How messages are compressed, and what is asked of the peer. None is the default.

    A listener compresses for clients that offer it, a client where the server agrees; all others get messages as they
    are. What was agreed on is `Connection.deflate`.
    """

    #: 1 (fast) to 9 (small). Default: 1, or 2 where our compressor begins each message anew.
    level: Optional[int] = None
    #: Memory of a compressor: 1 (a few KiB) to 9 (256 KiB), beside its window. Default 8.
    memory_level: Optional[int] = None
    #: The window of our compressor at most, as a power of two: 8 (256 bytes) to 15 (32 KiB). Default 15.
    window_bits: Optional[int] = None
    #: Our compressor begins each message anew. Such connections share one compressor, and have none of their own.
    no_takeover: bool = False
    #: The window of the peer's compressor at most: 8 to 15. Default 15. A client that does not say that it can be told
    #: has its own, up to 15.
    peer_window_bits: Optional[int] = None
    #: The peer's compressor has to begin each message anew. Such connections share what inflates.
    peer_no_takeover: bool = False
    #: Messages of fewer bytes are sent as they are. Default 64; 1: every message is compressed.
    min_size: Optional[int] = None
    #: Seconds without a message after which what a connection holds for compression is freed. Our compressor begins
    #: anew then; what the peer may refer to is kept. Default 30; `wsrs.OFF`: never.
    release_after: Optional[float] = None


#: What `listen` and `connect` take: True is `Deflate()`; None and False: nothing is compressed.
DeflateLike = Union[Deflate, bool, None]


class DeflateInfo(NamedTuple):
    """What was agreed on for compressing messages, by the names of RFC 7692."""

    server_no_context_takeover: bool  #: the server compresses each message by itself
    client_no_context_takeover: bool  #: so does the client
    server_max_window_bits: int  #: the window of the server's compressor, 8 to 15
    client_max_window_bits: int  #: that of the client's


def c_deflate(deflate: DeflateLike) -> Any:
    """For options of the library; None: no compression."""
    if deflate is None or deflate is False:
        return None
    if deflate is True:
        deflate = Deflate()
    if not isinstance(deflate, Deflate):
        raise TypeError(f"deflate is a wsrs.Deflate, True or None, not {type(deflate).__module__}.{type(deflate).__name__}")
    made = _structs.sized(_structs.DeflateOptions)
    for name in ("level", "memory_level", "window_bits", "peer_window_bits", "min_size"):
        setattr(made, name, scaled(name, getattr(deflate, name), 1))
    made.no_takeover = deflate.no_takeover
    made.peer_no_takeover = deflate.peer_no_takeover
    kept = deflate.release_after == math.inf
    made.release_after_ms = KEEP if kept else scaled("release_after", deflate.release_after, 1000)
    return pointer(made)


def deflate_info(id: int) -> Optional[DeflateInfo]:
    """Of a connection."""
    info = _structs.sized(_structs.DeflateInfo)
    result = native.conn_deflate(id, byref(info))
    if result == NOT_FOUND:
        return None
    check(result)
    return DeflateInfo(
        server_no_context_takeover=bool(info.server_no_context_takeover),
        client_no_context_takeover=bool(info.client_no_context_takeover),
        server_max_window_bits=info.server_max_window_bits,
        client_max_window_bits=info.client_max_window_bits,
    )
