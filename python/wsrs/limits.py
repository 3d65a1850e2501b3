"""Limits of a context, a listener or a connection."""

import math
from dataclasses import dataclass, fields
from typing import Optional

from . import _structs

#: In a member of `Limits`: no limit, or no deadline. (It is infinity: `math.inf` and `float("inf")` mean the same.)
OFF: float = math.inf

_NO_LIMIT = 2**64 - 1


@dataclass(frozen=True)
class Limits:
    """Everything that a peer could make grow, or wait for. None is the default, `wsrs.OFF` switches a limit off.

    Sizes are in bytes, times in seconds (to the millisecond). Limits given to `listen` or `connect` count instead of
    all of the context's: a member that is None there has its default, not the context's value.
    """

    #: Bytes of a whole incoming message, inflated. Default 1 MiB. Beyond it the connection is closed with 1009.
    max_message: Optional[float] = None
    #: Bytes of one incoming frame, as it came. Default 1 MiB, or max_message where that is set. Beyond it: 1009.
    max_frame: Optional[float] = None
    #: Frames of one incoming message. Default 1,024. Beyond it: 1008.
    max_fragments: Optional[float] = None
    #: Bytes of the head of a request or answer. Default 16 KiB, at most 1 MiB; can't be off.
    max_head: Optional[float] = None
    #: Headers in it. Default 100, at most 256; can't be off.
    max_headers: Optional[float] = None
    #: Bytes of the request target. Default 8 KiB, at most 1 MiB; can't be off.
    max_target: Optional[float] = None
    #: Bytes kept of the body of an answer that refuses an upgrade. Default 64 KiB.
    max_body: Optional[float] = None
    #: Connections of the context in all, of both roles. Default 65,536. Only in the context's limits.
    max_connections: Optional[float] = None
    #: Connections from one client address. Default 256.
    max_connections_per_address: Optional[float] = None
    #: Connections from clients whose handshake is not finished. Default 1,024. Only in the context's limits.
    max_pending_handshakes: Optional[float] = None
    #: Queued bytes of a connection from which sending raises AgainError. Default 1 MiB.
    high_water: Optional[float] = None
    #: For connecting, over all addresses of the host. Default 10 s.
    connect_timeout: Optional[float] = None
    #: For the whole handshake, once TCP is connected. Default 10 s.
    handshake_timeout: Optional[float] = None
    #: From our Close, once the peer has taken what was queued before it, to the end of the connection. Default 5 s.
    close_timeout: Optional[float] = None
    #: Silence after which a ping is sent, up to half as much again. Default 20 s.
    ping_interval: Optional[float] = None
    #: Silence after that ping after which the peer is taken for dead. Default 20 s.
    pong_timeout: Optional[float] = None
    #: Time without a message in either direction after which the connection is closed with 1001. Default OFF.
    idle_timeout: Optional[float] = None
    #: From `stop` to the end of connections that do not answer. Default 5 s. Only in the context's limits.
    stop_grace: Optional[float] = None
    #: How many times larger than what came a compressed message may become, looked at beyond 64 KiB. Default OFF, as
    #: pictures of one colour and the like come near what can be at most, 1,032. Beyond it: 1009.
    max_ratio: Optional[float] = None
    #: Compressors that connections have for themselves, some 300 KiB each. Default 1,024. Beyond it messages are
    #: compressed without referring to earlier ones. Only in the context's limits.
    max_compressors: Optional[float] = None


def c_limits(limits: Limits) -> _structs.Limits:
    """The same for the library."""
    made = _structs.sized(_structs.Limits)
    known = {name for name, *_ in _structs.Limits._fields_}
    for field in fields(limits):
        value = getattr(limits, field.name)
        if value is not None:
            in_ms = field.name not in known
            name = field.name + "_ms" if in_ms else field.name
            setattr(made, name, _c_number(field.name, value * 1000 if in_ms else value))
    return made


def _c_number(name: str, value: float) -> int:
    if not value > 0:
        raise ValueError(f"{name} must be above 0; None is the default, and wsrs.OFF switches it off")
    return _NO_LIMIT if value == math.inf else min(math.ceil(value), _NO_LIMIT - 1)
