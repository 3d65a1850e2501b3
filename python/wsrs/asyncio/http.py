"""Headers, requests and answers of the opening handshake, as a program sees them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Protocol, Union

import wsrs

from .exceptions import InvalidHeaderValue, MultipleValuesError

_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class _HasKeys(Protocol):
    def keys(self) -> Iterable[str]: ...

    def __getitem__(self, key: str) -> str: ...


HeadersLike = Union["Headers", Mapping[str, str], Iterable["tuple[str, str]"], _HasKeys]


def _latin(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("iso-8859-1")


class Headers(MutableMapping[str, str]):
    """HTTP headers in their order: names in any case, several values under one name.

    Looking up a name gives its only value; with several values it raises MultipleValuesError, and ``get_all`` gives
    them. Setting a name adds a value and keeps those that are there. Iterating gives each name once, in lower case.
    """

    __slots__ = ("_lines",)

    def __init__(self, *args: HeadersLike, **kwargs: str) -> None:
        self._lines: list[tuple[str, str]] = []
        self.update(*args, **kwargs)

    @classmethod
    def from_library(cls, headers: wsrs.Headers) -> Headers:
        """Headers that came: bytes above ASCII are taken as ISO 8859-1, as HTTP once had it."""
        made = cls()
        made._lines = [(name, _latin(value)) for name, value in headers.raw]
        return made

    def to_library(self) -> list[tuple[str, str]]:
        """Headers to send: the same bytes the other way."""
        return [(name, value.encode("iso-8859-1").decode("utf-8", "surrogateescape")) for name, value in self._lines]

    def get_all(self, key: str) -> list[str]:
        """All values of a header, in their order; none is an empty list."""
        wanted = key.lower()
        return [value for name, value in self._lines if name.lower() == wanted]

    def raw_items(self) -> Iterator[tuple[str, str]]:
        """Every line as it came: its name and value."""
        return iter(self._lines)

    def copy(self) -> Headers:
        """Headers of their own with the same lines."""
        return Headers(self)

    def serialize(self) -> bytes:
        """The lines as they stand in a head, with the empty line that ends it."""
        return str(self).encode("iso-8859-1")

    def update(self, *args: Any, **kwargs: str) -> None:
        """Adds the lines of other headers, of a mapping or of pairs."""
        for lines in args:
            super().update(lines.raw_items() if isinstance(lines, Headers) else lines)
        super().update(**kwargs)

    def clear(self) -> None:
        """Removes all."""
        self._lines.clear()

    def __getitem__(self, key: str) -> str:
        values = self.get_all(key)
        if not values:
            raise KeyError(key)
        if len(values) > 1:
            raise MultipleValuesError(key)
        return values[0]

    def __setitem__(self, key: str, value: str) -> None:
        # A line break in a value would begin a header of somebody else's choice.
        if not _VALUE.fullmatch(str(value)):
            raise InvalidHeaderValue(key, value)
        self._lines.append((key, str(value)))

    def __delitem__(self, key: str) -> None:
        unwanted = key.lower()
        left = [line for line in self._lines if line[0].lower() != unwanted]
        if len(left) == len(self._lines):
            raise KeyError(key)
        self._lines = left

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self.get_all(key))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self._lines))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._lines})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return {name: self.get_all(name) for name in self} == {name: other.get_all(name) for name in other}

    def __str__(self) -> str:
        return "".join(f"{name}: {value}\r\n" for name, value in self._lines) + "\r\n"

    def __repr__(self) -> str:
        return f"Headers({self._lines!r})"


@dataclasses.dataclass
class Request:
    """A client's request; ``path`` is its whole target, with the query."""

    path: str
    headers: Headers
    method: str = "GET"
    protocol: str = "HTTP/1.1"


@dataclasses.dataclass
class Response:
    """A server's answer."""

    status_code: int
    reason_phrase: str
    headers: Headers
    body: Union[bytes, bytearray] = b""
