"""The opening handshake: what servers see of a request, how they answer, and what clients learn."""

import socket
import unittest

import wsrs
from support import Case, url


class Requests(Case):
    def test_what_a_request_says(self) -> None:
        seen = []
        context = self.context(
            on_request=lambda conn, request: seen.append((conn, request)),
            on_open=lambda conn: seen.append((conn, conn.path, conn.query)),
        )
        listener = context.listen("127.0.0.1:0", subprotocols=["chat", "superchat"])
        client = context.connect(
            url(listener, "/a%20b?x=1&y"),
            headers=[("X-One", "1"), ("x-one", "é")],
            subprotocols=["other", "superchat"],
            on_open=lambda conn: seen.append((conn, conn.subprotocol)),
        )
        self.until(context, lambda: len(seen) == 3)
        server, request = seen[0]
        self.assertIs(seen[1][0], server)
        self.assertEqual(request[:4], (True, "GET", "/a%20b", "x=1&y"))
        self.assertEqual(request.headers.get_all("X-ONE"), ["1", "é"])
        self.assertEqual(request.headers["x-one"], "1")
        self.assertEqual(request.subprotocols, ("other", "superchat"))
        self.assertEqual(request.peer, client.local_address)
        self.assertEqual(seen[2], (client, "superchat"))
        self.assertEqual(server.subprotocol, "superchat")
        self.assertEqual((server.path, server.query), ("/a%20b", "x=1&y"))
        self.assertEqual(server.headers.raw, request.headers.raw)
        self.assertEqual(client.headers["upgrade"], "websocket")
        with self.assertRaises(wsrs.NotFoundError):
            client.path

    def test_names_and_addresses_that_are_none(self) -> None:
        context = self.context()
        for names in (["a,b"], [""], ["ok", "no way"]):
            with self.assertRaises(wsrs.HeaderError):
                context.listen("127.0.0.1:0", subprotocols=names)
            with self.assertRaises(wsrs.HeaderError):
                context.connect("ws://127.0.0.1:9/", subprotocols=names)
        with self.assertRaisesRegex(TypeError, "str is needed, not int"):
            context.listen(8080)  # type: ignore[arg-type]

    def test_without_keep(self) -> None:
        context = self.context()
        client, server = self.pair(context, keep_request=False)
        with self.assertRaises(wsrs.NotFoundError):
            server.path
        with self.assertRaises(wsrs.NotFoundError):
            server.headers
        read = []
        client, server = self.pair(context, keep_request=False, on_open=lambda conn: read.append((conn.path, conn.headers)))
        self.assertEqual((server.path, server.headers), read[0])

    def test_accept_with_headers(self) -> None:
        def decide(conn: wsrs.Connection, request: wsrs.Request) -> None:
            with self.assertRaises(wsrs.HeaderError):
                conn.accept("not offered")
            with self.assertRaises(wsrs.HeaderError):
                conn.accept(headers={"X": "a\r\nb"})
            conn.accept("b", {"X-Served-By": "one"})
            with self.assertRaises(wsrs.StateError):
                conn.accept()

        context = self.context(on_request=decide)
        opened = []
        client = context.connect(url(context.listen("127.0.0.1:0")), subprotocols=["a", "b"], on_open=opened.append)
        self.until(context, lambda: opened)
        self.assertEqual((client.subprotocol, client.headers["x-served-by"]), ("b", "one"))

    def test_a_refusal_carries_everything(self) -> None:
        ends = []
        context = self.context(
            on_request=lambda conn, request: conn.respond(403, {"X-Why": "because"}, "not you é"),
            on_close=lambda conn, info: ends.append(info),
        )
        errors = []
        client = context.connect(
            url(context.listen("127.0.0.1:0")), on_error=lambda conn, error: errors.append((conn, error))
        )
        self.until(context, lambda: errors and ends)
        conn, error = errors[0]
        self.assertIs(conn, client)
        self.assertIs(type(error), wsrs.RejectedError)
        self.assertEqual((error.code, error.stage, error.status), (-501, wsrs.Stage.HANDSHAKE, 403))
        self.assertEqual((error.headers["x-why"], error.body), ("because", "not you é".encode()))
        self.assertIn("403", str(error))
        self.assertEqual(ends[0].code, 0)
        self.assertEqual(client.state, wsrs.State.CLOSED)

    def test_decided_later(self) -> None:
        waiting = []

        def decide(conn: wsrs.Connection, request: wsrs.Request) -> None:
            conn.defer()
            waiting.append(conn)

        context = self.context(on_request=decide)
        opened = []
        context.connect(url(context.listen("127.0.0.1:0")), on_open=opened.append)
        self.until(context, lambda: waiting)
        self.assertEqual(opened, [])
        self.assertEqual(waiting[0].state, wsrs.State.CONNECTING)
        with self.assertRaises(wsrs.NotOpenError):
            waiting[0].send("x")
        waiting[0].accept()
        self.until(context, lambda: opened)

    def test_a_page(self) -> None:
        context = self.context(
            on_request=lambda conn, request: conn.respond(200, [("Content-Type", "text/plain")], request.path)
        )
        listener = context.listen("127.0.0.1:0")
        with socket.create_connection(("127.0.0.1", listener.port)) as browser:
            browser.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
            browser.setblocking(False)
            got = bytearray()

            def answered() -> bool:
                try:
                    part = browser.recv(4096)
                except BlockingIOError:
                    return False
                got.extend(part)
                return not part

            self.until(context, answered)
        self.assertTrue(got.startswith(b"HTTP/1.1 200 "), got)
        self.assertIn(b"Content-Type: text/plain\r\n", got)
        self.assertTrue(got.endswith(b"\r\n\r\n/page"), got)

    def test_nobody_listens(self) -> None:
        context = self.context()
        listener = context.listen("127.0.0.1:0")
        target = url(listener)
        listener.close()
        listener.close()
        with self.assertRaises(wsrs.ClosedError):
            listener.port
        errors = []
        context.connect(target, on_error=lambda conn, error: errors.append(error))
        self.until(context, lambda: errors)
        self.assertIs(type(errors[0]), wsrs.RefusedError)
        self.assertEqual(errors[0].stage, wsrs.Stage.CONNECT)
        self.assertEqual((errors[0].status, errors[0].body, len(errors[0].headers)), (0, b"", 0))

    def test_wrong_options(self) -> None:
        context = self.context()
        for wrong, error in (
            (lambda: context.listen("nonsense"), wsrs.AddressError),
            (lambda: context.listen("127.0.0.1:0\0"), ValueError),
            (lambda: context.connect("http://x/"), wsrs.URLError),
            (lambda: context.connect("ws://x/", headers={"a b": "c"}), wsrs.HeaderError),
            (lambda: context.connect("ws://x/", subprotocols=["a b"]), wsrs.HeaderError),
            (lambda: context.listen("127.0.0.1:0", backlog=-1), wsrs.ArgumentError),
            (lambda: context.listen("127.0.0.1:0", limits=wsrs.Limits(max_message=0)), ValueError),
        ):
            with self.assertRaises(error):
                wrong()
        self.assertEqual(context.connections, ())

    def test_unix_socket(self) -> None:
        import os
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            context = self.context(on_message=lambda conn, message: got.append(message))
            got: list = []
            listener = context.listen(f"unix:{path}", unix_mode=0o600)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            self.assertEqual(listener.address, f"unix:{path}")
            with self.assertRaises(wsrs.NotFoundError):
                listener.port
            context.connect(f"ws+unix:{path}:/", on_open=lambda conn: conn.send("over a file"))
            self.until(context, lambda: got)
            self.assertEqual(got, ["over a file"])


class Headers(unittest.TestCase):
    def test_a_mapping_with_several_values(self) -> None:
        headers = wsrs.Headers([("A", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual((headers["a"], headers.get("B"), headers.get("c")), ("1", "2", None))
        self.assertEqual(headers.get_all("A"), ["1", "3"])
        self.assertEqual((list(headers), len(headers)), (["a", "b"], 2))
        self.assertIn("A", headers)
        self.assertNotIn(7, headers)
        self.assertEqual(dict(headers), {"a": "1", "b": "2"})
        self.assertEqual(headers.raw, [("A", "1"), ("b", "2"), ("a", "3")])
        with self.assertRaises(KeyError):
            headers["c"]


if __name__ == "__main__":
    unittest.main()
