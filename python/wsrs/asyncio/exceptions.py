"""What goes wrong.

    WebSocketException
        ConnectionClosed
            ConnectionClosedOK
            ConnectionClosedError
        InvalidURI
        InvalidProxy
        InvalidHandshake
            SecurityError
            ProxyError
                InvalidProxyMessage
                InvalidProxyStatus
            InvalidMessage
            InvalidStatus
            InvalidHeader
                InvalidHeaderFormat
                InvalidHeaderValue
                InvalidOrigin
                InvalidUpgrade
            NegotiationError
        ProtocolError
        PayloadTooBig
        InvalidState
        ConcurrencyError

What the system reports is an OSError (ConnectionRefusedError, socket.gaierror, ...), what TLS refuses an ssl.SSLError (a
certificate: ssl.SSLCertVerificationError), what takes too long a TimeoutError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .frames import Close, CloseCode

if TYPE_CHECKING:
    from .http import Response

__all__ = [
    "ConcurrencyError",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidHeaderFormat",
    "InvalidHeaderValue",
    "InvalidMessage",
    "InvalidOrigin",
    "InvalidProxy",
    "InvalidProxyMessage",
    "InvalidProxyStatus",
    "InvalidState",
    "InvalidStatus",
    "InvalidURI",
    "InvalidUpgrade",
    "MultipleValuesError",
    "NegotiationError",
    "PayloadTooBig",
    "ProtocolError",
    "ProxyError",
    "SecurityError",
    "WebSocketException",
]


class WebSocketException(Exception):
    """The base of all below."""


class ConnectionClosed(WebSocketException):
    """The connection is over.

    ``rcvd`` is the Close frame that came from the peer, ``sent`` the one that went to it, each None where there was none.
    ``rcvd_then_sent`` tells their order where there were both.
    """

    def __init__(self, rcvd: Optional[Close], sent: Optional[Close], rcvd_then_sent: Optional[bool] = None) -> None:
        super().__init__(rcvd, sent, rcvd_then_sent)
        self.rcvd = rcvd
        self.sent = sent
        self.rcvd_then_sent = rcvd_then_sent

    @property
    def code(self) -> int:
        """The peer's close code; 1006 without a Close frame."""
        return CloseCode.ABNORMAL_CLOSURE if self.rcvd is None else self.rcvd.code

    @property
    def reason(self) -> str:
        """The peer's words."""
        return "" if self.rcvd is None else self.rcvd.reason

    def __str__(self) -> str:
        if self.rcvd is None and self.sent is None:
            return "no close frame received or sent"
        if self.rcvd is None:
            return f"sent {self.sent}; no close frame received"
        if self.sent is None:
            return f"received {self.rcvd}; no close frame sent"
        if self.rcvd_then_sent:
            return f"received {self.rcvd}; then sent {self.sent}"
        return f"sent {self.sent}; then received {self.rcvd}"


class ConnectionClosedOK(ConnectionClosed):
    """Both sides sent a Close frame, with 1000, 1001 or without a code."""


class ConnectionClosedError(ConnectionClosed):
    """It ended with another code, or without the closing handshake."""


class InvalidURI(WebSocketException):
    """This can't be connected to."""

    def __init__(self, uri: str, msg: str) -> None:
        super().__init__(uri, msg)
        self.uri = uri
        self.msg = msg

    def __str__(self) -> str:
        return f"{self.uri} isn't a valid URI: {self.msg}"


class InvalidProxy(WebSocketException):
    """This is no address of a proxy."""

    def __init__(self, proxy: str, msg: str) -> None:
        super().__init__(proxy, msg)
        self.proxy = proxy
        self.msg = msg

    def __str__(self) -> str:
        return f"{self.proxy} isn't a valid proxy: {self.msg}"


class InvalidHandshake(WebSocketException):
    """The opening handshake failed."""


class SecurityError(InvalidHandshake):
    """A redirect that may not be followed."""


class ProxyError(InvalidHandshake):
    """There is no way through the proxy."""


class InvalidProxyMessage(ProxyError):
    """The proxy's answer is no HTTP, or there was none."""


class InvalidProxyStatus(ProxyError):
    """An HTTP proxy refused; ``response`` is its answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"proxy rejected connection: HTTP {self.response.status_code}"


class InvalidMessage(InvalidHandshake):
    """The answer is no HTTP, or there was none."""


class InvalidStatus(InvalidHandshake):
    """The server answered with another status than 101; ``response`` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"server rejected WebSocket connection: HTTP {self.response.status_code}"


class InvalidHeader(InvalidHandshake):
    """A header is missing or wrong."""

    def __init__(self, name: str, value: Optional[str] = None) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value

    def __str__(self) -> str:
        if self.value is None:
            return f"missing {self.name} header"
        if not self.value:
            return f"empty {self.name} header"
        return f"invalid {self.name} header: {self.value}"


class InvalidHeaderFormat(InvalidHeader):
    """A header can't be understood."""


class InvalidHeaderValue(InvalidHeader):
    """A header has a value that it may not have."""


class InvalidOrigin(InvalidHeader):
    """The page that a browser connects from is not allowed to."""

    def __init__(self, origin: Optional[str]) -> None:
        super().__init__("Origin", origin)


class InvalidUpgrade(InvalidHeader):
    """Upgrade or Connection is not what an upgrade to WebSocket has."""


class NegotiationError(InvalidHandshake):
    """No agreement on a subprotocol or an extension."""


class ProtocolError(WebSocketException):
    """The protocol has no such thing: a close code that may not be sent, a ping above 125 bytes."""


class PayloadTooBig(WebSocketException):
    """A message is larger than ``max_size``: the cause of a ConnectionClosedError."""


class InvalidState(WebSocketException, AssertionError):
    """Not possible in this state."""


class ConcurrencyError(WebSocketException, RuntimeError):
    """Two coroutines do what only one can do at a time."""


class MultipleValuesError(LookupError):
    """A header that was asked for as one has several values."""

    def __str__(self) -> str:
        return repr(self.args[0]) if len(self.args) == 1 else super().__str__()
