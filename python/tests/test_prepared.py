"""Messages that are made once for many connections."""

import copy
import gc
import pickle
import threading
import unittest
from typing import Any, List

import wsrs
from support import Case, url
from test_deflate import COMPRESSED, FIN, TEXT, TEXT_FRAME, DeflateCase, Inflater
from wsrs import _native


class Sent(DeflateCase):
    def test_to_many_and_between_other_messages(self) -> None:
        """The same bytes for everybody, and each peer can read on."""
        context = self.context()
        raws, servers = self.raw(context, True, 3)
        with wsrs.Prepared(TEXT) as prepared:
            payloads = set()
            for number, (raw, server) in enumerate(zip(raws, servers)):
                raw.answer()
                inflate = Inflater()
                for _ in range(number):
                    server.send(TEXT)
                    self.assertEqual(inflate(raw.frame()[1]), TEXT.encode())
                server.send_prepared(prepared)
                server.send(TEXT)
                server.send_prepared(prepared)
                frames = [raw.frame() for _ in range(3)]
                self.assertEqual([first for first, _ in frames], [COMPRESSED | TEXT_FRAME] * 3)
                self.assertEqual([inflate(payload) for _, payload in frames], [TEXT.encode()] * 3)
                payloads |= {payload for _, payload in frames}
                sent = number + 3
                self.assertEqual(server.stats().deflated_from, sent * len(TEXT))
                self.assertEqual(server.stats().messages_sent, sent)
        # Our compressor begins anew after it: so the message behind it is the same too.
        self.assertEqual(len(payloads), 1)

    def test_a_broadcast_does_the_same(self) -> None:
        context = self.context()
        raws, servers = self.raw(context, True, 3)
        for number, server in enumerate(servers):
            for _ in range(number):
                server.send(TEXT)
        self.assertEqual(context.broadcast(TEXT), 3)
        self.assertEqual(context.send_many(servers, TEXT), 3)
        payloads = set()
        for number, raw in enumerate(raws):
            raw.answer()
            frames = [raw.frame()[1] for _ in range(number + 2)]
            inflate = Inflater()
            self.assertEqual([inflate(payload) for payload in frames], [TEXT.encode()] * len(frames))
            payloads |= set(frames[-2:])
        self.assertEqual(len(payloads), 1)

    def test_each_connection_gets_what_it_agreed_on(self) -> None:
        context = self.context()
        got: List[Any] = []
        with wsrs.Prepared(TEXT) as prepared, wsrs.Prepared(b"\0" * 70_000) as large:
            for deflate in (None, True, wsrs.Deflate(window_bits=9, level=1), wsrs.Deflate(no_takeover=True)):
                client, server = self.both(context, deflate, True, on_message=lambda conn, message: got.append(message))
                client._on_message = server._on_message
                for conn in (client, server):
                    conn.send_prepared(prepared)
                    conn.send_prepared(large)
                self.until(context, lambda: len(got) == 4)
                self.assertEqual([got.count(TEXT), got.count(b"\0" * 70_000)], [2, 2])
                got.clear()
                stats = client.stats()
                self.assertEqual(stats.deflated_from, 0 if deflate is None else len(TEXT) + 70_000)
                self.assertEqual((stats.messages_sent, stats.bytes_sent), (2, len(TEXT) + 70_000))

    def test_what_becomes_no_smaller_goes_as_it_is(self) -> None:
        (raw,), (server,) = self.raw(self.context(), True)
        raw.answer()
        for message in (bytes(range(256)), b"x" * 63):
            server.send_prepared(wsrs.Prepared(message, wsrs.BINARY))
            self.assertEqual(raw.frame()[0], FIN | 2)
        self.assertEqual(server.stats().deflated_from, 0)


