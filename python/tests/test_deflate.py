"""Compression (RFC 7692): settings, what is agreed on, what is on the wire, counters. With websockets: test_deflate_peers."""

import re
import socket
import unittest
import zlib
from typing import Any, Callable, Dict, List, Optional, Tuple

import wsrs
from support import PATIENCE, Case, url
from wsrs import _structs
from wsrs.deflate import c_deflate

TEXT = "words of a message and words of another one, " * 40
FIN, RSV1, TEXT_FRAME, BINARY_FRAME = 0x80, 0x40, 1, 2
COMPRESSED = FIN | RSV1


class Raw:
    """A client that shows frames as they are."""

    def __init__(self, listener: wsrs.Listener, offer: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", listener.port), PATIENCE)
        self._bytes = b""
        self._socket.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: " + offer.encode() + b"\r\n\r\n"
        )

    def answer(self) -> Optional[str]:
        """What the server agreed to."""
        while b"\r\n\r\n" not in self._bytes:
            self._receive()
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        found = re.search(r"(?im)^sec-websocket-extensions: *(.*?)\r?$", head.decode())
        return found and found[1]

    def frame(self) -> Tuple[int, bytes]:
        """The first byte, and the payload."""
        first, length = self._take(2)
        if length == 126:
            length = int.from_bytes(self._take(2), "big")
        return first, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._receive()
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def _receive(self) -> None:
        received = self._socket.recv(65536)
        if not received:
            raise EOFError
        self._bytes += received

    def close(self) -> None:
        self._socket.close()


class Inflater:
    """What a peer does with compressed payloads, in the order in which they come."""

    def __init__(self) -> None:
        self._context = zlib.decompressobj(-15)

    def __call__(self, payload: bytes) -> bytes:
        return self._context.decompress(payload + b"\0\0\xff\xff")


class DeflateCase(Case):
    def both(self, context: wsrs.Context, server: Any, client: Any, **options: Any) -> Tuple[wsrs.Connection, ...]:
        """Both ends of a connection: the client's and the server's. Options are those of listen."""
        opened: List[wsrs.Connection] = []
        listener = context.listen("127.0.0.1:0", deflate=server, on_open=opened.append, **options)
        conn = self.outcome(context, url(listener), deflate=client)
        self.assertIsInstance(conn, wsrs.Connection, conn)
        self.until(context, lambda: opened)
        return conn, opened[0]

    def raw(self, context: wsrs.Context, deflate: Any, count: int = 1, offer: str = "permessage-deflate") -> Any:
        """Clients that look at frames, and the server's ends of them, in the same order."""
        opened: List[wsrs.Connection] = []
        listener = context.listen("127.0.0.1:0", deflate=deflate, on_open=opened.append)
        raws = []
        for number in range(count):
            raws.append(Raw(listener, offer))
            self.addCleanup(raws[-1].close)
            self.until(context, lambda: len(opened) > number)
        return raws, opened


