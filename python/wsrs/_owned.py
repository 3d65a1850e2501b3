"""Objects of the library that belong to a Python object: freed by `close`, at the end of a `with` block, or with the last
reference.

The base of Tls and Prepared.
"""

from types import TracebackType
from typing import NoReturn, Optional, Type, TypeVar

from .errors import check

Self = TypeVar("Self", bound="Owned")


class Owned:
    """`id` is 0 until the library has made it."""

    __slots__ = ("id", "__weakref__")

    id: int

    @staticmethod
    def _free(id: int) -> int:
        raise NotImplementedError

    def close(self) -> None:
        """Frees it. Whoever uses it keeps what it needs. Does nothing when it is closed."""
        check(self._free(self.id))

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Not set where the arguments were wrong.
        id = getattr(self, "id", 0)
        if id:
            self._free(id)

    def __repr__(self) -> str:
        return f"<wsrs.{type(self).__name__} {self.id:#x}>"

    def __reduce__(self) -> NoReturn:
        # A copy would free what it shares with its original.
        raise TypeError(f"a {type(self).__name__} can't be copied or pickled")
