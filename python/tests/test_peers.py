"""Python websockets as client and as server; the examples as programs of their own."""

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import websockets
import websockets.asyncio.server
import websockets.exceptions
import websockets.sync.client
import wsrs
from support import PATIENCE, Case, certificates, url

MESSAGES = ["", "é\0", "x" * 70_000, b"", bytes(range(256)), b"\0" * 300_000]
TREE = os.environ.get("WSRS_TREE")


def for_threads(context: ssl.SSLContext) -> ssl.SSLContext:
    """Its sockets may be used by the two threads that a client of websockets has."""
    sys.path.append(str(Path(TREE or "", "tests", "interop")))
    import one_at_a_time

    return one_at_a_time.for_threads(context)


class TheirClient(Case):
    def test_echo_and_close(self) -> None:
        ends = []
        context = self.context(
            on_message=lambda conn, message: conn.send(message), on_close=lambda conn, info: ends.append(info)
        )
        target = url(context.listen("127.0.0.1:0", subprotocols=["b", "a"]))

        def work() -> None:
            with websockets.sync.client.connect(target, subprotocols=["a", "b"], compression=None) as client:
                self.assertEqual(client.subprotocol, "b")
                for message in MESSAGES:
                    client.send(message)
                    self.assertEqual(client.recv(PATIENCE), message)
                client.send(iter(["é", "a", "b"]))
                self.assertEqual(client.recv(PATIENCE), "éab")
                self.assertTrue(client.ping(b"p").wait(PATIENCE))
                client.close(4001, "done")

        self.against(context, work)
        self.assertEqual([end[:4] for end in ends], [(4001, "done", True, wsrs.By.REMOTE)])

    def test_a_refusal(self) -> None:
        context = self.context(on_request=lambda conn, request: conn.respond(401, {"X-Why": "no"}, b"who are you"))
        target = url(context.listen("127.0.0.1:0"))

        def work() -> None:
            with self.assertRaises(websockets.exceptions.InvalidStatus) as raised:
                websockets.sync.client.connect(target)
            response = raised.exception.response
            self.assertEqual((response.status_code, response.headers["X-Why"]), (401, "no"))
            self.assertEqual(response.body, b"who are you")

        self.against(context, work)


@contextmanager
def their_server(handler: Any, **options: Any) -> Iterator[int]:
    """A server of websockets in a thread of its own; its port."""
    ready, port, ends = threading.Event(), [], []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        done = asyncio.Event()
        ends.append(done.set)
        async with websockets.asyncio.server.serve(handler, "127.0.0.1", 0, **options) as server:
            port.append(server.sockets[0].getsockname()[1])
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        ready.wait(PATIENCE)
        yield port[0]
    finally:
        loop.call_soon_threadsafe(*ends)
        thread.join()
        loop.close()


class TheirServer(Case):
    def test_echo_and_close(self) -> None:
        async def echo(connection: Any) -> None:
            async for message in connection:
                if message == "close":
                    await connection.close(4002, "now")
                    return
                await connection.send(message)

        got, ends = [], []
        context = self.context(
            on_message=lambda conn, message: got.append(message), on_close=lambda conn, info: ends.append(info)
        )
        with their_server(echo) as port:
            opened: list = []
            conn = context.connect(f"ws://127.0.0.1:{port}/", on_open=opened.append)
            self.until(context, lambda: opened)
            for message in MESSAGES:
                conn.send(message)
                self.until(context, lambda: got)
                self.assertEqual(got.pop(), message)
            conn.send("close")
            self.until(context, lambda: ends)
        self.assertEqual([end[:4] for end in ends], [(4002, "now", True, wsrs.By.REMOTE)])

    def test_a_refusal(self) -> None:
        errors: list = []
        context = self.context(on_error=lambda conn, error: errors.append(error))
        with their_server(None, process_request=lambda conn, request: conn.respond(503, "later\n")) as port:
            context.connect(f"ws://127.0.0.1:{port}/")
            self.until(context, lambda: errors)
        self.assertIs(type(errors[0]), wsrs.RejectedError)
        self.assertEqual((errors[0].status, errors[0].body), (503, b"later\n"))
        self.assertEqual(errors[0].headers["content-type"], "text/plain; charset=utf-8")


