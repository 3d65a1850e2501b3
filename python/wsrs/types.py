"""What callbacks get, and the constants of the library."""

import enum
from typing import NamedTuple, Optional, Tuple, Union

from .errors import Error
from .headers import Headers


class Kind(enum.IntEnum):
    """Kind of a message."""

    TEXT = 1
    BINARY = 2


class State(enum.IntEnum):
    """What a connection can do."""

    CONNECTING = 0  #: the handshake is not finished
    OPEN = 1  #: messages can be sent and come in
    CLOSING = 2  #: a Close was sent or received
    CLOSED = 3  #: it is over


class By(enum.IntEnum):
    """Who ended a connection."""

    LOCAL = 1  #: this program, or the library for it (the peer broke the protocol, a limit)
    REMOTE = 2  #: the peer, by a Close
    NETWORK = 3  #: TCP ended or failed without a Close
    TIMEOUT = 4  #: a deadline: no pong, no answer to our Close, or idle


class LogLevel(enum.IntEnum):
    """How much is logged."""

    ERROR = 1  #: something asked for could not be done
    WARNING = 2  #: something is wrong and was dealt with; calls of this program that were refused for misuse
    INFO = 3  #: connections that come and go
    DEBUG = 4  #: what a developer of the library wants to know; every other call that was refused, and why


class CloseInfo(NamedTuple):
    """How a connection ended. Given to `on_close`."""

    #: From the peer's Close, or ours where it sent none; 1005: a Close without code, 1006: no Close at all, 0: it never
    #: opened, since its request was answered with a status.
    code: int
    #: The words that came with the code.
    reason: str
    #: Both Closes were exchanged.
    clean: bool
    #: Who ended it.
    by: By
    #: TCP ended without the end of TLS (close_notify) and before the peer's Close came: somebody on the way may have cut
    #: off what was still to come.
    truncated: bool = False
    #: Why the last attempt failed, of a connection with `reconnect` that was open before and could not be made again;
    #: the code is 1006 then.
    error: Optional[Error] = None


class Retry(NamedTuple):
    """A connection with `reconnect` was lost or could not be made, and another attempt follows. Given to `on_retry`."""

    #: Of the attempt that follows, in a row: from 1; it begins anew after `Reconnect.stable` seconds open.
    number: int
    #: Seconds until it begins, from when the callback returns.
    delay: float
    #: How the connection ended that was open; None where the attempt failed.
    close: Optional[CloseInfo]
    #: Why the attempt failed; None where the connection was open.
    error: Optional[Error]


class Piece(NamedTuple):
    """A piece of a message, as it arrived. Given to `on_message` in streaming mode."""

    #: bytes, or with messages="view" a memoryview, valid during the callback. A text may be cut inside a character.
    data: Union[bytes, memoryview]
    #: It begins a message.
    first: bool
    #: It ends a message.
    last: bool
    #: Of the message.
    kind: Kind


class Request(NamedTuple):
    """A client's HTTP request. Given to `on_request`; answer with `accept`, `respond` or `defer` of the connection."""

    #: It asks for an upgrade to WebSocket. Anything else can only be answered by `Connection.respond`.
    upgrade: bool
    #: "GET" or "HEAD".
    method: str
    #: As it was sent: percent-encoded, begins with a slash.
    path: str
    #: What follows the first question mark, as it was sent; None without one.
    query: Optional[str]
    headers: Headers
    #: Those that the client offers, preferred first.
    subprotocols: Tuple[str, ...]
    #: The client's address.
    peer: str
