"""One message to many connections."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Optional

import wsrs

from .connection import Connection
from .exceptions import ConcurrencyError
from .loops import Driver
from .outbox import BYTES_LIKE, DataLike, kind_of


def broadcast(
    connections: Iterable[Connection],
    message: DataLike,
    *,
    text: Optional[bool] = None,
    raise_exceptions: bool = False,
) -> None:
    """Sends a message to connections, without waiting: it is framed and compressed once, and queued where the client is
    slow.

    Connections that are not open are passed over; so are those inside a message in fragments, with a warning in their
    log, or with ``raise_exceptions`` in an ExceptionGroup of ConcurrencyErrors (before Python 3.11 the
    first of them).
    """
    if not isinstance(message, (str, *BYTES_LIKE)):
        raise TypeError("a message must be str or bytes-like")
    kind = kind_of(text)
    ready: dict[Driver, list[wsrs.Connection]] = {}
    errors: list[Exception] = []
    prepared: Optional[wsrs.Prepared] = None
    for connection in connections:
        if not connection.is_open():
            continue
        if connection.outbox.is_fragmented:
            errors.append(ConcurrencyError("sending a fragmented message"))
            if not raise_exceptions:
                connection.logger.warning("skipped broadcast: sending a fragmented message")
        elif connection.outbox.has_room(connection.settings.high_water):
            ready.setdefault(connection.driver, []).append(connection.outbox.conn)
        else:
            prepared = prepared or wsrs.Prepared(message, kind)
            connection.outbox.push(prepared)
    for driver, conns in ready.items():
        driver.context.send_many(conns, message, kind)
    if raise_exceptions and errors:
        if sys.version_info >= (3, 11):
            raise ExceptionGroup("skipped broadcast", errors)
        raise errors[0]
