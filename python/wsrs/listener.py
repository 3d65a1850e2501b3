"""A listener. Made by context."""

from ctypes import byref, c_uint16
from typing import TYPE_CHECKING

from . import _native as native
from ._text import address_of
from .errors import ClosedError, check, result_error

if TYPE_CHECKING:
    from .context import Context


class Listener:
    """Takes connections of clients. Made by `Context.listen`. All of it: loop thread."""

    __slots__ = ("id", "context")

    def __init__(self, id: int, context: "Context") -> None:
        self.id = id
        self.context = context

    @property
    def address(self) -> str:
        """Where it listens: "127.0.0.1:40123", "unix:/run/x.sock". ClosedError."""
        return address_of(native.listener_address, self.id)

    @property
    def port(self) -> int:
        """The port it listens on, which the system chose when the address said 0. NotFoundError for a Unix socket;
        ClosedError."""
        port = c_uint16()
        check(native.listener_port(self.id, byref(port)))
        return port.value

    def close(self) -> None:
        """Takes no more connections; those it took stay. Does nothing when it is closed."""
        result = native.listener_close(self.id)
        if result and result != ClosedError.code:
            raise result_error(result)