class Agreed(DeflateCase):
    def test_what_both_want(self) -> None:
        Deflate = wsrs.Deflate
        for server, client, expected in (
            (True, True, (False, False, 15, 15)),
            (Deflate(), Deflate(), (False, False, 15, 15)),
            (Deflate(no_takeover=True), True, (True, False, 15, 15)),
            (True, Deflate(no_takeover=True), (False, True, 15, 15)),
            (Deflate(peer_no_takeover=True, peer_window_bits=10), True, (False, True, 15, 10)),
            (Deflate(window_bits=9), Deflate(peer_window_bits=12, peer_no_takeover=True), (True, False, 9, 15)),
            (True, Deflate(window_bits=8, peer_window_bits=8), (False, False, 8, 8)),
            (None, True, None),
            (False, Deflate(), None),
            (True, None, None),
            (Deflate(), False, None),
        ):
            with self.subTest(server=server, client=client):
                got: List[Any] = []
                context = self.context(on_message=lambda conn, message: got.append(message))
                ends = self.both(context, server, client)
                self.assertEqual([end.deflate for end in ends], [expected, expected])
                for end in ends:
                    end.send(TEXT)
                    end.send(b"\0" * 10_000)
                self.until(context, lambda: len(got) == 4)
                self.assertEqual([got.count(TEXT), got.count(b"\0" * 10_000)], [2, 2])
                self.assertEqual(ends[0].stats().deflated_to > 0, expected is not None)

    def test_before_and_after(self) -> None:
        context = self.context()
        listener = context.listen("127.0.0.1:0", deflate=True)
        conn = context.connect(url(listener), deflate=True)
        with self.assertRaises(wsrs.NotOpenError):
            conn.deflate
        self.until(context, lambda: conn.state is wsrs.State.OPEN)
        self.assertEqual(conn.deflate, wsrs.DeflateInfo(False, False, 15, 15))
        context.close()
        with self.assertRaises(wsrs.ClosedError):
            conn.deflate

    def test_what_cannot_be(self) -> None:
        context = self.context()
        outside = "is out of range; None is the default"
        for members, error, words in (
            ({"level": 10}, wsrs.ArgumentError, "level is not from 1 to 9"),
            ({"memory_level": 10}, wsrs.ArgumentError, "memory_level is not from 1 to 9"),
            ({"window_bits": 7}, wsrs.ArgumentError, "window_bits is not from 8 to 15"),
            ({"window_bits": 16}, wsrs.ArgumentError, "window_bits is not from 8 to 15"),
            ({"peer_window_bits": 16}, wsrs.ArgumentError, "peer_window_bits is not from 8 to 15"),
            ({"level": 0}, ValueError, f"level {outside}"),
            ({"min_size": -1}, ValueError, f"min_size {outside}"),
            ({"window_bits": 2**32 + 9}, ValueError, f"window_bits {outside}"),
            ({"release_after": 0}, ValueError, f"release_after {outside}"),
            ({"release_after": 2**32 / 1000}, ValueError, f"release_after {outside}"),
            ({"level": "high"}, TypeError, ""),
        ):
            with self.subTest(**members):
                deflate = wsrs.Deflate(**members)
                with self.assertRaisesRegex(error, words):
                    context.listen("127.0.0.1:0", deflate=deflate)
                with self.assertRaisesRegex(error, words):
                    context.connect("ws://127.0.0.1:9/", deflate=deflate)
        for wrong in ("deflate", 6, {"level": 6}):
            with self.assertRaisesRegex(TypeError, f"deflate is a wsrs.Deflate, True or None, not builtins.{type(wrong).__name__}"):
                context.listen("127.0.0.1:0", deflate=wrong)
        with self.assertRaises(TypeError):
            wsrs.Deflate(strength=6)
        self.assertEqual(context.connections, ())

    def test_every_member_goes_to_the_library(self) -> None:
        deflate = wsrs.Deflate(
            level=1, memory_level=2, window_bits=8, no_takeover=True, peer_window_bits=9, min_size=7, release_after=0.5
        )
        wanted = {"size": 40, "level": 1, "memory_level": 2, "window_bits": 8, "no_takeover": 1, "peer_window_bits": 9}
        wanted.update(peer_no_takeover=0, min_size=7, release_after_ms=500)
        self.assertEqual(self.members(deflate), wanted)
        self.assertEqual(self.members(wsrs.Deflate(peer_no_takeover=True))["peer_no_takeover"], 1)
        self.assertEqual(self.members(wsrs.Deflate(release_after=wsrs.OFF))["release_after_ms"], 2**32 - 1)
        self.assertEqual(sum(self.members(True).values()), 40)
        self.assertIsNone(c_deflate(False))

    def members(self, deflate: Any) -> Dict[str, int]:
        made = c_deflate(deflate).contents
        return {name: getattr(made, name) for name, *_ in _structs.DeflateOptions._fields_}


