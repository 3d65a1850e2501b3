"""Compression with Python websockets in both roles."""

import unittest
from typing import Any, Dict, List, Tuple

import websockets.sync.client
import wsrs
from support import PATIENCE, Case, url
from test_deflate import TEXT
from test_peers import MESSAGES, their_server
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory


class Peers(Case):
    #: What websockets is told, what we are, and what is agreed on; from the client's and from the server's side.
    SETTINGS: List[Tuple[Dict[str, Any], wsrs.Deflate, Tuple[bool, bool, int, int]]] = [
        ({}, wsrs.Deflate(), (False, False, 15, 15)),
        ({"server_no_context_takeover": True}, wsrs.Deflate(level=1), (True, False, 15, 15)),
        ({"client_no_context_takeover": True}, wsrs.Deflate(level=9), (False, True, 15, 15)),
        ({"server_max_window_bits": 9, "client_max_window_bits": 9}, wsrs.Deflate(min_size=1), (False, False, 9, 9)),
        ({}, wsrs.Deflate(no_takeover=True, peer_no_takeover=True, window_bits=10, peer_window_bits=11), None),
    ]

    def test_their_client(self) -> None:
        for theirs, ours, expected in self.SETTINGS:
            with self.subTest(theirs=theirs, ours=ours):
                seen: List[Any] = []

                def on_close(conn: wsrs.Connection, info: wsrs.CloseInfo) -> None:
                    seen.append((conn.stats(), info[:3]))

                context = self.context(
                    on_open=lambda conn: seen.append(conn.deflate),
                    on_message=lambda conn, message: conn.send(message),
                    on_close=on_close,
                )
                target = url(context.listen("127.0.0.1:0", deflate=ours))
                factory = ClientPerMessageDeflateFactory(**{"client_max_window_bits": True, **theirs})

                def work() -> None:
                    with websockets.sync.client.connect(target, extensions=[factory], compression=None) as client:
                        self.assertEqual(len(client.protocol.extensions), 1)
                        for message in [*MESSAGES, TEXT, TEXT]:
                            client.send(message)
                            self.assertEqual(client.recv(PATIENCE), message)
                        client.send(iter([TEXT, "", TEXT]))
                        self.assertEqual(client.recv(PATIENCE), TEXT * 2)

                self.against(context, work)
                self.assertEqual(seen[0], expected or (True, True, 10, 11))
                stats, end = seen[1]
                self.assertEqual(end, (1000, "", True))
                # They compress every message, and we those from min_size on, but none that would become no smaller.
                self.assertEqual(stats.inflated_to, stats.bytes_received)
                small = sum(len(each) for each in map(_bytes, MESSAGES) if len(each) < (ours.min_size or 64))
                self.assertLessEqual(stats.deflated_from, stats.bytes_sent - small)
                self.assertGreaterEqual(stats.deflated_from, 300_000 + 70_000 + 4 * len(TEXT))

    def test_their_server(self) -> None:
        for theirs, ours, expected in self.SETTINGS:
            with self.subTest(theirs=theirs, ours=ours):
                got: List[Any] = []
                context = self.context(on_message=lambda conn, message: got.append(message))
                factory = ServerPerMessageDeflateFactory(**theirs)
                with their_server(_echo, extensions=[factory], compression=None) as port:
                    conn = self.outcome(context, f"ws://127.0.0.1:{port}/", deflate=ours)
                    # Of a client "ours" and "theirs" change sides.
                    self.assertEqual(conn.deflate, expected or (True, True, 11, 10))
                    for message in [*MESSAGES, TEXT, TEXT]:
                        conn.send(message)
                        self.until(context, lambda: got)
                        self.assertEqual(got.pop(), message)
                    conn.send_fragment(TEXT, False)
                    conn.send_fragment("", False)
                    conn.send_fragment(TEXT, True)
                    self.until(context, lambda: got)
                    self.assertEqual(got.pop(), TEXT * 2)
                    with wsrs.Prepared(TEXT) as prepared:
                        for _ in range(2):
                            conn.send_prepared(prepared)
                            conn.send(TEXT)
                    self.until(context, lambda: len(got) == 4)
                    self.assertEqual(got, [TEXT] * 4)
                    stats = conn.stats()
                    self.assertEqual(stats.inflated_to, stats.bytes_received)
                    conn.close()
                    self.until(context, lambda: not context.connections)


async def _echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


def _bytes(message: Any) -> bytes:
    return message.encode() if isinstance(message, str) else message


if __name__ == "__main__":
    unittest.main()
