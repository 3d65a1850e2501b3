"""What the tests share: a context with a listener, and programs in processes of their own."""

import functools
import os
import subprocess
import sys
import textwrap
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import wsrs

PATIENCE = 20.0


class Case(unittest.TestCase):
    """A test with a context that is closed after it."""

    def context(self, **options: Any) -> wsrs.Context:
        context = wsrs.Context(**options)
        self.addCleanup(context.close)
        return context

    def until(self, context: wsrs.Context, done: Callable[[], object]) -> None:
        """Polls until something is true."""
        end = time.monotonic() + PATIENCE
        while not done():
            self.assertLess(time.monotonic(), end, "it did not happen")
            context.poll(1.0)

    def pair(self, context: wsrs.Context, **options: Any) -> Tuple[wsrs.Connection, wsrs.Connection]:
        """Both ends of an open connection: the client's, and the server's. Options are those of listen."""
        opened: List[wsrs.Connection] = []
        theirs = options.pop("on_open", None)

        def on_open(conn: wsrs.Connection) -> None:
            opened.append(conn)
            if theirs is not None:
                theirs(conn)

        listener = context.listen("127.0.0.1:0", on_open=on_open, **options)
        client = context.connect(url(listener), on_open=opened.append)
        self.until(context, lambda: len(opened) == 2)
        return client, opened[0] if opened[1] is client else opened[1]

    def against(self, context: wsrs.Context, work: Callable[[], object]) -> None:
        """Runs the context here, while something is done in another thread."""
        failures: list = []

        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)
            finally:
                context.stop()

        thread = threading.Thread(target=run)
        thread.start()
        context.run()
        thread.join()
        if failures:
            raise failures[0]

    def outcome(self, context: wsrs.Context, address: str, **options: Any) -> Any:
        """What connecting comes to: the open connection, or the error."""
        ended: List[Any] = []
        context.connect(address, on_open=ended.append, on_error=lambda conn, error: ended.append(error), **options)
        self.until(context, lambda: ended)
        return ended[0]


def url(listener: wsrs.Listener, target: str = "/", scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{listener.port}{target}"


@functools.lru_cache()
def certificates() -> Path:
    """The folder of those that scripts/certificates.sh of the clone makes: NAME.pem and NAME.key."""
    tree = os.environ.get("WSRS_TREE")
    if tree is None:
        raise unittest.SkipTest("WSRS_TREE names no clone")
    folder = Path(tree, "build", "tls")
    subprocess.run(["sh", str(Path(tree, "scripts", "certificates.sh")), str(folder)], check=True, timeout=PATIENCE * 3)
    return folder


def of_server(name: str = "server", **options: Any) -> wsrs.Tls:
    """A server's endpoint with one of these certificates."""
    folder = certificates()
    return wsrs.Tls(cert_file=folder / f"{name}.pem", key_file=folder / f"{name}.key", **options)


def of_client(**options: Any) -> wsrs.Tls:
    """A client's endpoint that trusts their authority."""
    return wsrs.Tls(ca_file=certificates() / "ca.pem", **options)


def program(text: str, *arguments: str, environment: Optional[dict] = None) -> "subprocess.CompletedProcess[str]":
    """Runs a Python program to its end."""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(text), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE * 2,
        env={**os.environ, **(environment or {})},
    )
