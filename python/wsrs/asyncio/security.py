"""``ssl=`` of ``connect`` and ``serve``: which TLS endpoint it stands for."""

from __future__ import annotations

from typing import Any, Optional, Union

import wsrs

TlsLike = Union[wsrs.Tls, bool, None]


def of_client(ssl: TlsLike, server_hostname: Optional[str], prefix: str = "") -> Optional[wsrs.Tls]:
    """None is the library's own, which trusts the CAs of the system. ``prefix`` stands before the arguments' names."""
    tls = None if ssl is True else _checked(ssl, prefix, f"{prefix}ssl=wsrs.Tls(ca_file=…), or {prefix}ssl=True")
    if server_hostname is None:
        return tls
    if tls is not None:
        raise ValueError(f"give the Tls its server_name instead of {prefix}server_hostname")
    return wsrs.Tls(server_name=server_hostname)


def of_server(ssl: Optional[wsrs.Tls]) -> Optional[wsrs.Tls]:
    """None speaks no TLS."""
    return _checked(ssl, "", "ssl=wsrs.Tls(cert_file=…, key_file=…)")


def _checked(ssl: Any, prefix: str, instead: str) -> Optional[wsrs.Tls]:
    if ssl is None or isinstance(ssl, wsrs.Tls):
        return ssl
    raise TypeError(
        f"{prefix}ssl can't be {type(ssl).__module__}.{type(ssl).__name__}, since the library brings its own TLS: "
        f"pass {instead}"
    )
