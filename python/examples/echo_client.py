"""Sends messages and prints what comes back: python echo_client.py URL MESSAGE…"""

import sys

import wsrs


def main() -> int:
    url, messages = sys.argv[1], sys.argv[2:]
    failed = []
    missing = len(messages)

    def opened(conn: wsrs.Connection) -> None:
        for message in messages:
            conn.send(message)

    def received(conn: wsrs.Connection, message: str) -> None:
        nonlocal missing
        print(message)
        missing -= 1
        if missing == 0:
            conn.close()

    def closed(conn: wsrs.Connection, info: wsrs.CloseInfo) -> None:
        if not info.clean:
            failed.append(f"the connection ended with code {info.code}")
        context.stop()

    def refused(conn: wsrs.Connection, error: wsrs.Error) -> None:
        failed.append(f"{error} {error.body.decode(errors='replace')}".strip())
        context.stop()

    with wsrs.Context(on_open=opened, on_message=received, on_close=closed, on_error=refused) as context:
        context.connect(url)
        context.run()
    for text in failed:
        print(text, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
