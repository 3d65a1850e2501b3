"""wsrs.asyncio: settings of compression, prepared messages, broadcasts. What it is by default: behaviours.compression."""

import asyncio
import unittest
from contextlib import asynccontextmanager
from typing import Any, List

import websockets
import wsrs
import wsrs.asyncio
from behaviours import echo, pair, uri
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from wsrs.asyncio import broadcast, connect, serve
from wsrs.asyncio.exceptions import NegotiationError

TEXT = "words of a message and words of another one, " * 40
PATIENCE = 20.0


@asynccontextmanager
async def both(of_server: Any = None, of_client: Any = None) -> Any:
    """Both ends of a connection of ours that may compress."""
    opened: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()

    async def keep(connection: Any) -> None:
        opened.set_result(connection)
        await connection.wait_closed()

    async with serve(keep, "127.0.0.1", 0, **(of_server or {})) as server:
        async with connect(uri(server), **(of_client or {})) as client:
            yield client, await asyncio.wait_for(opened, PATIENCE)


class Settings(unittest.IsolatedAsyncioTestCase):
    async def test_what_is_agreed_on(self) -> None:
        for of_server, of_client, expected in (
            ({}, {}, (False, False, 12, 12)),
            ({"compression": "deflate"}, {"compression": "deflate"}, (False, False, 12, 12)),
            ({"deflate": wsrs.Deflate()}, {}, (False, False, 15, 15)),
            ({}, {"deflate": wsrs.Deflate(no_takeover=True, peer_window_bits=9)}, (False, True, 9, 12)),
            ({"deflate": wsrs.Deflate(no_takeover=True)}, {"deflate": wsrs.Deflate(window_bits=8)}, (True, False, 15, 8)),
            ({"compression": None}, {}, None),
            ({}, {"compression": None}, None),
        ):
            with self.subTest(of_server=of_server, of_client=of_client):
                async with both(of_server, of_client) as (client, server):
                    self.assertEqual([end.conn.deflate for end in (client, server)], [expected] * 2)
                    await client.send(TEXT)
                    self.assertEqual(await server.recv(), TEXT)
                    self.assertEqual(server.conn.stats().inflated_to, 0 if expected is None else len(TEXT))

    async def test_what_cannot_be(self) -> None:
        for options, error, words in (
            ({"compression": "lz4"}, ValueError, "unsupported compression: lz4"),
            ({"compression": None, "deflate": wsrs.Deflate()}, ValueError, 'deflate needs compression="deflate"'),
            ({"deflate": True}, TypeError, "deflate must be a wsrs.Deflate, not builtins.bool"),
            ({"extensions": [ServerPerMessageDeflateFactory()]}, NegotiationError, "deflate=wsrs.Deflate"),
        ):
            with self.subTest(options):
                for make in (lambda: serve(echo, "127.0.0.1", 0, **options), lambda: connect("ws://127.0.0.1:9/", **options)):
                    with self.assertRaisesRegex(error, words):
                        make()
        # The library's own check, when it is used.
        with self.assertRaisesRegex(ValueError, "level is not from 1 to 9"):
            await serve(echo, "127.0.0.1", 0, deflate=wsrs.Deflate(level=10))
        with self.assertRaisesRegex(ValueError, "level is not from 1 to 9"):
            await connect("ws://127.0.0.1:9/", deflate=wsrs.Deflate(level=10))

    async def test_their_client(self) -> None:
        """Also one that can't be told its window."""
        for factory, expected in (
            (ClientPerMessageDeflateFactory(client_max_window_bits=None), (False, False, 12, 15)),
            (ClientPerMessageDeflateFactory(), (False, False, 12, 12)),
            (ClientPerMessageDeflateFactory(True, True, 10, 11), (True, True, 10, 11)),
        ):
            agreed: List[Any] = []

            async def handler(connection: Any) -> None:
                agreed.append(connection.conn.deflate)
                await echo(connection)

            async with serve(handler, "127.0.0.1", 0) as server:
                async with websockets.connect(uri(server), compression=None, extensions=[factory]) as client:
                    await self.exchange(client)
            self.assertEqual(agreed, [expected])

    async def test_their_server(self) -> None:
        for factory, expected in (
            (ServerPerMessageDeflateFactory(), (False, False, 15, 15)),
            (ServerPerMessageDeflateFactory(True, True, 10, 11), (True, True, 10, 11)),
        ):
            serving = websockets.serve(echo, "127.0.0.1", 0, compression=None, extensions=[factory])
            async with serving as server, connect(uri(server)) as client:
                self.assertEqual(client.conn.deflate, expected)
                await self.exchange(client)

    async def exchange(self, client: Any) -> None:
        for message in (TEXT, TEXT, b"\0" * 300_000, "", "é"):
            await client.send(message)
            self.assertEqual(await asyncio.wait_for(client.recv(), PATIENCE), message)
        await client.send([TEXT, "", TEXT])
        self.assertEqual(await asyncio.wait_for(client.recv(), PATIENCE), TEXT * 2)


