"""What a failed listen or connect becomes: an OSError, a TimeoutError or an InvalidHandshake."""

from __future__ import annotations

import errno
import http
import os
import socket
from collections.abc import Callable

import wsrs

from .exceptions import (
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    NegotiationError,
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
    return ValueError(error.text)


def call_error(uri: str, error: wsrs.Error) -> Exception:
    """Of a connect that was refused at once."""
    if isinstance(error, wsrs.URLError):
        return InvalidURI(uri, error.text)
    return system_error(error)


def connect_error(error: wsrs.Error) -> Exception:
    """Of a connect that failed."""
    if isinstance(error, wsrs.TimeoutError):
        return TimeoutError("timed out during opening handshake")
    if isinstance(error, wsrs.RejectedError):
        return InvalidStatus(_response(error))
    if error.stage is wsrs.Stage.HANDSHAKE:
        return _handshake_error(error)
    return system_error(error)


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
