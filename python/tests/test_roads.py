"""The way to a server: proxies, redirects, connecting again, where from, and with what socket."""

import base64
import contextlib
import os
import socket
import threading
import unittest
from typing import Any, Dict, List

import wsrs
from support import PATIENCE, Case, url


class Proxy:
    """Answers one request, then ends; keeps the head of it."""

    def __init__(self, answer: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE)
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.head = b""
        self._thread = threading.Thread(target=self._serve, args=(answer,))
        self._thread.start()

    def _serve(self, answer: bytes) -> None:
        conn, _ = self._listening.accept()
        conn.settimeout(PATIENCE)
        with self._listening, conn:
            while b"\r\n\r\n" not in self.head:
                self.head += conn.recv(4096)
            conn.sendall(answer)

    def join(self) -> None:
        self._thread.join()


class Proxies(Case):
    def refused(self, answer: bytes, **options: Any) -> wsrs.Error:
        proxy = Proxy(answer)
        options.setdefault("proxy", f"http://name:p%40ss@{proxy.address}")
        error = self.outcome(self.context(), "ws://there.invalid:81/", **options)
        proxy.join()
        self.head = proxy.head
        return error

    def test_what_it_is_asked_and_its_refusal(self) -> None:
        error = self.refused(b"HTTP/1.1 403 Forbidden\r\nX-Why: rules\r\nContent-Length: 3\r\n\r\nno!")
        self.assertIs(type(error), wsrs.ProxyError)
        self.assertEqual((error.stage, error.status, error.body), (wsrs.Stage.PROXY, 403, b"no!"))
        self.assertEqual(error.headers["x-why"], "rules")
        self.assertTrue(self.head.startswith(b"CONNECT there.invalid:81 HTTP/1.1\r\n"), self.head)
        self.assertIn(b"Basic " + base64.b64encode(b"name:p@ss"), self.head)

    def test_what_is_no_proxy(self) -> None:
        error = self.refused(b"nonsense\r\n\r\n")
        self.assertIs(type(error), wsrs.ProxyError)
        self.assertEqual((error.stage, error.status), (wsrs.Stage.PROXY, 0))
        context = self.context()
        with self.assertRaisesRegex(wsrs.URLError, "the proxy's address"):
            context.connect("ws://there/", proxy="ftp://here")

    def test_that_of_the_environment(self) -> None:
        proxy = Proxy(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        self.addCleanup(os.environ.pop, "ws_proxy", None)
        os.environ["ws_proxy"] = f"http://{proxy.address}"
        context = self.context()
        listener = context.listen("127.0.0.1:0")
        for options in ({}, {"proxy": "", "proxy_from_env": True}):
            self.assertIsInstance(self.outcome(context, url(listener), **options), wsrs.Connection)
        error = self.outcome(context, url(listener), proxy_from_env=True)
        proxy.join()
        self.assertEqual((type(error), error.status), (wsrs.ProxyError, 403))


class Redirects(Case):
    def test_they_are_followed_when_allowed(self) -> None:
        asked = []

        def on_request(conn: wsrs.Connection, request: wsrs.Request) -> None:
            asked.append((request.path, request.headers.get("cookie")))
            if request.path != "/end":
                conn.respond(302, {"Location": "/end"})

        context = self.context(on_request=on_request)
        listener = context.listen("127.0.0.1:0")
        error = self.outcome(context, url(listener, "/begin"))
        self.assertEqual((type(error), error.status, error.headers["location"]), (wsrs.RejectedError, 302, "/end"))
        conn = self.outcome(context, url(listener, "/begin"), max_redirects=1, headers={"Cookie": "a"})
        self.assertEqual(asked, [("/begin", None), ("/begin", "a"), ("/end", "a")])
        self.assertEqual(conn.stats().attempts, 2)
        self.assertEqual(context.stats().redirects, 1)
        with self.assertRaises(wsrs.ArgumentError):
            context.connect(url(listener), max_redirects=-1)


QUICK = wsrs.Reconnect(min_delay=0.001, max_delay=0.002, jitter=0, max_tries=3)


class Again(Case):
    def test_a_lost_connection_comes_again(self) -> None:
        opened, retries, ends = [], [], []
        context = self.context(on_close=lambda conn, info: ends.append((conn, info)))
        listener = context.listen(
            "127.0.0.1:0",
            on_request=lambda conn, request: conn.accept(headers={"X-Attempt": str(len(opened))}),
            on_open=lambda conn: conn.send("hello"),
            on_close=lambda conn, info: None,
        )

        def on_open(conn: wsrs.Connection) -> None:
            # Each answer has its own headers.
            self.assertEqual(conn.headers["x-attempt"], str(len(opened)))
            opened.append(conn)

        client = context.connect(
            url(listener),
            reconnect=QUICK,
            on_open=on_open,
            on_message=lambda conn, message: None if retries else self.server(context, client).abort(),
            on_retry=lambda conn, retry: retries.append((conn, retry)),
        )
        self.until(context, lambda: len(opened) == 2)
        self.assertEqual(opened, [client, client])
        ((conn, retry),) = retries
        self.assertIs(conn, client)
        self.assertEqual((retry.number, retry.delay, retry.error), (1, 0.001, None))
        self.assertEqual((retry.close.code, retry.close.by), (1006, wsrs.By.NETWORK))
        self.assertEqual((client.stats().attempts, client.stats().retries), (2, 1))
        self.assertEqual(ends, [])
        client.close(4000)
        self.until(context, lambda: ends)
        self.assertEqual((ends[0][0], ends[0][1].code, ends[0][1].error), (client, 4000, None))

    def server(self, context: wsrs.Context, client: wsrs.Connection) -> wsrs.Connection:
        return next(conn for conn in context.connections if conn is not client)

    def test_tries_are_used_up(self) -> None:
        retries: List[wsrs.Retry] = []
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"ws://127.0.0.1:{unused.getsockname()[1]}/"
            on_retry = lambda conn, retry: retries.append(retry)
            error = self.outcome(self.context(on_retry=on_retry), address, reconnect=QUICK)
        self.assertIs(type(error), wsrs.RefusedError)
        self.assertEqual([retry.number for retry in retries], [1, 2, 3])
        self.assertEqual({(retry.close, type(retry.error)) for retry in retries}, {(None, wsrs.RefusedError)})

    def test_the_end_of_one_that_was_open_has_its_error(self) -> None:
        ends: List[wsrs.CloseInfo] = []
        context = self.context(on_close=lambda conn, info: None)
        listener = context.listen("127.0.0.1:0")

        def lose(conn: wsrs.Connection) -> None:
            listener.close()
            self.server(context, conn).abort()

        context.connect(url(listener), reconnect=QUICK, on_open=lambda conn: context.post(lambda: lose(conn)),
                        on_close=lambda conn, info: ends.append(info))
        self.until(context, lambda: ends)
        self.assertEqual((ends[0].code, type(ends[0].error)), (1006, wsrs.RefusedError))

    def test_the_hook_leads_it_elsewhere_or_stops_it(self) -> None:
        asked: List[Any] = []

        def on_request(conn: wsrs.Connection, request: wsrs.Request) -> None:
            asked.append((request.path, request.headers.get("x-a"), request.headers.get("x-b")))
            if request.path != "/third":
                conn.respond(503)

        def on_retry(conn: wsrs.Connection, retry: wsrs.Retry) -> None:
            self.assertEqual(retry.error.status, 503)
            for wrong in ({"url": "http://x/"}, {"headers": {"a b": ""}}):
                with self.assertRaises(wsrs.ArgumentError):
                    conn.retarget(**wrong)
            if retry.number == 1:
                conn.retarget(url(listener, "/second"), {"X-B": "2"})
            else:
                conn.retarget(url(listener, "/third"), ())

        context = self.context(on_request=on_request)
        listener = context.listen("127.0.0.1:0")
        conn = self.outcome(context, url(listener), reconnect=QUICK, headers={"X-A": "1"}, on_retry=on_retry)
        self.assertEqual(asked, [("/", "1", None), ("/second", None, "2"), ("/third", None, None)])
        with self.assertRaises(wsrs.StateError):
            conn.retarget(url(listener))
        error = self.outcome(context, url(listener), reconnect=QUICK, on_retry=lambda conn, retry: conn.close())
        self.assertIs(type(error), wsrs.ClosedError)

    def test_what_the_hook_raises_comes_out(self) -> None:
        def on_retry(conn: wsrs.Connection, retry: wsrs.Retry) -> None:
            raise KeyError("of the hook")

        with self.assertRaises(KeyError):
            self.outcome(self.context(), "ws://127.0.0.1:1/", reconnect=QUICK, on_retry=on_retry)

    def test_options(self) -> None:
        for wrong in ({"min_delay": -1}, {"max_tries": 0}, {"factor": float("inf")}, {"stable": 2**32}):
            with self.assertRaises(ValueError):
                self.context().connect("ws://127.0.0.1:1/", reconnect=wsrs.Reconnect(**wrong))
        with self.assertRaises(wsrs.ArgumentError):
            self.context().connect("ws://127.0.0.1:1/", reconnect=wsrs.Reconnect(jitter=1.01))


OPTIONS = {
    "nodelay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "keepalive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "idle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "send": (socket.SOL_SOCKET, socket.SO_SNDBUF),
    "receive": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "user": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    "tos": (socket.IPPROTO_IP, socket.IP_TOS),
}


class Sockets(Case):
    def test_where_from(self) -> None:
        peers: List[str] = []
        context = self.context(on_request=lambda conn, request: peers.append(request.peer))
        listener = context.listen("127.0.0.1:0")
        conn = self.outcome(context, url(listener), source="127.0.0.2", interface="lo")
        self.assertRegex(peers[0], r"^127\.0\.0\.2:\d+$")
        self.assertEqual(conn.local_address, peers[0])
        for wrong in ({"source": "nonsense"}, {"interface": "none-such"}):
            with self.assertRaises(wsrs.AddressError):
                context.connect(url(listener), **wrong)

    def of_socket(self, conn: wsrs.Connection) -> Dict[str, int]:
        """What the system says of the connection's socket."""
        ends = conn.local_address, conn.peer_address
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(descriptor))) as found:
                if ends == tuple("%s:%d" % end for end in (found.getsockname(), found.getpeername())):
                    return {name: found.getsockopt(*which) for name, which in OPTIONS.items()}
        raise AssertionError(ends)

    def test_socket_options_reach_the_system(self) -> None:
        options = wsrs.SocketOptions(
            nagle=True, keepalive=29.1, send_buffer=50_000, receive_buffer=60_000, user_timeout=1.5, dscp=10
        )
        wanted = {"nodelay": 0, "keepalive": 1, "idle": 30, "send": 100_000, "receive": 120_000, "user": 1500, "tos": 40}
        context = self.context()
        client, server = self.pair(context, socket=options)
        self.assertEqual(self.of_socket(server), wanted)
        plain = self.of_socket(client)
        self.assertEqual((plain["nodelay"], plain["keepalive"], plain["user"], plain["tos"]), (1, 0, 0, 0))
        conn = self.outcome(context, f"ws://{server.local_address}/", socket=options)
        self.assertEqual(self.of_socket(conn), wanted)

    def test_options_that_cannot_be(self) -> None:
        for wrong in ({"dscp": 64}, {"keepalive": -1}, {"send_buffer": 2**32}):
            with self.assertRaises(ValueError):
                self.context().listen("127.0.0.1:0", socket=wsrs.SocketOptions(**wrong))


if __name__ == "__main__":
    unittest.main()
