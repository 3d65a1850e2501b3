"""Addresses: as the library writes them, as the socket module does, and what a host name stands for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Union


def socket_address(text: str) -> Any:
    """An address as the socket module has it, from the library's text."""
    if text.startswith("unix:"):
        return text[len("unix:") :]
    host, _, port = text.rpartition(":")
    if host.startswith("["):
        return host[1:-1], int(port), 0, 0
    return host, int(port)


class ListeningSocket:
    """What can be asked of a server's socket; the socket itself belongs to the library."""

    def __init__(self, address: str) -> None:
        self._address = socket_address(address)
        if isinstance(self._address, str):
            self.family = socket.AF_UNIX
        else:
            self.family = socket.AF_INET if len(self._address) == 2 else socket.AF_INET6
        self.type = socket.SOCK_STREAM

    def getsockname(self) -> Any:
        """Its address, in the form of ``socket.getsockname``."""
        return self._address


async def to_listen_on(
    loop: asyncio.AbstractEventLoop, host: Union[str, Sequence[str], None], port: int
) -> list[str]:
    """The addresses that a host, several, or None for all stand for, as the library reads them."""
    if not host:
        return [f"*:{port}"]
    names = [host] if isinstance(host, str) else host
    found: dict[str, None] = {}
    for name in names:
        for family, _, _, _, where in await loop.getaddrinfo(
            name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            found[f"[{where[0]}]:{port}" if family == socket.AF_INET6 else f"{where[0]}:{port}"] = None
    return list(found)