@unittest.skipUnless(TREE, "WSRS_TREE names no clone")
class Examples(unittest.TestCase):
    """The examples of the clone, with the package that is installed."""

    @contextmanager
    def example(self, name: str, *arguments: str) -> Iterator[str]:
        """A server; what its first line says. It ends well by SIGTERM."""
        command = [sys.executable, str(Path(TREE or "", "python/examples", name)), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            self.process = server
            try:
                assert server.stdout is not None
                yield server.stdout.readline().strip()
            finally:
                server.send_signal(signal.SIGTERM)
                _, errors = server.communicate(timeout=PATIENCE)
        self.assertEqual((server.returncode, errors), (0, ""))

    def client(self, *arguments: str, name: str = "echo_client.py") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(Path(TREE or "", "python/examples", name)), *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)

    def test_echo(self) -> None:
        with self.example("echo_server.py", "127.0.0.1:0") as address:
            ran = self.client(f"ws://{address}/", "hello", "wörld")
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "hello\nwörld\n", ""))
            with websockets.sync.client.connect(f"ws://{address}/", max_size=None) as client:
                for message in MESSAGES:
                    client.send(message)
                    self.assertEqual(client.recv(PATIENCE), message)
        ran = self.client(f"ws://{address}/", "hello")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("refused", ran.stderr)

    def test_echo_over_tls(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            names = [str(shutil.copy(certificates() / f"server.{end}", f"{folder}/own.{end}")) for end in ("pem", "key")]
            with self.example("wss_echo_server.py", *names, "127.0.0.1:0") as address:
                port = int(address.rpartition(":")[2])
                ca = str(certificates() / "ca.pem")
                ran = self.client("--ca", ca, f"wss://localhost:{port}/", "hello", "wörld", name="wss_echo_client.py")
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "hello\nwörld\n", ""))
                self.assertRegex(self.process.stdout.readline(), r"^127\.0\.0\.1:\d+ TLS_1_3 TLS_\w+ new$")
                other = str(certificates() / "other-ca.pem")
                ran = self.client("--ca", other, f"wss://localhost:{port}/", "hello", name="wss_echo_client.py")
                self.assertEqual((ran.returncode, ran.stdout), (1, ""))
                self.assertIn("issuer", ran.stderr)
                context = for_threads(ssl.create_default_context(cafile=ca))
                with websockets.sync.client.connect(f"wss://localhost:{port}/", ssl=context, max_size=None) as client:
                    for message in MESSAGES:
                        client.send(message)
                        self.assertEqual(client.recv(PATIENCE), message)
                    before = ssl.get_server_certificate(("localhost", port))
                    for name, end in zip(names, ("pem", "key")):
                        shutil.copy(certificates() / f"server-2.{end}", name)
                    self.process.send_signal(signal.SIGHUP)
                    shown = (ssl.get_server_certificate(("localhost", port)) for _ in range(1000))
                    self.assertTrue(any(certificate != before for certificate in shown))
                    client.send("still there")
                    self.assertEqual(client.recv(PATIENCE), "still there")

    def test_chat(self) -> None:
        import urllib.request

        with self.example("chat_server.py", "127.0.0.1:0") as address:
            with urllib.request.urlopen(f"http://{address}/") as page:
                self.assertIn(b"new WebSocket", page.read())
            with self.assertRaises(websockets.exceptions.InvalidStatus):
                websockets.sync.client.connect(f"ws://{address}/chat", origin="http://elsewhere")
            target = f"ws://{address}/chat"
            with websockets.sync.client.connect(target) as first, websockets.sync.client.connect(target) as second:
                first.send("hello")
                self.assertTrue(second.recv(PATIENCE).endswith(": hello"))
                self.assertTrue(first.recv(PATIENCE).endswith(": hello"))

    def test_threads(self) -> None:
        with self.example("worker_threads.py", "127.0.0.1:0") as address:
            with websockets.sync.client.connect(f"ws://{address}/") as client:
                for number in (10, 20):
                    client.send(str(number))
                self.assertEqual({client.recv(PATIENCE) for _ in range(2)}, {"10: 55", "20: 6765"})


if __name__ == "__main__":
    unittest.main()
