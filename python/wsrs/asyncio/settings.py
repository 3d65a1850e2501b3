"""The keyword arguments that ``serve`` and ``connect`` share, and what they mean to the library."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Optional, Union

import wsrs

from . import exceptions

Pair = Union[int, None, "tuple[Optional[int], Optional[int]]"]


@dataclasses.dataclass
class Settings:
    """Limits and deadlines; times in seconds, None for none."""

    open_timeout: Optional[float]
    ping_interval: Optional[float]
    ping_timeout: Optional[float]
    close_timeout: Optional[float]
    max_size: Pair
    max_queue: Pair
    write_limit: Union[int, "tuple[int, Optional[int]]"]

    def __post_init__(self) -> None:
        high, low = _pair(self.max_queue)
        if high is None and low is not None:
            high = 4 * low
        if high is not None and low is None:
            low = high // 4
        if high is not None and low is not None and not 0 <= low <= high:
            raise ValueError("the low mark of max_queue must be between 0 and its high mark")
        #: Pieces of messages in the inbox: where receiving pauses, and where it goes on.
        self.queue = high, low
        #: Bytes queued from which sending waits.
        self.high_water = max(self.write_limit if isinstance(self.write_limit, int) else self.write_limit[0], 1)

    def limits(self) -> wsrs.Limits:
        """The same for the library."""
        message, frame = _pair(self.max_size)
        return wsrs.Limits(
            max_message=_or_off(message, 1),
            max_frame=_or_off(frame if isinstance(self.max_size, tuple) else message, 1),
            max_fragments=4096,
            max_headers=128,
            max_connections_per_address=wsrs.OFF,
            high_water=self.high_water,
            connect_timeout=_or_off(self.open_timeout),
            handshake_timeout=_or_off(self.open_timeout),
            close_timeout=_or_off(self.close_timeout),
            ping_interval=_or_off(self.ping_interval),
            pong_timeout=_or_off(self.ping_timeout),
        )


def _pair(value: Any) -> tuple[Optional[int], Optional[int]]:
    return value if isinstance(value, tuple) else (value, None)


def _or_off(value: Optional[float], least: float = 0.001) -> float:
    # The library takes 0 for its default: what is nearest to it.
    return wsrs.OFF if value is None else max(value, least)


def check_subprotocols(subprotocols: Optional[Sequence[str]]) -> None:
    """One text instead of a list of them is a mistake that would offer its letters."""
    if subprotocols is not None and isinstance(subprotocols, str):
        raise TypeError("subprotocols must be a list")


def choose_deflate(
    compression: Optional[str], deflate: Optional[wsrs.Deflate], extensions: Any, default: wsrs.Deflate
) -> Optional[wsrs.Deflate]:
    """What ``compression=`` and ``deflate=`` mean to the library; ``default`` is for programs that give none."""
    if compression not in (None, "deflate"):
        raise ValueError(f"unsupported compression: {compression}")
    if extensions:
        raise exceptions.NegotiationError("extensions aren't supported; deflate=wsrs.Deflate(…) has those of compression")
    if deflate is not None and not isinstance(deflate, wsrs.Deflate):
        raise TypeError(f"deflate must be a wsrs.Deflate, not {type(deflate).__module__}.{type(deflate).__name__}")
    if compression is None:
        if deflate is not None:
            raise ValueError('deflate needs compression="deflate"')
        return None
    return default if deflate is None else deflate