class Lives(Case):
    def test_from_another_thread_and_for_several_contexts(self) -> None:
        got: List[Any] = []
        prepared = wsrs.Prepared("é" * 100)
        for _ in range(2):
            context = self.context(on_message=lambda conn, message: got.append(message))
            client, _ = self.pair(context, deflate=True)
            context.poll(0)
            thread = threading.Thread(target=lambda: client.send_prepared(prepared))
            thread.start()
            thread.join()
            self.until(context, lambda: got)
            self.assertEqual(got.pop(), "é" * 100)

    def test_the_message_is_copied_in_every_form(self) -> None:
        got: List[Any] = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        changed = bytearray(b"before")
        prepared = wsrs.Prepared(changed)
        changed[:] = b"after"
        client.send_prepared(prepared)
        client.send_prepared(wsrs.Prepared("é".encode(), wsrs.TEXT))
        client.send_prepared(wsrs.Prepared("é", wsrs.BINARY))
        client.send_prepared(wsrs.Prepared(""))
        client.send_prepared(wsrs.Prepared(memoryview(b"abcd")[1:3], uncompressed=True))
        self.until(context, lambda: len(got) == 5)
        self.assertEqual(got, [b"before", "é", "é".encode(), "", b"bc"])

    def test_a_closed_one(self) -> None:
        got: List[Any] = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context, deflate=True)
        with wsrs.Prepared("sent") as prepared:
            self.assertRegex(repr(prepared), "^<wsrs.Prepared 0x[0-9a-f]+>$")
            client.send_prepared(prepared)
        for _ in range(2):
            with self.assertRaises(wsrs.ClosedError):
                client.send_prepared(prepared)
            prepared.close()
        # Nor is it the connection that is closed.
        client.send("open")
        self.until(context, lambda: len(got) == 2)
        self.assertEqual(got, ["sent", "open"])

    def test_one_that_is_forgotten(self) -> None:
        client, _ = self.pair(self.context())
        prepared = wsrs.Prepared("x")
        id = prepared.id
        self.assertEqual(_native.conn_send_prepared(client.id, id), 0)
        del prepared
        gc.collect()
        self.assertEqual(_native.conn_send_prepared(client.id, id), wsrs.ClosedError.code)
        for function in (copy.copy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "a Prepared can't be copied or pickled"):
                function(wsrs.Prepared("x"))

    def test_what_cannot_be(self) -> None:
        for message, kind, error in (
            (7, 0, TypeError),
            (None, 0, TypeError),
            (memoryview(b"abcdef")[::2], 0, BufferError),
            ("\ud800", 0, UnicodeEncodeError),
            (b"\xff", wsrs.TEXT, wsrs.TextError),
            (b"x", 3, wsrs.ArgumentError),
        ):
            with self.subTest(message=message), self.assertRaises(error):
                wsrs.Prepared(message, kind)
        context = self.context()
        client, _ = self.pair(context)
        with self.assertRaisesRegex(TypeError, "a wsrs.Prepared is needed, not str"):
            client.send_prepared("x")
        early = context.connect(url(context.listen("127.0.0.1:0")))
        with wsrs.Prepared("x") as prepared:
            with self.assertRaises(wsrs.NotOpenError):
                early.send_prepared(prepared)
            client.send_fragment("part", False)
            with self.assertRaises(wsrs.StateError):
                client.send_prepared(prepared)
            context.close()
            with self.assertRaises(wsrs.ClosedError):
                client.send_prepared(prepared)

    def test_a_full_queue(self) -> None:
        received: List[int] = []
        context = self.context(
            limits=wsrs.Limits(high_water=100_000), on_message=lambda conn, message: received.append(len(message))
        )
        client, server = self.pair(context)
        server.pause()
        sent = 0
        with wsrs.Prepared(b"x" * 50_000) as prepared:
            with self.assertRaises(wsrs.AgainError):
                for _ in range(10_000):
                    client.send_prepared(prepared)
                    sent += 1
        server.resume()
        self.until(context, lambda: len(received) == sent)


if __name__ == "__main__":
    unittest.main()