class Prepared(unittest.IsolatedAsyncioTestCase):
    async def test_one_message_for_many(self) -> None:
        async with both() as (client, server):
            with wsrs.Prepared(TEXT) as prepared, wsrs.Prepared(TEXT, uncompressed=True) as as_it_is:
                for message in (prepared, TEXT, as_it_is, prepared):
                    await client.send(message)
                    self.assertEqual(await server.recv(), TEXT)
                with self.assertRaisesRegex(TypeError, "a Prepared has its kind already"):
                    await client.send(prepared, text=True)
            self.assertEqual(server.conn.stats().inflated_to, 3 * len(TEXT))
            self.assertEqual(client.conn.stats().messages_sent, 4)

    async def test_it_waits_in_the_line(self) -> None:
        async with pair(wsrs.asyncio, wsrs.asyncio, of_server={"max_queue": 1}) as (client, server):
            with wsrs.Prepared(b"x" * 262144) as prepared:
                senders = [asyncio.create_task(client.send(prepared)) for _ in range(40)]
                senders.append(asyncio.create_task(client.send("last")))
                await asyncio.sleep(0.05)
                self.assertFalse(senders[-2].done())
                got = [await server.recv() for _ in senders]
                await asyncio.gather(*senders)
            self.assertEqual([len(message) for message in got], [262144] * 40 + [4])
            self.assertEqual(got[-1], "last")

    async def test_it_waits_for_fragments_of_another_message(self) -> None:
        go = asyncio.Event()

        async def pieces() -> Any:
            yield "a"
            await go.wait()
            yield "b"

        async with both() as (client, server):
            with wsrs.Prepared(TEXT) as prepared:
                sending = [asyncio.create_task(client.send(message)) for message in (pieces(), prepared)]
                await asyncio.sleep(0.01)
                self.assertFalse(sending[1].done())
                go.set()
                await asyncio.gather(*sending)
            self.assertEqual([await server.recv(), await server.recv()], ["ab", TEXT])

    async def test_a_broadcast_passes_nobody_who_waits(self) -> None:
        """There is room, but somebody was told so before."""
        async with both() as (client, server):
            turn: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
            client.outbox._line.append(turn)
            broadcast([client], TEXT)
            self.assertEqual(client.conn.stats().messages_sent, 0)
            client.outbox._line.remove(turn)
            client.outbox.drained()
            self.assertEqual(await server.recv(), TEXT)

    async def test_a_broadcast_is_made_once_for_those_who_are_slow_too(self) -> None:
        connections: List[Any] = []

        async def keep(connection: Any) -> None:
            connections.append(connection)
            await connection.wait_closed()

        message = bytearray(b"broadcast" * 1000)
        async with serve(keep, "127.0.0.1", 0) as server:
            clients = [await connect(uri(server), max_queue=1, max_size=None) for _ in range(3)]
            while len(connections) < 3:
                await asyncio.sleep(0)
            slow = sorted(connections, key=lambda connection: connection.remote_address)[:2]
            for connection in slow:
                with wsrs.Prepared(b"\xff" * 262144, uncompressed=True) as filling:
                    while connection.outbox.has_room(connection.settings.high_water):
                        connection.conn.send_prepared(filling)
            broadcast(connections, message, text=True)
            lines = [list(connection.outbox._line) for connection in connections]
            self.assertEqual(sorted(map(len, lines)), [0, 1, 1])
            self.assertEqual(len({id(each) for line in lines for each in line}), 1)
            expected = message.decode()
            message[:] = b"changed"
            for client in clients:
                got: Any = b""
                while isinstance(got, bytes):
                    got = await asyncio.wait_for(client.recv(), PATIENCE)
                self.assertEqual(got, expected)
            for connection in connections:
                self.assertEqual(connection.conn.stats().deflated_from, len(expected))
            for client in clients:
                await client.close()


if __name__ == "__main__":
    unittest.main()
