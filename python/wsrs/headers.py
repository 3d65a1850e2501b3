"""HTTP headers: those that came, and those to send.

Used by connection, request and errors.
"""

from ctypes import Array
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from ._structs import Header

HeadersLike = Union[Mapping[str, str], Iterable[Tuple[str, str]]]


class Headers(Mapping[str, str]):
    """Headers in the order in which they came. Upper and lower case of names are the same.

    `headers["name"]` is the first value of that name, or KeyError; `headers.get("name")` the same or None;
    `headers.get_all("name")` all of them. Iterating gives each name once, in lower case; `headers.raw` is the list of
    all lines as (name, value), as they came.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Iterable[Tuple[str, str]] = ()) -> None:
        self.raw: List[Tuple[str, str]] = list(raw)

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        for known, value in self.raw:
            if known.lower() == wanted:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(known.lower() == name.lower() for known, _ in self.raw)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self.raw))

    def __len__(self) -> int:
        return len(dict.fromkeys(name.lower() for name, _ in self.raw))

    def get_all(self, name: str) -> List[str]:
        """All values of that name, in order; empty without one."""
        wanted = name.lower()
        return [value for known, value in self.raw if known.lower() == wanted]

    def __repr__(self) -> str:
        return f"Headers({self.raw!r})"


def c_headers(headers: HeadersLike) -> Tuple[Optional["Array[Any]"], int]:
    """Headers to send as the array that the library takes, and their count. It refuses what may not be sent."""
    if isinstance(headers, Headers):
        pairs = headers.raw
    elif isinstance(headers, Mapping):
        pairs = list(headers.items())
    else:
        pairs = list(headers)
    if not pairs:
        return None, 0
    made = (Header * len(pairs))(*(_c_header(_bytes(name), _bytes(value)) for name, value in pairs))
    return made, len(pairs)


def _c_header(name: bytes, value: bytes) -> Header:
    return Header(name, len(name), value, len(value))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
