"""Sends every message back: python echo_server.py [ADDRESS], until Ctrl-C or SIGTERM."""

import signal
import sys

import wsrs


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
    with wsrs.Context(on_message=echo, on_drain=drained) as context:
        listener = context.listen(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9001")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: context.stop())
        print(listener.address, flush=True)
        context.run()


if __name__ == "__main__":
    main()
