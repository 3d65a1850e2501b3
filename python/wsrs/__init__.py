"""WebSockets (RFC 6455) on libwsrs: clients and servers, one event loop, callbacks.

    import wsrs

    def echo(conn, message):
        conn.send(message)

    with wsrs.Context(on_message=echo) as context:
        listener = context.listen("127.0.0.1:0")
        print(listener.port)
        context.run()

Start with `help(wsrs.Context)` and `help(wsrs.Connection)`. Errors are subclasses of `wsrs.Error`, limits stand in
`wsrs.Limits`. Times are in seconds, sizes in bytes.
"""

from . import errors as errors
from ._native import __version__ as __version__
from .connection import Connection as Connection
from .context import Context as Context
from .deflate import Deflate as Deflate
from .deflate import DeflateInfo as DeflateInfo
from .errors import AddressError as AddressError
from .errors import AgainError as AgainError
from .errors import ArgumentError as ArgumentError
from .errors import CertificateError as CertificateError
from .errors import CloseCodeError as CloseCodeError
from .errors import ClosedError as ClosedError
from .errors import DeniedError as DeniedError
from .errors import DescriptorsError as DescriptorsError
from .errors import Error as Error
from .errors import ForkedError as ForkedError
from .errors import HandshakeError as HandshakeError
from .errors import HeaderError as HeaderError
from .errors import InUseError as InUseError
from .errors import LimitError as LimitError
from .errors import NetworkError as NetworkError
from .errors import NotFoundError as NotFoundError
from .errors import NotOpenError as NotOpenError
from .errors import OutOfMemoryError as OutOfMemoryError
from .errors import PanicError as PanicError
from .errors import PeerError as PeerError
from .errors import PemError as PemError
from .errors import ProxyError as ProxyError
from .errors import ReentryError as ReentryError
from .errors import RefusedError as RefusedError
from .errors import RejectedError as RejectedError
from .errors import ResetError as ResetError
from .errors import ResolveError as ResolveError
from .errors import Stage as Stage
from .errors import StateError as StateError
from .errors import TextError as TextError
from .errors import ThreadError as ThreadError
from .errors import TimeoutError as TimeoutError
from .errors import TlsError as TlsError
from .errors import TooLargeError as TooLargeError
from .errors import UnreachableError as UnreachableError
from .errors import UnsupportedError as UnsupportedError
from .errors import URLError as URLError
from .headers import Headers as Headers
from .limits import OFF as OFF
from .limits import Limits as Limits
from .listener import Listener as Listener
from .options import Reconnect as Reconnect
from .options import SocketOptions as SocketOptions
from .prepared import Prepared as Prepared
from .stats import Stats as Stats
from .stats import Timings as Timings
from .stats import Totals as Totals
from .timer import Timer as Timer
from .tls import ClientCerts as ClientCerts
from .tls import Tls as Tls
from .tls import TlsInfo as TlsInfo
from .tls import TlsVersion as TlsVersion
from .types import By as By
from .types import CloseInfo as CloseInfo
from .types import Kind as Kind
from .types import LogLevel as LogLevel
from .types import Piece as Piece
from .types import Request as Request
from .types import Retry as Retry
from .types import State as State

TEXT = Kind.TEXT
BINARY = Kind.BINARY
TLS_1_2 = TlsVersion.TLS_1_2
TLS_1_3 = TlsVersion.TLS_1_3
