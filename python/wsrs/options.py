"""What `listen` and `connect` take as one object: options of sockets, and how to connect again."""

import math
from dataclasses import dataclass
from typing import Optional

from . import _structs

_MOST = 2**32 - 1
# WSRS_NO_JITTER
_NO_JITTER = _MOST


@dataclass(frozen=True)
class SocketOptions:
    """Options of TCP sockets. None leaves the default; times are in seconds."""

    #: Small pieces wait for those before them to be acknowledged (Nagle). Default: they don't (TCP_NODELAY).
    nagle: bool = False
    #: Silence after which the system probes the peer; rounded up to seconds. Default: never.
    keepalive: Optional[float] = None
    #: Bytes of the system's send buffer, as SO_SNDBUF. Default: the system's choice.
    send_buffer: Optional[int] = None
    #: Bytes of the system's receive buffer, as SO_RCVBUF. Default: the system's choice.
    receive_buffer: Optional[int] = None
    #: How long sent data may stay unacknowledged before the system gives up (TCP_USER_TIMEOUT). Default: the system's
    #: choice.
    user_timeout: Optional[float] = None
    #: The DSCP of outgoing packets, 0 to 63.
    dscp: int = 0


@dataclass(frozen=True)
class Reconnect:
    """How a client connects again. None is the default; times are in seconds."""

    #: The delay before the first attempt. Default 0.5.
    min_delay: Optional[float] = None
    #: The longest delay. Default 30.
    max_delay: Optional[float] = None
    #: Each delay is the one before times this; at least 1. Default 2.
    factor: Optional[float] = None
    #: Each delay is shortened at random by up to this part of it, 0 to 1. Default 0.5.
    jitter: Optional[float] = None
    #: Attempts in a row that may fail. Default: no limit.
    max_tries: Optional[int] = None
    #: After this long open, delays and tries begin anew. Default 10.
    stable: Optional[float] = None


def c_socket_options(options: SocketOptions) -> _structs.SocketOptions:
    """The same for the library."""
    made = _structs.sized(_structs.SocketOptions)
    made.nagle = options.nagle
    made.keepalive_ms = scaled("keepalive", options.keepalive, 1000)
    made.send_buffer = scaled("send_buffer", options.send_buffer, 1)
    made.receive_buffer = scaled("receive_buffer", options.receive_buffer, 1)
    made.user_timeout_ms = scaled("user_timeout", options.user_timeout, 1000)
    if not 0 <= options.dscp <= 63:
        raise ValueError("dscp is 0 to 63")
    made.dscp = options.dscp
    return made


def c_reconnect(reconnect: Reconnect) -> _structs.Reconnect:
    """The same for the library."""
    made = _structs.sized(_structs.Reconnect)
    made.min_delay_ms = scaled("min_delay", reconnect.min_delay, 1000)
    made.max_delay_ms = scaled("max_delay", reconnect.max_delay, 1000)
    made.factor_percent = scaled("factor", reconnect.factor, 100)
    made.jitter_percent = _NO_JITTER if reconnect.jitter == 0 else scaled("jitter", reconnect.jitter, 100)
    made.max_tries = scaled("max_tries", reconnect.max_tries, 1)
    made.stable_ms = scaled("stable", reconnect.stable, 1000)
    return made


def scaled(name: str, value: Optional[float], scale: int) -> int:
    """A member of the library's struct, in which 0 is the default. ctypes would cut what is too much."""
    if value is None:
        return 0
    if not 0 < value * scale < _MOST:
        raise ValueError(f"{name} is out of range; None is the default")
    # 1.1 * 100 is a little more than 110.
    return math.ceil(round(value * scale, 6))
