"""What a failed listen or connect becomes: an OSError, an ssl.SSLError, a TimeoutError or an InvalidHandshake."""

from __future__ import annotations

import errno
import http
import os
import socket
import ssl
from collections.abc import Callable
from typing import Optional

import wsrs

from .exceptions import (
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    NegotiationError,
    ProxyError,
)
from .http import Headers, Response

_ERRNO: dict[type[wsrs.Error], int] = {
    wsrs.InUseError: errno.EADDRINUSE,
    wsrs.DeniedError: errno.EACCES,
    wsrs.OutOfMemoryError: errno.ENOMEM,
    wsrs.RefusedError: errno.ECONNREFUSED,
    wsrs.ResetError: errno.ECONNRESET,
    wsrs.UnreachableError: errno.EHOSTUNREACH,
    wsrs.DescriptorsError: errno.EMFILE,
    wsrs.LimitError: errno.EMFILE,
}


def system_error(error: wsrs.Error) -> Exception:
    """Of a listen: the OSError that the socket module would raise."""
    if isinstance(error, wsrs.ResolveError):
        return socket.gaierror(socket.EAI_NONAME, error.text)
    number = error.errno or _ERRNO.get(type(error), 0)
    if number:
        words = os.strerror(number)
        return OSError(number, error.text if words in error.text else f"{words}: {error.text}")
    if isinstance(error, wsrs.NetworkError):
        return OSError(error.text)
    return (NotImplementedError if isinstance(error, wsrs.UnsupportedError) else ValueError)(error.text)


def call_error(uri: str, proxy: Optional[str], error: wsrs.Error) -> Exception:
    """Of a connect that was refused at once. No ``proxy``: that of the environment."""
    if isinstance(error, wsrs.URLError):
        if "the proxy's address" in error.text:
            return InvalidProxy(proxy or "the environment's proxy", error.text)
        return InvalidURI(uri, error.text)
    if isinstance(error, wsrs.AddressError):
        return OSError(errno.EADDRNOTAVAIL, error.text)
    return system_error(error)


def connect_error(error: wsrs.Error) -> Exception:
    """Of a connect that failed."""
    if isinstance(error, wsrs.TimeoutError):
        return TimeoutError("timed out during opening handshake")
    if isinstance(error, wsrs.TlsError):
        return _tls_error(error)
    if isinstance(error, wsrs.RejectedError):
        return InvalidStatus(_response(error))
    if error.stage is wsrs.Stage.PROXY:
        return _proxy_error(error)
    if error.stage is wsrs.Stage.HANDSHAKE:
        return _handshake_error(error)
    return system_error(error)


def _tls_error(error: wsrs.TlsError) -> Exception:
    refused = isinstance(error, wsrs.CertificateError)
    made = (ssl.SSLCertVerificationError if refused else ssl.SSLError)(ssl.SSLErrorNumber.SSL_ERROR_SSL, error.text)
    made.__cause__ = error
    return made


def _proxy_error(error: wsrs.Error) -> ProxyError:
    # Below 100 it is the reply of a SOCKS proxy.
    if error.status >= 100:
        return InvalidProxyStatus(_response(error))
    made = ProxyError(error.text) if error.status else InvalidProxyMessage(error.text)
    made.__cause__ = error
    return made


#: Words of the library's sentence about a 101 that is none, and what they mean.
_WRONG_HEADERS: tuple[tuple[str, Callable[[], InvalidHandshake]], ...] = (
    ("answer's Upgrade header", lambda: InvalidUpgrade("Upgrade")),
    ("answer's Connection header", lambda: InvalidUpgrade("Connection")),
    ("exactly one Sec-WebSocket-Accept", lambda: InvalidHeader("Sec-WebSocket-Accept")),
    ("Sec-WebSocket-Accept header is wrong", lambda: InvalidHeaderValue("Sec-WebSocket-Accept", "another key's")),
    ("chose a subprotocol", lambda: NegotiationError("unsupported subprotocol")),
    ("chose an extension", lambda: NegotiationError("unsupported extension")),
)


def _handshake_error(error: wsrs.Error) -> InvalidHandshake:
    """The library has one result for all of these; its words tell which."""
    for words, make in _WRONG_HEADERS:
        if words in error.text:
            made = make()
            made.__cause__ = error
            return made
    made = InvalidMessage("did not receive a valid HTTP response")
    # Who hangs up may be back soon: process_exception tells it by this cause.
    made.__cause__ = EOFError(error.text) if isinstance(error, wsrs.ResetError) else error
    return made


def _response(error: wsrs.Error) -> Response:
    try:
        phrase = http.HTTPStatus(error.status).phrase
    except ValueError:
        phrase = ""
    return Response(error.status, phrase, Headers.from_library(error.headers), error.body)
