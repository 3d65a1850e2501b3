"""The address of a server: what ``connect`` is given, taken apart (RFC 6455 section 3)."""

from __future__ import annotations

import dataclasses
import urllib.parse
from typing import Optional

from .exceptions import InvalidURI

_PORTS = {"ws": 80, "wss": 443}
#: What may stand in a URI beside letters, digits and "-._~".
_DELIMITERS = ":/?#[]@!$&'()*+,;=%"


@dataclasses.dataclass(frozen=True)
class Target:
    """A ws or wss URI."""

    uri: str
    secure: bool
    host: str
    port: int
    path: str
    user_info: Optional[tuple[str, str]]

    @property
    def authority(self) -> str:
        """Host and port as they stand in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self._scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The same for the library."""
        return f"{self._scheme}://{self.authority}{self.path}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What has to be the same for credentials to go along with a redirect."""
        return self.secure, self.host, self.port

    @property
    def _scheme(self) -> str:
        return "wss" if self.secure else "ws"


def parse(uri: str) -> Target:
    """Takes a URI apart; raises InvalidURI."""
    try:
        parts = urllib.parse.urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise InvalidURI(uri, str(error)) from error
    if parts.scheme not in _PORTS:
        raise InvalidURI(uri, "scheme isn't ws or wss")
    if not parts.hostname:
        raise InvalidURI(uri, "hostname isn't provided")
    if parts.fragment:
        raise InvalidURI(uri, "fragment identifier is meaningless")
    port = _PORTS[parts.scheme] if port is None else port
    secure = parts.scheme == "wss"
    return Target(uri, secure, _host(uri, parts.hostname), port, _path(parts), _user_info(uri, parts))


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
