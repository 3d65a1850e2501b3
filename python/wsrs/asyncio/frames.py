"""Close codes, the content of a Close frame, and the states of a connection (RFC 6455 sections 7.1 and 7.4)."""

from __future__ import annotations

import dataclasses
import enum
from typing import Union


class CloseCode(enum.IntEnum):
    """The close codes that have a name (RFC 6455 section 7.4.1 and the registry that continues it)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RCVD = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


_MEANINGS = {
    1000: "OK",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no status received [internal]",
    1006: "abnormal closure [internal]",
    1007: "invalid frame payload data",
    1008: "policy violation",
    1009: "message too big",
    1010: "mandatory extension",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "TLS handshake failure [internal]",
}


def _meaning(code: int) -> str:
    if 3000 <= code <= 3999:
        return "registered"
    if 4000 <= code <= 4999:
        return "private use"
    return _MEANINGS.get(code, "unknown")


@dataclasses.dataclass
class Close:
    """What a Close frame says."""

    code: Union[CloseCode, int]
    reason: str

    def __str__(self) -> str:
        words = f"{int(self.code)} ({_meaning(self.code)})"
        return f"{words} {self.reason}" if self.reason else words


class State(enum.IntEnum):
    """What a connection can do; the numbers are those of ``WSRS_STATE_*``."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


#: Codes below 3000 that the library sends.
SENT_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011})
#: Codes that end a connection the way it should.
OK_CODES = frozenset({1000, 1001, 1005})