class OnTheWire(DeflateCase):
    def test_takeover_on_and_off(self) -> None:
        for no_takeover in (False, True):
            with self.subTest(no_takeover=no_takeover):
                (raw,), (server,) = self.raw(self.context(), wsrs.Deflate(no_takeover=no_takeover))
                self.assertEqual("server_no_context_takeover" in raw.answer(), no_takeover)
                inflate, payloads = Inflater(), []
                for _ in range(2):
                    server.send(TEXT)
                    first, payload = raw.frame()
                    self.assertEqual((first, inflate(payload)), (COMPRESSED | TEXT_FRAME, TEXT.encode()))
                    payloads.append(payload)
                self.assertEqual(payloads[0] == payloads[1], no_takeover)
                self.assertEqual(len(payloads[1]) < len(payloads[0]), not no_takeover)
                stats = server.stats()
                self.assertEqual(stats.deflated_from, 2 * len(TEXT))
                self.assertEqual(stats.deflated_to, sum(map(len, payloads)))

    def test_small_messages_go_as_they_are(self) -> None:
        for min_size, deflate in ((64, True), (64, wsrs.Deflate()), (10, wsrs.Deflate(min_size=10))):
            (raw,), (server,) = self.raw(self.context(), deflate)
            raw.answer()
            for size, flag in ((min_size - 1, 0), (min_size, RSV1)):
                server.send(b"x" * size)
                self.assertEqual(raw.frame()[0], FIN | flag | BINARY_FRAME)

    def test_levels_and_windows_make_a_difference(self) -> None:
        block = "".join(f"{number * number * 7919 % 10007:x}," for number in range(400))
        message = block * 2

        def size(**members: Any) -> int:
            (raw,), (server,) = self.raw(self.context(), wsrs.Deflate(**members))
            raw.answer()
            server.send(message)
            payload = raw.frame()[1]
            self.assertEqual(Inflater()(payload), message.encode())
            return len(payload)

        usual = size()
        self.assertEqual(usual, size(level=1, memory_level=8, window_bits=15))
        # The second half is beyond the window of the first.
        self.assertGreater(size(window_bits=9), usual * 3 // 2)
        self.assertLess(size(level=9), usual)

    def test_contexts_are_limited(self) -> None:
        """Who comes too late refers to nothing."""
        for limit in (1, wsrs.OFF):
            raws, servers = self.raw(self.context(limits=wsrs.Limits(max_compressors=limit)), True, 2)
            refers = []
            for raw, server in zip(raws, servers):
                raw.answer()
                server.send(TEXT)
                server.send(TEXT)
                first, second = raw.frame()[1], raw.frame()[1]
                inflate = Inflater()
                self.assertEqual([inflate(first), inflate(second)], [TEXT.encode()] * 2)
                refers.append(len(second) < len(first))
            self.assertEqual(refers, [True, limit != 1])

    def test_what_is_not_to_be_compressed(self) -> None:
        context = self.context()
        (raw,), (server,) = self.raw(context, True)
        raw.answer()
        data = TEXT.encode()
        whole: List[Tuple[Callable[..., Any], int]] = [
            (lambda **flag: server.send(TEXT, **flag), TEXT_FRAME),
            (lambda **flag: server.send(data, **flag), BINARY_FRAME),
            (lambda **flag: server.send(bytearray(data), **flag), BINARY_FRAME),
            (lambda **flag: server.send(data, wsrs.TEXT, **flag), TEXT_FRAME),
            (lambda **flag: context.broadcast(TEXT, **flag), TEXT_FRAME),
            (lambda **flag: context.send_many([server], data, wsrs.TEXT, **flag), TEXT_FRAME),
            (lambda **flag: server.send_prepared(wsrs.Prepared(TEXT, **flag)), TEXT_FRAME),
            (lambda **flag: server.send_prepared(wsrs.Prepared(TEXT, wsrs.BINARY, **flag)), BINARY_FRAME),
        ]
        inflate = Inflater()
        for send, kind in whole:
            for uncompressed in (False, True):
                send(uncompressed=uncompressed)
                first, payload = raw.frame()
                self.assertEqual(first, (FIN if uncompressed else COMPRESSED) | kind)
                self.assertEqual(payload if uncompressed else inflate(payload), data)
        # Those with the flag are not counted.
        self.assertEqual(server.stats().deflated_from, len(whole) * len(data))
        for uncompressed in (False, True):
            server.send_fragment(data, False, wsrs.TEXT, uncompressed=uncompressed)
            server.send_fragment(data, True, wsrs.TEXT)
            frames = [raw.frame(), raw.frame()]
            self.assertEqual([first for first, _ in frames], [TEXT_FRAME | (0 if uncompressed else RSV1), FIN])
            payload = b"".join(payload for _, payload in frames)
            self.assertEqual(payload if uncompressed else inflate(payload), data * 2)
        self.assertEqual(server.stats().messages_sent, 2 * len(whole) + 2)

    def test_flags_where_nothing_is_compressed(self) -> None:
        got: List[Any] = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        client.send("é" * 100, uncompressed=True)
        client.send(b"b" * 100, uncompressed=True)
        client.send_fragment("c", True, uncompressed=True)
        client.send_prepared(wsrs.Prepared("d" * 100))
        self.until(context, lambda: len(got) == 4)
        self.assertEqual(got, ["é" * 100, b"b" * 100, "c", "d" * 100])
        self.assertEqual(client.stats()[-4:], (0, 0, 0, 0))


class Received(DeflateCase):
    def test_counters_of_both_ends_and_of_the_context(self) -> None:
        got: List[Any] = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, server = self.both(context, True, True)
        client.send(TEXT)
        client.send(b"\0" * 1000)
        client.send("small")
        client.send(b"\0" * 1000, uncompressed=True)
        self.until(context, lambda: len(got) == 4)
        self.assertEqual(got, [TEXT, b"\0" * 1000, "small", b"\0" * 1000])
        sent, came = client.stats(), server.stats()
        length = len(TEXT) + 1000
        self.assertEqual((sent.deflated_from, sent.inflated_from, sent.inflated_to), (length, 0, 0))
        self.assertEqual((came.inflated_to, came.deflated_from, came.deflated_to), (length, 0, 0))
        self.assertEqual(sent.deflated_to, came.inflated_from)
        self.assertTrue(0 < sent.deflated_to < length / 10, sent)
        self.assertEqual((sent.bytes_sent, came.bytes_received), (length + 1005, length + 1005))
        self.assertEqual(context.stats()[-4:], (sent.deflated_to, length, length, sent.deflated_to))

    def test_views_and_pieces(self) -> None:
        got: List[Any] = []
        context = self.context(
            messages="view", on_message=lambda conn, view: got.append((bytes(view), conn.message_kind))
        )
        client, _ = self.both(context, True, True)
        client.send(TEXT)
        self.until(context, lambda: got)
        self.assertEqual(got, [(TEXT.encode(), wsrs.TEXT)])
        context = self.context(on_message=lambda conn, piece: got.append(piece))
        client, _ = self.both(context, True, True, streaming=True)
        got.clear()
        client.send(TEXT * 500)
        self.until(context, lambda: got and got[-1].last)
        self.assertEqual(b"".join(piece.data for piece in got), TEXT.encode() * 500)
        self.assertEqual([piece.first for piece in got], [True] + [False] * (len(got) - 1))

    def test_limits_are_those_of_what_is_delivered(self) -> None:
        for limits, size, code in (
            (wsrs.Limits(max_message=1000), 1001, 1009),
            (wsrs.Limits(max_ratio=100), 1_000_000, 1009),
            (wsrs.Limits(max_ratio=1200), 1_000_000, None),
            (wsrs.Limits(max_ratio=wsrs.OFF), 1_000_000, None),
            (None, 1_000_000, None),
        ):
            with self.subTest(limits=limits):
                seen: List[Any] = []
                context = self.context(
                    on_message=lambda conn, message: seen.append(len(message)),
                    on_close=lambda conn, info: seen.append(info.code),
                )
                client, _ = self.both(context, True, True, limits=limits)
                client.send(b"\0" * size)
                self.until(context, lambda: seen)
                self.assertEqual(seen[0], code or size)
        with self.assertRaises(ValueError):
            wsrs.Context(limits=wsrs.Limits(max_ratio=0))


if __name__ == "__main__":
    unittest.main()
