"""Exceptions: one class for each result of the library.

All are `wsrs.Error`. A call that can't be done raises one; a connection that never opened brings one to `on_error`,
with everything known about the failure in its attributes. The tree follows the groups of the results:

    Error
        ArgumentError (a ValueError)    the call was wrong: AddressError, CloseCodeError, HeaderError, TextError,
                                        TooLargeError, URLError
        ClosedError … ThreadError       not now, or not here
        NetworkError                    the system or the network: RefusedError, ResolveError, TimeoutError, …
        TlsError                        TLS failed: CertificateError, PemError (a ValueError)
        PeerError                       what the peer did: HandshakeError, RejectedError, ProxyError
        PanicError                      a defect of the library was caught; the context can only be closed
"""

import enum
from typing import Dict, Optional, Type

from . import _native
from .headers import Headers


class Stage(enum.IntEnum):
    """How far a connection came that failed."""

    RESOLVE = 1  #: finding addresses of the host name
    CONNECT = 2  #: connecting to one of the addresses
    PROXY = 3  #: asking a proxy for the way
    TLS = 4  #: the TLS handshake
    HANDSHAKE = 5  #: the HTTP upgrade


class Error(Exception):
    """What the library could not do.

    `code` is the result (a WSRS_ERR_* value), `text` says it in words.

    The rest is filled in for `on_error` and `on_retry` only: `stage` (a `wsrs.Stage`, else None), `errno` of the system
    (0: it was not the system), `tls_alert` (RFC 8446, section 6) that was received or sent (0: none), and for a server
    that answered the upgrade with something else, or at `Stage.PROXY` a proxy, its HTTP `status` (0: no answer; below 100
    the reply code of a SOCKS proxy), `headers` and `body`, the latter as far as `Limits.max_body` allows.
    """

    code: int = 0

    def __init__(
        self,
        text: str = "",
        code: Optional[int] = None,
        *,
        stage: Optional[Stage] = None,
        errno: int = 0,
        status: int = 0,
        headers: Optional[Headers] = None,
        body: bytes = b"",
        tls_alert: int = 0,
    ) -> None:
        if code is not None:
            self.code = code
        self.text = text or _native.strerror(self.code).decode()
        self.stage = stage
        self.errno = errno
        self.status = status
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.tls_alert = tls_alert
        super().__init__(self.text)


class ArgumentError(Error, ValueError):
    """A value that is not allowed, or a handle of another kind."""

    code = -100


class URLError(ArgumentError):
    """The URL to connect to can't be understood."""

    code = -101


class AddressError(ArgumentError):
    """The address to listen on, or to connect from, can't be understood, or this machine does not have it."""

    code = -102


class TextError(ArgumentError):
    """Text that is not UTF-8."""

    code = -103


class HeaderError(ArgumentError):
    """A header or subprotocol that may not be sent."""

    code = -104


class TooLargeError(ArgumentError):
    """More than the protocol allows: a ping above 125 bytes, a reason above 123."""

    code = -105


class CloseCodeError(ArgumentError):
    """A close code that may not be sent."""

    code = -106


class ClosedError(Error):
    """The connection, listener, timer or context is gone, or closing. In `on_error`: this program ended the attempt."""

    code = -200


class NotOpenError(Error):
    """The handshake is not finished."""

    code = -201


class StateError(Error):
    """Not possible in this state: a whole message inside a fragmented one, a second answer to a request, …"""

    code = -202


class AgainError(Error):
    """The send queue is full (`Limits.high_water`). Nothing was queued; `on_drain` follows when there is room."""

    code = -203


class ThreadError(Error):
    """Not on this thread: another one runs the context."""

    code = -204


class ReentryError(Error):
    """A poll or run inside a callback of the same context."""

    code = -205


class ForkedError(Error):
    """The context was made before this process was forked."""

    code = -206


class LimitError(Error):
    """A limit of this program was reached."""

    code = -207


class NotFoundError(Error):
    """Nothing kept, or nothing agreed on."""

    code = -208


class UnsupportedError(Error):
    """This build of the library can't do it: it was made without TLS."""

    code = -209


class NetworkError(Error):
    """An error of the system or the network; of the subclasses where one fits."""

    code = -300


class InUseError(NetworkError):
    """The address is in use."""

    code = -301


class DeniedError(NetworkError):
    """The system does not permit it."""

    code = -302


class OutOfMemoryError(NetworkError):
    """Out of memory."""

    code = -303


class ResolveError(NetworkError):
    """The host name has no address."""

    code = -304


class RefusedError(NetworkError):
    """Nobody listens there."""

    code = -305


class TimeoutError(NetworkError):
    """A deadline passed."""

    code = -306


class ResetError(NetworkError):
    """The connection was lost."""

    code = -307


class UnreachableError(NetworkError):
    """No way to that host or network."""

    code = -308


class DescriptorsError(NetworkError):
    """The process or the system has no more file descriptors."""

    code = -309


class TlsError(Error):
    """The TLS handshake failed, or TLS was broken later: see `tls_alert`."""

    code = -400


class CertificateError(TlsError):
    """The peer's certificate was refused."""

    code = -401


class PemError(TlsError, ValueError):
    """A certificate, key or CA of this program can't be read or used."""

    code = -402


class PeerError(Error):
    """The peer did not do what it must."""

    code = -500


class HandshakeError(PeerError):
    """The peer's answer is no valid WebSocket upgrade."""


class RejectedError(PeerError):
    """The server answered with another HTTP status: see `status`, `headers` and `body`."""

    code = -501


class ProxyError(PeerError):
    """The proxy refused, see `status`, `headers` and `body`, or does not speak the protocol of its address."""

    code = -502


class PanicError(Error):
    """A defect of the library was caught. The context can only be closed."""

    code = -900


def _classes(base: Type[Error]) -> Dict[int, Type[Error]]:
    found: Dict[int, Type[Error]] = {}
    for known in base.__subclasses__():
        found[known.code] = known
        found.update(_classes(known))
    return found


_BY_CODE = _classes(Error)
_BY_GROUP: Dict[int, Type[Error]] = {1: ArgumentError, 3: NetworkError, 4: TlsError, 5: PeerError, 9: PanicError}


def error_class(code: int) -> Type[Error]:
    """The class of a result. What a newer library returns and is not known here goes by its group."""
    return _BY_CODE.get(code) or _BY_GROUP.get(-code // 100, Error)


def result_error(code: int) -> Error:
    """The exception for the call of the library that has just failed on this thread with this result."""
    known = error_class(code)
    return known("" if known is PanicError else _native.last_error().decode("utf-8", "replace"), code)


def check(code: int) -> None:
    """Raises the exception of a call's result, if it is one. To be called before anything else calls the library."""
    if code:
        raise result_error(code)
