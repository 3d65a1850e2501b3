"""What connections and contexts count, and how long connecting took.

Used by connection and context. Bytes are those of messages: without frame headers, pings and the handshake.
"""

from ctypes import byref
from typing import Any, NamedTuple, Optional

from . import _native as native
from . import _structs
from .errors import check


class Stats(NamedTuple):
    """What a connection counted. On the loop's thread the numbers are exact; on others those of a moment ago."""

    messages_received: int  #: that came whole; in streaming mode those whose last piece came
    messages_sent: int  #: that were sent or queued
    bytes_received: int
    bytes_sent: int
    pings_received: int
    pings_sent: int  #: by `Connection.ping` and by the library (`Limits.ping_interval`)
    pongs_received: int
    sends_refused: int  #: sends on the loop's thread that raised AgainError
    queued: int  #: bytes in the queue now, with frame headers
    attempts: int  #: connects begun: the first, retries, redirects followed
    retries: int  #: of these, those after a loss or a failure
    rtt: Optional[float]  #: seconds from the last ping that was answered to its pong; None: none was answered
    rtt_least: Optional[float]  #: the shortest of these times
    rtt_mean: Optional[float]  #: their smoothed mean: a new time counts for an eighth
    inflated_from: int  #: bytes of compressed messages that came, as they came
    inflated_to: int  #: the same messages as they were delivered: inflated_to / inflated_from is the ratio
    deflated_from: int  #: bytes of messages that were sent compressed, as the program gave them
    deflated_to: int  #: the same messages as they were sent: deflated_from / deflated_to is the ratio


class Totals(NamedTuple):
    """What a context counted: sums over all connections that it had, and how they ended. Exact on every thread."""

    messages_received: int
    messages_sent: int
    bytes_received: int
    bytes_sent: int
    pings_received: int
    pings_sent: int
    pongs_received: int
    sends_refused: int
    queued: int  #: bytes in the queues of all connections now
    opened: int  #: connections whose handshake was done; minus `closed`: how many are open
    closed: int  #: of these, those that ended
    handshakes_failed: int  #: clients that the library refused, that went away before the end of it, or took too long
    handshakes_rejected: int  #: requests that were answered with a status (`Connection.respond`)
    connects_failed: int  #: connects that ended in `on_error`
    protocol_errors: int  #: closed by the library since the peer broke the protocol (1002), or sent broken compressed data (1007)
    text_errors: int  #: the same for text that was not UTF-8 (1007)
    limit_errors: int  #: the same for max_message, max_frame, max_fragments, max_ratio (1008, 1009)
    timeouts: int  #: connections that a deadline ended
    losses: int  #: connections that TCP ended, without a Close
    attempts: int  #: connects begun, with retries and redirects
    retries: int  #: of these, those after a loss or a failure
    redirects: int  #: of these, those that followed a redirect
    inflated_from: int  #: bytes of compressed messages that came, as they came
    inflated_to: int  #: the same messages as they were delivered
    deflated_from: int  #: bytes of messages that were sent compressed, as programs gave them
    deflated_to: int  #: the same messages as they were sent


class Timings(NamedTuple):
    """How long each part of making a client's connection took, in seconds. 0 for what it did not need, or did not come
    to; the part in which it failed counts up to there."""

    resolve: float  #: looking up the name, until the first address was tried
    connect: float  #: from then until TCP was connected, whichever address that was
    proxy: float  #: asking the proxy
    tls: float  #: the TLS handshake
    upgrade: float  #: the HTTP upgrade
    total: float  #: all of it, until the connection was open or failed


def connection_stats(id: int) -> Stats:
    counted = _structs.sized(_structs.Stats)
    check(native.conn_stats(id, byref(counted)))
    answered = counted.rtt_us != 0

    def member(name: str) -> Any:
        if not name.startswith("rtt"):
            return getattr(counted, name)
        return getattr(counted, name + "_us") / 1_000_000 if answered else None

    return Stats(*map(member, Stats._fields))


def context_totals(id: int) -> Totals:
    counted = _structs.sized(_structs.Totals)
    check(native.context_totals(id, byref(counted)))
    return Totals(*(getattr(counted, name) for name in Totals._fields))


def connection_timings(id: int) -> Timings:
    measured = _structs.sized(_structs.Timings)
    check(native.conn_timings(id, byref(measured)))
    return Timings(*(getattr(measured, name) / 1_000_000 for name in Timings._fields))
