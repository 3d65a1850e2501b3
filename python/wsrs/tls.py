"""TLS: what a program is and whom it trusts, and what was agreed on.

`Tls` is made by programs, and given to `Context.listen` and `Context.connect`; `TlsInfo` comes from
`Connection.tls_info`.
"""

import enum
import os
from ctypes import byref, c_uint64, string_at
from typing import Iterable, NamedTuple, Optional, Tuple, Union

from . import _native as native
from . import _structs
from ._owned import Owned
from ._text import c_names, c_path, c_text, text
from .errors import check

Path = Union[str, "os.PathLike[str]"]
Pem = Union[str, bytes]


class TlsVersion(enum.IntEnum):
    """A version of TLS."""

    TLS_1_2 = 771
    TLS_1_3 = 772


class ClientCerts(enum.IntEnum):
    """Whether a server asks its clients for a certificate."""

    NONE = 0  #: they are not asked
    OPTIONAL = 1  #: they may show one; one that can't be verified is refused
    REQUIRED = 2  #: those without one are refused


class TlsInfo(NamedTuple):
    """What TLS agreed on."""

    version: TlsVersion
    #: The cipher suite, like "TLS_AES_128_GCM_SHA256".
    cipher: str
    #: The protocol that ALPN chose; None: none.
    alpn: Optional[str]
    #: The name that the client asked for (SNI); None: none.
    server_name: Optional[str]
    #: The session goes on with the keys of an earlier one.
    resumed: bool
    #: The peer's certificate in DER; None: it showed none.
    peer_cert: Optional[bytes]
    #: Its subject, like "CN=client,O=Example" (RFC 4514); empty without one.
    peer_subject: str
    #: Its other names, like ("DNS:example.org", "IP:192.0.2.1").
    peer_names: Tuple[str, ...]


