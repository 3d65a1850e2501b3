"""Sends every message back over TLS: python wss_echo_server.py CERT KEY [ADDRESS], until Ctrl-C or SIGTERM.

CERT and KEY are PEM files. SIGHUP reads them again, as after a renewal: who is connected stays connected.
"""

import signal
import sys

import wsrs


def opened(conn: wsrs.Connection) -> None:
    info = conn.tls_info()
    print(conn.peer_address, info.version.name, info.cipher, "resumed" if info.resumed else "new", flush=True)


def echo(conn: wsrs.Connection, message: "str | bytes") -> None:
    try:
        conn.send(message)
    except wsrs.AgainError:
        # The peer sends faster than it reads: keep this message, and read no more until what is queued has gone out.
        conn.user = message
        conn.pause()


def drained(conn: wsrs.Connection) -> None:
    conn.send(conn.user)
    conn.user = None
    conn.resume()


def main() -> None:
    cert, key = sys.argv[1:3]
    tls = wsrs.Tls(cert_file=cert, key_file=key)

    def reload() -> None:
        try:
            tls.set_cert(cert_file=cert, key_file=key)
        except wsrs.PemError as error:
            print(f"the certificate stays as it was: {error}", file=sys.stderr)

    with wsrs.Context(on_open=opened, on_message=echo, on_drain=drained) as context:
        listener = context.listen(sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:9443", tls=tls)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: context.stop())
        signal.signal(signal.SIGHUP, lambda *_: context.post(reload))
        print(listener.address, flush=True)
        context.run()


if __name__ == "__main__":
    main()
