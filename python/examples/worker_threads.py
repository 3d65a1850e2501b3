"""Answers come from other threads: python worker_threads.py [ADDRESS]. Send a number, get that Fibonacci number."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import wsrs


def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def answer(conn: wsrs.Connection, message: str) -> None:
    number = int(message) if message.isdigit() and len(message) < 3 else 0
    try:
        conn.send(f"{number}: {fibonacci(number)}")
    except wsrs.ClosedError:
        # The client went away meanwhile. A connection that is gone is no danger, whatever the thread.
        pass


def main() -> None:
    with ThreadPoolExecutor() as workers, wsrs.Context() as context:
        listener = context.listen(
            sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9003",
            on_message=lambda conn, message: workers.submit(answer, conn, message),
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: context.stop())
        print(listener.address, flush=True)
        context.run()


if __name__ == "__main__":
    main()
