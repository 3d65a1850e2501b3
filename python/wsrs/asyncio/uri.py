"""The address of a server: what ``connect`` is given, taken apart (RFC 6455 section 3)."""

from __future__ import annotations

import dataclasses
import urllib.parse
from typing import Optional

from .exceptions import InvalidURI

#: What may stand in a URI beside letters, digits and "-._~".
_DELIMITERS = ":/?#[]@!$&'()*+,;=%"


@dataclasses.dataclass(frozen=True)
class Target:
    """A ws URI."""

    uri: str
    host: str
    port: int
    path: str
    user_info: Optional[tuple[str, str]]

    @property
    def authority(self) -> str:
        """Host and port as they stand in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The same for the library."""
        return f"ws://{self.authority}{self.path}"


def parse(uri: str) -> Target:
    """Takes a URI apart; raises InvalidURI."""
    try:
        parts = urllib.parse.urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise InvalidURI(uri, str(error)) from error
    if parts.scheme == "wss":
        raise InvalidURI(uri, "TLS is not supported yet")
    if parts.scheme != "ws":
        raise InvalidURI(uri, "scheme isn't ws or wss")
    if not parts.hostname:
        raise InvalidURI(uri, "hostname isn't provided")
    if parts.fragment:
        raise InvalidURI(uri, "fragment identifier is meaningless")
    return Target(uri, _host(uri, parts.hostname), 80 if port is None else port, _path(parts), _user_info(uri, parts))


def _host(uri: str, host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise InvalidURI(uri, str(error)) from error


def _path(parts: urllib.parse.SplitResult) -> str:
    path = urllib.parse.quote(parts.path, safe=_DELIMITERS) or "/"
    return f"{path}?{urllib.parse.quote(parts.query, safe=_DELIMITERS)}" if parts.query else path


def _user_info(uri: str, parts: urllib.parse.SplitResult) -> Optional[tuple[str, str]]:
    if parts.username is None:
        return None
    if parts.password is None:
        raise InvalidURI(uri, "username provided without password")
    return urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password)
