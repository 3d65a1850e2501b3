"""The server's side of the opening handshake: what a request is answered with.

Called by ``server`` for each request. Without ``process_request`` and ``process_response`` the answer is given at once,
inside the poll that brought the request; with them, by a task. What RFC 6455 section 4.2.1 asks of a request the library
checks itself; here is what the program may choose: origins, subprotocols, headers, refusals.
"""

from __future__ import annotations

import base64
import dataclasses
import email.utils
import hashlib
import http
import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Optional, Union

import wsrs

from .exceptions import InvalidHandshake, InvalidHeader, InvalidOrigin, InvalidUpgrade, NegotiationError
from .http import Headers, Request, Response

if TYPE_CHECKING:
    from .server import ServerConnection

MaybeResponse = Union["Awaitable[Optional[Response]]", Optional[Response]]
ProcessRequest = Callable[["ServerConnection", Request], MaybeResponse]
ProcessResponse = Callable[["ServerConnection", Request, Response], MaybeResponse]
SelectSubprotocol = Callable[["ServerConnection", Sequence[str]], Optional[str]]
Origins = Sequence[Union[str, "re.Pattern[str]", None]]

#: The library writes these itself.
_NOT_ADDED = frozenset(
    {"upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol", "content-length", "transfer-encoding"}
)
#: RFC 6455 section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FAILED = "Failed to open a WebSocket connection.\nSee server log for more information.\n"


@dataclasses.dataclass
class Policy:
    """What a server says about requests."""

    origins: Optional[Origins]
    subprotocols: Optional[Sequence[str]]
    select_subprotocol: Optional[SelectSubprotocol]
    process_request: Optional[ProcessRequest]
    process_response: Optional[ProcessResponse]
    server_header: Optional[str]

    def needs_task(self) -> bool:
        """Functions of the program have a say, and may wait."""
        return self.process_request is not None or self.process_response is not None

    def answer(self, connection: ServerConnection, request: Request) -> Response:
        """The answer to a request, before ``process_response``."""
        try:
            if not connection.asks_for_upgrade:
                raise InvalidUpgrade("Upgrade", request.headers.get("Upgrade"))
            self._check_origin(request)
            connection.subprotocol = self._choose_subprotocol(connection, request)
        except InvalidUpgrade as error:
            refused = plain_text(
                http.HTTPStatus.UPGRADE_REQUIRED,
                f"Failed to open a WebSocket connection: {error}.\n\n"
                "This is a WebSocket server; a browser can't show it. A WebSocket client is needed.\n",
            )
        except InvalidOrigin as error:
            refused = plain_text(http.HTTPStatus.FORBIDDEN, f"Failed to open a WebSocket connection: {error}.\n")
        except InvalidHandshake as error:
            refused = plain_text(http.HTTPStatus.BAD_REQUEST, f"Failed to open a WebSocket connection: {error}.\n")
        except Exception:
            connection.logger.error("opening handshake failed", exc_info=True)
            refused = plain_text(http.HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED)
        else:
            return _upgrade(request, connection.subprotocol)
        return refused

    async def answer_with_hooks(self, connection: ServerConnection, request: Request) -> Response:
        """The same with ``process_request`` before it and ``process_response`` after it."""
        response: Optional[Response] = None
        if self.process_request is not None:
            try:
                response = await _settled(self.process_request(connection, request))
            except Exception:
                connection.logger.error("process_request failed", exc_info=True)
                response = plain_text(http.HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED)
        if response is None:
            response = self.answer(connection, request)
        self.sign(response)
        if self.process_response is not None:
            try:
                replaced = await _settled(self.process_response(connection, request, response))
            except Exception:
                connection.logger.error("process_response failed", exc_info=True)
                replaced = plain_text(http.HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED)
            response = response if replaced is None else replaced
        return response

    def sign(self, response: Response) -> None:
        """Adds the Server header."""
        if self.server_header is not None:
            response.headers["Server"] = self.server_header

    def _check_origin(self, request: Request) -> None:
        if self.origins is None:
            return
        given = request.headers.get_all("Origin")
        if len(given) > 1:
            raise InvalidHeader("Origin", "multiple values")
        origin = given[0] if given else None
        for allowed in self.origins:
            if origin == allowed:
                return
            if isinstance(allowed, re.Pattern) and origin is not None and allowed.fullmatch(origin):
                return
        raise InvalidOrigin(origin)

    def _choose_subprotocol(self, connection: ServerConnection, request: Request) -> Optional[str]:
        lines = request.headers.get_all("Sec-WebSocket-Protocol")
        offered = [name.strip() for line in lines for name in line.split(",") if name.strip()]
        if self.select_subprotocol is not None:
            return self.select_subprotocol(connection, offered)
        if not self.subprotocols:
            return None
        if not offered:
            raise NegotiationError("missing subprotocol")
        for name in self.subprotocols:
            if name in offered:
                return name
        raise NegotiationError(f"invalid subprotocol; expected one of {', '.join(self.subprotocols)}")


def plain_text(status: Union[http.HTTPStatus, int], text: str) -> Response:
    """An answer with a few words."""
    known = http.HTTPStatus(status)
    body = text.encode()
    headers = Headers(
        [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", "text/plain; charset=utf-8"),
        ]
    )
    return Response(known.value, known.phrase, headers, body)


def send(conn: wsrs.Connection, response: Response, subprotocol: Optional[str]) -> None:
    """Gives the answer to the library."""
    lines = [line for line in response.headers.to_library() if line[0].lower() not in _NOT_ADDED]
    if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS:
        conn.accept(subprotocol, lines)
    else:
        conn.respond(response.status_code, lines, bytes(response.body))


def _upgrade(request: Request, subprotocol: Optional[str]) -> Response:
    key = request.headers["Sec-WebSocket-Key"].encode("latin-1")
    headers = Headers(
        [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()),
        ]
    )
    if subprotocol is not None:
        headers["Sec-WebSocket-Protocol"] = subprotocol
    return Response(101, "Switching Protocols", headers)


async def _settled(result: MaybeResponse) -> Optional[Response]:
    return await result if inspect.isawaitable(result) else result
