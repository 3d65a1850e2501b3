"""The functions of a program that a connection calls, and how it wants its messages.

Made by context for itself and for each listen and connect that brings its own; read by _delivery.
"""

from typing import TYPE_CHECKING, Any, Callable, Optional

from .errors import Error
from .types import CloseInfo, Request, Retry

if TYPE_CHECKING:
    from .connection import Connection

OnRequest = Callable[["Connection", Request], object]
OnOpen = Callable[["Connection"], object]
# The message is str, bytes, memoryview or Piece, as `messages` and `streaming` say: one type here would fit no program.
OnMessage = Callable[["Connection", Any], object]
OnClose = Callable[["Connection", CloseInfo], object]
OnError = Callable[["Connection", Error], object]
OnRetry = Callable[["Connection", Retry], object]
OnDrain = Callable[["Connection"], object]
OnControl = Callable[["Connection", bytes], object]


_NAMES = ("on_request", "on_open", "on_message", "on_close", "on_error", "on_retry", "on_drain", "on_ping", "on_pong")


class Handlers:
    """One set of them. What is not given is that of `base`, the context's."""

    __slots__ = (*_NAMES, "view", "streaming", "plain")

    on_request: Optional[OnRequest]
    on_open: Optional[OnOpen]
    on_message: Optional[OnMessage]
    on_close: Optional[OnClose]
    on_error: Optional[OnError]
    on_retry: Optional[OnRetry]
    on_drain: Optional[OnDrain]
    on_ping: Optional[OnControl]
    on_pong: Optional[OnControl]

    def __init__(
        self, base: Optional["Handlers"], messages: Optional[str] = None, streaming: bool = False, **given: Any
    ) -> None:
        if messages not in (None, "bytes", "view"):
            raise ValueError(f'messages is "bytes" or "view", not {messages!r}')
        for name in _NAMES:
            setattr(self, name, given.get(name) or getattr(base, name, None))
        self.view: bool = messages == "view" or (messages is None and base is not None and base.view)
        self.streaming = streaming
        #: Messages are whole, and str or bytes: the fast way of _delivery.
        self.plain = not self.view and not streaming
