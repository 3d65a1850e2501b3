"""A timer. Made by context."""

from typing import TYPE_CHECKING

from . import _native as native
from .errors import ClosedError, result_error

if TYPE_CHECKING:
    from .context import Context


class Timer:
    """Calls a function after a time. Made by `Context.timer`."""

    __slots__ = ("id", "context")

    def __init__(self, id: int, context: "Context") -> None:
        self.id = id
        self.context = context

    def cancel(self) -> None:
        """The function is not called any more. It may be called inside that function, and does nothing when the timer
        is gone. Loop thread."""
        result = native.timer_cancel(self.id)
        if result and result != ClosedError.code:
            raise result_error(result)
        self.context._delivery.timers.pop(self.id, None)