class Tls(Owned):
    """A TLS endpoint: what this program is and whom it trusts, for any number of listeners and connections of any
    context in the process. They share its certificates, its tickets and the sessions that it remembers, so make one and
    keep it.

        server = wsrs.Tls(cert_file="server.pem", key_file="server.key")
        context.listen("*:443", tls=server)
        context.connect("wss://example.org/", tls=wsrs.Tls(ca_file="our-ca.pem"))

    A client needs none: without one it trusts the CAs of the system, or those that the environment variables
    SSL_CERT_FILE and SSL_CERT_DIR name. A server needs a certificate. Files are read at once; PEM in memory goes before
    a file.

    cert_file, cert: the own certificate, of a server or of a client: a PEM file, or PEM in memory, with the certificate
        first, then those between it and its CA.
    key_file, key: its private key, not encrypted; None: it is with the certificate.
    ca_file, ca: CAs to trust; None: those of the system.
    ca_and_system: the CAs of the system are trusted beside these.
    client_certs: servers: whether clients are asked for a certificate. It is verified by `ca` or the system's CAs.
    alpn: protocols inside TLS, preferred first, like ["http/1.1"].
    min_version, max_version: `wsrs.TLS_1_2` or `wsrs.TLS_1_3`; None: 1.2 and 1.3.
    server_name: clients: this name is asked for (SNI) and looked for in the certificate, instead of the URL's.
    pins: clients: the server's key has to be one of these, each "sha256//" and the base64 of the SHA-256 of its
        SubjectPublicKeyInfo, beside everything else that is verified.
    dangerous_no_verification: clients take any certificate for any name, so that anybody on the way can read and change
        everything. Only `pins` are still looked at.
    no_resumption: no session is resumed.
    key_log: secrets are appended to the file that the environment variable SSLKEYLOGFILE names, for Wireshark.

    PemError for a certificate, key or CA that can't be read or used; ArgumentError; URLError for a `server_name` that
    can't be one; UnsupportedError in a build without TLS. All methods: any thread.
    """

    __slots__ = ()

    _free = staticmethod(native.tls_free)

    def __init__(
        self,
        *,
        cert_file: Optional[Path] = None,
        key_file: Optional[Path] = None,
        cert: Optional[Pem] = None,
        key: Optional[Pem] = None,
        ca_file: Optional[Path] = None,
        ca: Optional[Pem] = None,
        ca_and_system: bool = False,
        client_certs: ClientCerts = ClientCerts.NONE,
        alpn: Iterable[str] = (),
        min_version: Optional[TlsVersion] = None,
        max_version: Optional[TlsVersion] = None,
        server_name: Optional[str] = None,
        pins: Iterable[str] = (),
        dangerous_no_verification: bool = False,
        no_resumption: bool = False,
        key_log: bool = False,
    ) -> None:
        self.id = 0
        options = _structs.sized(_structs.TlsOptions)
        options.cert_file, options.key_file, options.ca_file = c_path(cert_file), c_path(key_file), c_path(ca_file)
        options.cert, options.cert_len = _pem(cert)
        options.key, options.key_len = _pem(key)
        options.ca, options.ca_len = _pem(ca)
        options.ca_and_system = ca_and_system
        options.client_certs = client_certs
        options.alpn = c_names(alpn, ", ")
        options.min_version, options.max_version = min_version or 0, max_version or 0
        options.server_name = None if server_name is None else c_text(server_name)
        options.pins = c_names(pins, ";")
        options.dangerous_no_verification = dangerous_no_verification
        options.no_resumption = no_resumption
        options.key_log = key_log
        id = c_uint64()
        check(native.tls_new(byref(options), byref(id)))
        self.id = id.value

    def set_cert(
        self,
        name: Optional[str] = None,
        *,
        cert_file: Optional[Path] = None,
        key_file: Optional[Path] = None,
        cert: Optional[Pem] = None,
        key: Optional[Pem] = None,
    ) -> None:
        """Adds a certificate, or replaces the one that is there, while listeners use the endpoint: handshakes from now on
        have the new one, connections that are open stay. Clients that ask for `name`, like "chat.example.org" or
        "*.example.org", get it; None: all others, and clients that ask for none. The rest as above. PemError,
        ArgumentError, ClosedError."""
        if (cert_file is None) == (cert is None):
            raise ValueError("give either cert_file or cert")
        for_name = None if name is None else c_text(name)
        if cert is None:
            check(native.tls_set_cert(self.id, for_name, c_path(cert_file), c_path(key_file)))
        else:
            check(native.tls_set_cert_pem(self.id, for_name, *_pem(cert), *_pem(key)))

    def remove_cert(self, name: Optional[str] = None) -> None:
        """Removes the certificate that was set for a name; None: that for all others. Connections that are open stay.
        NotFoundError, ClosedError."""
        check(native.tls_remove_cert(self.id, None if name is None else c_text(name)))


def tls_id(tls: Optional[Tls]) -> int:
    """For options of the library; 0: none."""
    if tls is None:
        return 0
    if not isinstance(tls, Tls):
        raise TypeError(f"TLS needs a wsrs.Tls, not {type(tls).__module__}.{type(tls).__name__}")
    return tls.id


def tls_info(id: int) -> TlsInfo:
    """Of a connection."""
    info = _structs.sized(_structs.TlsInfo)
    check(native.conn_tls(id, byref(info)))
    names = text(info.peer_names, info.peer_names_len)
    return TlsInfo(
        version=TlsVersion(info.version),
        cipher=text(info.cipher, info.cipher_len),
        alpn=text(info.alpn, info.alpn_len) if info.alpn else None,
        server_name=text(info.server_name, info.server_name_len) if info.server_name else None,
        resumed=bool(info.resumed),
        peer_cert=string_at(info.peer_cert, info.peer_cert_len) if info.peer_cert else None,
        peer_subject=text(info.peer_subject, info.peer_subject_len),
        peer_names=tuple(names.split(", ")) if names else (),
    )


def _pem(pem: Optional[Pem]) -> Tuple[Optional[bytes], int]:
    data = pem.encode() if isinstance(pem, str) else pem
    return data, 0 if data is None else len(data)
