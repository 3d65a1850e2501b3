"""Messages go out and come in as they are, in every form that Python has them."""

import array
import ctypes
import gc
import unittest

import wsrs
from support import Case

TEXTS = ["", "a", "é\0ü", "😀" * 1000, "x" * 300_000]
BINARIES = [b"", b"\0", bytes(range(256)), b"\xff" * 70_000, b"m" * 600_000]


class Messages(Case):
    def test_echo_of_text_and_binary(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context, on_message=lambda conn, message: conn.send(message))
        for message in [*TEXTS, *BINARIES]:
            client.send(message)
            self.until(context, lambda: got)
            self.assertIs(type(got[0]), type(message))
            self.assertEqual(got.pop(), message)

    def test_every_buffer_can_be_sent(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        changed = bytearray(b"before")
        client.send(changed)
        changed[:] = b"after"
        changed.append(33)
        numbers = array.array("I", [1, 2, 3])
        for message in (memoryview(b"abcdef")[2:4], memoryview(bytearray(b"uvw")), numbers, bytearray()):
            client.send(message)
        self.until(context, lambda: len(got) == 5)
        self.assertEqual(got, [b"before", b"cd", b"uvw", numbers.tobytes(), b""])

    def test_what_is_no_message(self) -> None:
        client, _ = self.pair(self.context())
        with self.assertRaises(TypeError):
            client.send(7)
        with self.assertRaises(TypeError):
            client.send(None)
        with self.assertRaises(BufferError):
            client.send(memoryview(b"abcdef")[::2])
        with self.assertRaises(UnicodeEncodeError):
            client.send("\ud800")
        with self.assertRaises(wsrs.TextError):
            client.send(b"\xff", wsrs.TEXT)
        with self.assertRaises(wsrs.ArgumentError):
            client.send(b"x", 3)

    def test_kind_can_be_said(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        client.send("é".encode(), wsrs.TEXT)
        client.send("é", wsrs.BINARY)
        client.send(bytearray(b"t"), wsrs.TEXT)
        self.until(context, lambda: len(got) == 3)
        self.assertEqual(got, ["é", b"\xc3\xa9", "t"])

    def test_fragments(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        client.send_fragment(b"\xc3", False, wsrs.TEXT)
        with self.assertRaises(wsrs.StateError):
            client.send("whole")
        client.send_fragment(b"\xa9", True, wsrs.TEXT)
        client.send_fragment(b"1", False)
        client.send_fragment(memoryview(b"2"), True)
        self.until(context, lambda: len(got) == 2)
        self.assertEqual(got, ["é", b"12"])

    def test_ping_and_pong(self) -> None:
        got = []
        context = self.context()
        client, server = self.pair(context, on_ping=lambda conn, data: got.append(("ping", data)))
        answers = []
        other = context.connect(
            f"ws://{client.peer_address}/",
            on_open=lambda conn: conn.ping(b"a\0b"),
            on_pong=lambda conn, data: answers.append((conn, data)),
        )
        client.ping()
        self.until(context, lambda: len(got) == 2 and answers)
        self.assertEqual(sorted(got), [("ping", b""), ("ping", b"a\0b")])
        self.assertEqual(answers, [(other, b"a\0b")])
        server.pong(b"unasked")
        with self.assertRaises(wsrs.TooLargeError):
            client.ping(b"x" * 126)


class Views(Case):
    def test_a_view_is_readable_during_the_callback_only(self) -> None:
        kept = []

        def on_message(conn: wsrs.Connection, view: memoryview) -> None:
            self.assertTrue(view.readonly)
            kept.append((conn.message_kind, bytes(view), view))

        context = self.context(on_message=on_message, messages="view")
        client, _ = self.pair(context)
        for message in ("é", b"ab", b"", b"m" * 600_000):
            client.send(message)
        self.until(context, lambda: len(kept) == 4)
        self.assertEqual(
            [(kind, data) for kind, data, _ in kept],
            [(wsrs.TEXT, b"\xc3\xa9"), (wsrs.BINARY, b"ab"), (wsrs.BINARY, b""), (wsrs.BINARY, b"m" * 600_000)],
        )
        for _, _, view in kept:
            with self.assertRaises(ValueError):
                view[0:1]

    def test_slices_are_taken_back_too(self) -> None:
        kept = []
        context = self.context(on_message=lambda conn, view: kept.append(view[1:3]), messages="view")
        client, _ = self.pair(context)
        client.send(b"abcdef")
        self.until(context, lambda: kept)
        with self.assertRaises(ValueError):
            bytes(kept[0])

    def test_what_can_not_be_taken_back_is_an_error(self) -> None:
        kept = []
        context = self.context(messages="view")

        def keep(conn: wsrs.Connection, view: memoryview) -> None:
            buffer = wsrs._structs.PyBuffer()
            wsrs._native.get_buffer(view, ctypes.byref(buffer), 0)
            kept.append(buffer)

        client, _ = self.pair(context, on_message=keep)
        client.send(b"abcdef")
        with self.assertRaises(BufferError):
            self.until(context, lambda: False)
        wsrs._native.release_buffer(ctypes.byref(kept[0]))

    def test_an_echo_of_views(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        echo = lambda conn, view: conn.send(view, conn.message_kind)  # noqa: E731
        client, _ = self.pair(context, on_message=echo, messages="view")
        client.send("text")
        client.send(b"binary")
        self.until(context, lambda: len(got) == 2)
        self.assertEqual(got, ["text", b"binary"])

    def test_no_reference_is_left(self) -> None:
        context = self.context(on_message=lambda conn, view: seen.append(len(view)), messages="view")
        seen: list = []
        client, _ = self.pair(context)
        client.send(b"x")
        self.until(context, lambda: seen)
        before = len([each for each in gc.get_objects() if isinstance(each, memoryview)])
        for _ in range(20):
            client.send(b"y" * 1000)
        self.until(context, lambda: len(seen) == 21)
        self.assertEqual(len([each for each in gc.get_objects() if isinstance(each, memoryview)]), before)


class Streaming(Case):
    def pieces(self, messages: str) -> None:
        got: list = []

        def on_message(conn: wsrs.Connection, piece: wsrs.Piece) -> None:
            self.assertIs(type(piece.data), memoryview if messages == "view" else bytes)
            got.append(piece._replace(data=bytes(piece.data)))

        context = self.context()
        client, _ = self.pair(context, on_message=on_message, streaming=True, messages=messages)
        client.send_fragment(b"\xc3", False, wsrs.TEXT)
        self.until(context, lambda: got)
        client.send_fragment(b"\xa9", True, wsrs.TEXT)
        self.until(context, lambda: got[-1].last)
        self.assertEqual(b"".join(piece.data for piece in got), "é".encode())
        self.assertEqual([piece.first for piece in got], [True] + [False] * (len(got) - 1))
        self.assertEqual([piece.last for piece in got], [False] * (len(got) - 1) + [True])
        self.assertEqual({piece.kind for piece in got}, {wsrs.TEXT})
        got.clear()
        client.send(b"whole")
        self.until(context, lambda: got and got[-1].last)
        self.assertEqual(b"".join(piece.data for piece in got), b"whole")

    def test_pieces_as_bytes(self) -> None:
        self.pieces("bytes")

    def test_pieces_as_views(self) -> None:
        self.pieces("view")

    def test_messages_is_one_of_two(self) -> None:
        with self.assertRaises(ValueError):
            wsrs.Context(messages="text")


if __name__ == "__main__":
    unittest.main()
