"""The functions of a program that a connection calls, and how it wants its messages.

Made by context for itself and for each listen and connect that brings its own; read by _delivery.
"""

from typing import TYPE_CHECKING, Any, Callable, Optional

from .errors import Error
from .types import CloseInfo, Request

if TYPE_CHECKING:
    from .connection import Connection

OnRequest = Callable[["Connection", Request], object]
OnOpen = Callable[["Connection"], object]
# The message is str, bytes, memoryview or Piece, as `messages` and `streaming` say: one type here would fit no program.
OnMessage = Callable[["Connection", Any], object]
OnClose = Callable[["Connection", CloseInfo], object]
OnError = Callable[["Connection", Error], object]
OnDrain = Callable[["Connection"], object]
OnControl = Callable[["Connection", bytes], object]


class Handlers:
    """One set of them. What is not given is the context's."""

    __slots__ = (
        "on_request",
        "on_open",
        "on_message",
        "on_close",
        "on_error",
        "on_drain",
        "on_ping",
        "on_pong",
        "view",
        "streaming",
        "plain",
    )

    def __init__(
        self,
        base: Optional["Handlers"] = None,
        *,
        on_request: Optional[OnRequest] = None,
        on_open: Optional[OnOpen] = None,
        on_message: Optional[OnMessage] = None,
        on_close: Optional[OnClose] = None,
        on_error: Optional[OnError] = None,
        on_drain: Optional[OnDrain] = None,
        on_ping: Optional[OnControl] = None,
        on_pong: Optional[OnControl] = None,
        messages: Optional[str] = None,
        streaming: bool = False,
    ) -> None:
        if messages not in (None, "bytes", "view"):
            raise ValueError(f'messages is "bytes" or "view", not {messages!r}')
        self.on_request = on_request or (base and base.on_request)
        self.on_open = on_open or (base and base.on_open)
        self.on_message = on_message or (base and base.on_message)
        self.on_close = on_close or (base and base.on_close)
        self.on_error = on_error or (base and base.on_error)
        self.on_drain = on_drain or (base and base.on_drain)
        self.on_ping = on_ping or (base and base.on_ping)
        self.on_pong = on_pong or (base and base.on_pong)
        self.view = messages == "view" or (messages is None and base is not None and base.view)
        self.streaming = streaming
        #: Messages are whole, and str or bytes: the fast way of _delivery.
        self.plain = not self.view and not streaming
