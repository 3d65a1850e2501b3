"""Sends messages over TLS and prints what comes back: python wss_echo_client.py [--ca FILE] URL MESSAGE…

It takes the proxy that the environment names, follows redirects, and connects again when the connection is lost:
messages that have no answer yet are sent again then.
"""

import argparse
import sys
from typing import List

import wsrs


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca", help="a PEM file of CAs to trust instead of the system's")
    parser.add_argument("url")
    parser.add_argument("messages", nargs="+")
    arguments = parser.parse_args()
    missing: List[str] = list(arguments.messages)
    failed: List[str] = []

    def opened(conn: wsrs.Connection) -> None:
        for message in missing:
            conn.send(message)

    def received(conn: wsrs.Connection, message: str) -> None:
        print(message, flush=True)
        del missing[0]
        if not missing:
            conn.close()

    def again(conn: wsrs.Connection, retry: wsrs.Retry) -> None:
        why = retry.error or f"the connection was lost with code {retry.close.code if retry.close else 0}"
        print(f"{why}; attempt {retry.number} in {retry.delay:.1f} s", file=sys.stderr)

    def closed(conn: wsrs.Connection, info: wsrs.CloseInfo) -> None:
        if not info.clean:
            failed.append(f"the connection ended with code {info.code}")
        context.stop()

    def refused(conn: wsrs.Connection, error: wsrs.Error) -> None:
        failed.append(str(error))
        context.stop()

    with wsrs.Context(
        on_open=opened, on_message=received, on_retry=again, on_close=closed, on_error=refused
    ) as context:
        context.connect(
            arguments.url,
            tls=wsrs.Tls(ca_file=arguments.ca),
            proxy_from_env=True,
            max_redirects=5,
            reconnect=wsrs.Reconnect(max_tries=5),
        )
        context.run()
    for text in failed:
        print(text, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
