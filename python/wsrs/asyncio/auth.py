"""HTTP Basic authentication (RFC 7617) for ``serve``."""

from __future__ import annotations

import base64
import binascii
import hmac
import http
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Optional, Union

from .http import Request, Response

if TYPE_CHECKING:
    from .server import ServerConnection

Credentials = tuple[str, str]
Check = Callable[[str, str], Union[bool, Awaitable[bool]]]


def basic_auth(
    realm: str = "",
    credentials: Union[Credentials, Iterable[Credentials], None] = None,
    check_credentials: Optional[Check] = None,
) -> Callable[[ServerConnection, Request], Coroutine[Any, Any, Optional[Response]]]:
    """A ``process_request`` that lets in who knows a name and its password, and answers others with 401.

    ``credentials`` is one pair or several; ``check_credentials(name, password)``, which may be a coroutine, decides
    instead. The handler finds the name in ``connection.username``.
    """
    if (credentials is None) is (check_credentials is None):
        raise ValueError("provide either credentials or check_credentials")
    check = check_credentials or _checker(credentials)
    challenge = f'Basic realm="{_quoted(realm)}", charset="UTF-8"'

    async def process_request(connection: ServerConnection, request: Request) -> Optional[Response]:
        lines = request.headers.get_all("Authorization")
        given = _parse(lines[0]) if len(lines) == 1 else None
        if given is None:
            text = "Unsupported credentials\n" if lines else "Missing credentials\n"
        else:
            allowed = check(*given)
            if inspect.isawaitable(allowed):
                allowed = await allowed
            if allowed:
                connection.username = given[0]
                return None
            text = "Invalid credentials\n"
        response = connection.respond(http.HTTPStatus.UNAUTHORIZED, text)
        response.headers["WWW-Authenticate"] = challenge
        return response

    return process_request


def build_authorization(name: str, password: str) -> str:
    """The value of a client's Authorization header."""
    if ":" in name:
        raise ValueError("a user name can't contain a colon")
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _checker(credentials: Any) -> Check:
    pairs = [credentials] if _is_pair(credentials) else list(credentials)
    if not all(map(_is_pair, pairs)):
        raise TypeError(f"invalid credentials argument: {credentials}")
    known = {name: password.encode() for name, password in pairs}

    def check(name: str, password: str) -> bool:
        # An unknown name takes as long as a wrong password.
        same = hmac.compare_digest(known.get(name, b""), password.encode())
        return same and name in known

    return check


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _parse(value: str) -> Optional[Credentials]:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
