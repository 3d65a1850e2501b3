"""What a failed listen or connect becomes: an OSError, a TimeoutError or an InvalidHandshake."""

from __future__ import annotations

import errno
import http
import os
import socket

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
        return OSError(number, f"{os.strerror(number)}: {error.text}")
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


def _handshake_error(error: wsrs.Error) -> InvalidHandshake:
    """Which header of a 101 is wrong; the library only says that one is."""
    if error.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
        made = InvalidMessage("did not receive a valid HTTP response")
        lost = isinstance(error, wsrs.ResetError) or error.status == 0
        made.__cause__ = EOFError(error.text) if lost else error
        return made
    headers = Headers.from_library(error.headers)
    for name, wanted in (("Connection", "upgrade"), ("Upgrade", "websocket")):
        lines = headers.get_all(name)
        if wanted not in (word.strip().lower() for line in lines for word in line.split(",")):
            return InvalidUpgrade(name, ", ".join(lines) if lines else None)
    accept = headers.get_all("Sec-WebSocket-Accept")
    if len(accept) != 1:
        return InvalidHeader("Sec-WebSocket-Accept", "multiple values" if accept else None)
    if "extension" in error.text or "subprotocol" in error.text:
        return NegotiationError(error.text)
    return InvalidHeaderValue("Sec-WebSocket-Accept", accept[0])


def _response(error: wsrs.Error) -> Response:
    try:
        phrase = http.HTTPStatus(error.status).phrase
    except ValueError:
        phrase = ""
    return Response(error.status, phrase, Headers.from_library(error.headers), error.body)
