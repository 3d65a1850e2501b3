"""wsrs.asyncio: its own, beside test_asyncio_behaviours (the comparison with websockets) and test_asyncio_servers."""

import asyncio
import gc
import logging
import unittest
import weakref
from typing import Any, List

import wsrs.asyncio
from behaviours import accept_raw, echo, pair, raw_server, uri
from wsrs.asyncio import connect, serve
from wsrs.asyncio.exceptions import ConnectionClosedError, ConnectionClosedOK

PATIENCE = 20.0
PACKAGE = wsrs.asyncio


class Connections(unittest.IsolatedAsyncioTestCase):
    async def test_senders_take_turns(self) -> None:
        """First come, first served, when the queue is full."""
        async with pair(PACKAGE, PACKAGE, of_client={"max_queue": 1}) as (client, server):
            order: List[int] = []

            async def send(number: int) -> None:
                await server.send(number.to_bytes(4, "big") * 65536)
                order.append(number)

            senders = [asyncio.create_task(send(number)) for number in range(60)]
            await asyncio.sleep(0.05)
            self.assertLess(len(order), 60)
            cancelled = senders[50]
            cancelled.cancel()
            expected = [number for number in range(60) if number != 50]
            got = [int.from_bytes((await client.recv())[:4], "big") for _ in expected]
            await asyncio.gather(*senders, return_exceptions=True)
            self.assertTrue(cancelled.cancelled())
            self.assertEqual(expected, got)
            self.assertEqual(expected, order)

    async def test_nobody_overtakes_who_waits_to_send(self) -> None:
        """There is room again, and those who wait were woken: who comes right then stands behind them."""
        async with pair(PACKAGE, PACKAGE, of_client={"max_queue": 1}) as (client, server):
            senders = [asyncio.create_task(server.send(b"waited" * 50000)) for _ in range(30)]
            await asyncio.sleep(0.05)
            last = senders[-1]
            self.assertFalse(last.done())
            late: List[Any] = []
            receiving = asyncio.create_task(self.take(client, 31))
            while not late:
                if server.outbox.conn.buffered < server.settings.high_water:
                    late.append(asyncio.create_task(server.send("late")))
                await asyncio.sleep(0)
            self.assertEqual("late", (await receiving)[-1])
            await asyncio.gather(*senders, *late)

    async def take(self, connection: Any, count: int) -> List[Any]:
        return [await connection.recv() for _ in range(count)]

    async def test_senders_that_wait_hear_of_the_end(self) -> None:
        async with pair(PACKAGE, PACKAGE, of_client={"max_queue": 1}) as (client, server):
            senders = [asyncio.create_task(server.send(b"x" * 262144)) for _ in range(60)]
            await asyncio.sleep(0.05)
            client.drop()
            ended = await asyncio.gather(*senders, return_exceptions=True)
            self.assertIsInstance(ended[-1], ConnectionClosedError)
            self.assertEqual({type(None), ConnectionClosedError}, {type(each) for each in ended})

    async def test_a_peer_that_floods_is_held_back(self) -> None:
        async with pair(PACKAGE, PACKAGE, of_server={"max_queue": 4}) as (client, server):
            sender = asyncio.create_task(self.flood(client))
            await asyncio.sleep(0.1)
            self.assertLessEqual(len(server._inbox._pieces), 5)
            self.assertFalse(sender.done())
            # It closes although nobody took what came.
            await server.close()
            with self.assertRaises(ConnectionClosedOK):
                await sender

    async def test_what_came_before_a_pause_is_not_forgotten(self) -> None:
        """Everything is here already: no event of the network will remind of it."""
        for queue, count, size in ((1, 50, 4), (None, 1500, 2048)):
            async with pair(PACKAGE, PACKAGE, of_server={"max_queue": queue}) as (client, server):
                for _ in range(count):
                    client.conn.send(b"x" * size) if queue else wsrs.asyncio.broadcast([client], b"x" * size)
                await asyncio.sleep(0.05)
                got = await asyncio.wait_for(self.take(server, count), PATIENCE)
                self.assertEqual({size}, {len(each) for each in got})

    async def flood(self, connection: Any) -> None:
        while True:
            await connection.send(b"x" * 65536)

    async def test_a_large_message_passes_a_small_queue(self) -> None:
        """In many pieces, of which only a few may wait."""
        async with pair(PACKAGE, PACKAGE, of_server={"max_queue": 2, "max_size": None}) as (client, server):
            for message in ("grüße 🎉" * 400000, b"x" * 5000000):
                sending = asyncio.create_task(client.send(message))
                await asyncio.sleep(0.01)
                self.assertEqual(message, await server.recv())
                await sending

    async def test_a_large_message_arrives_in_pieces(self) -> None:
        async with pair(PACKAGE, PACKAGE, of_server={"max_size": None}) as (client, server):
            message = "grüße 🎉" * 200000
            sending = asyncio.create_task(client.send(message))
            pieces = [piece async for piece in server.recv_streaming()]
            await sending
            self.assertGreater(len(pieces), 1)
            self.assertEqual(message, "".join(pieces))

    async def test_pieces_come_before_the_message_is_complete(self) -> None:
        go = asyncio.Event()

        async def slowly() -> Any:
            yield "first"
            await go.wait()
            yield "second"

        async with pair(PACKAGE, PACKAGE) as (client, server):
            sending = asyncio.create_task(client.send(slowly()))
            pieces = server.recv_streaming()
            self.assertEqual("first", await pieces.__anext__())
            go.set()
            self.assertEqual(["second", ""], [piece async for piece in pieces])
            await sending

    async def test_binary_that_is_no_text(self) -> None:
        for receive in ("recv", "recv_streaming"):
            async with pair(PACKAGE, PACKAGE) as (client, server):
                await client.send(b"\xff")
                with self.assertRaises(ConnectionClosedError) as raised:
                    if receive == "recv":
                        await server.recv(decode=True)
                    else:
                        await server.recv_streaming(decode=True).__anext__()
                self.assertIsInstance(raised.exception.__cause__, UnicodeDecodeError)
                await client.wait_closed()
                self.assertEqual(1007, client.close_code)

    async def test_silence_after_a_ping_ends_it(self) -> None:
        async def silent(reader: Any, writer: Any) -> None:
            await accept_raw(reader, writer)
            while await reader.read(4096):
                pass
            writer.close()

        async with raw_server(silent) as address:
            client = await connect(address, ping_interval=0.05, ping_timeout=0.05)
            with self.assertRaises(ConnectionClosedError):
                await client.recv()
            self.assertEqual(1006, client.close_code)

    async def test_two_pings_with_the_same_data_while_the_queue_is_full(self) -> None:
        async with pair(PACKAGE, PACKAGE, of_client={"max_queue": 1}) as (client, server):
            senders = [asyncio.create_task(server.send(b"x" * 262144)) for _ in range(40)]
            await asyncio.sleep(0.05)
            first = asyncio.create_task(server.ping(b"same"))
            await asyncio.sleep(0)
            with self.assertRaises(wsrs.asyncio.ConcurrencyError):
                await server.ping(b"same")
            for _ in senders:
                await client.recv()
            self.assertGreater(await (await first), 0)

    async def test_a_waiter_that_is_not_needed_says_nothing(self) -> None:
        """Pings whose pong never comes end in an exception that nobody has to look at."""
        complaints: List[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        async with pair(PACKAGE, PACKAGE) as (client, server):
            server.conn.pause()
            waiter = await client.ping()
            client.drop()
            await client.wait_closed()
            self.assertTrue(waiter.done())
            del waiter
            gc.collect()
        self.assertEqual([], complaints)

    async def test_memory_of_a_connection_is_given_back(self) -> None:
        async with serve(echo, "127.0.0.1", 0) as server:
            for _ in range(3):
                async with connect(uri(server)) as client:
                    await client.send("x")
                    await client.recv()
                    ends = [weakref.ref(client), *(weakref.ref(each) for each in server.connections)]
                while server._tasks:
                    await asyncio.sleep(0)
                del client
                gc.collect()
                self.assertEqual([None, None], [end() for end in ends])

    async def test_hundreds_of_connections(self) -> None:
        async with serve(echo, "127.0.0.1", 0) as server:
            clients = await asyncio.gather(*(connect(uri(server)) for _ in range(400)))
            await asyncio.gather(*(client.send(str(number)) for number, client in enumerate(clients)))
            got = await asyncio.gather(*(client.recv() for client in clients))
            self.assertEqual([str(number) for number in range(400)], got)
            wsrs.asyncio.broadcast(server.connections, "to all")
            self.assertEqual({"to all"}, set(await asyncio.gather(*(client.recv() for client in clients))))
            await asyncio.gather(*(client.close() for client in clients))

    async def test_a_broadcast_waits_for_nobody_and_keeps_the_order(self) -> None:
        async with pair(PACKAGE, PACKAGE, of_client={"max_queue": 1}) as (client, server):
            for number in range(60):
                wsrs.asyncio.broadcast([server], number.to_bytes(4, "big") * 65536)
            last = asyncio.create_task(server.send("last"))
            got = [await client.recv() for _ in range(61)]
            await last
            self.assertEqual(list(range(60)), [int.from_bytes(each[:4], "big") for each in got[:60]])
            self.assertEqual("last", got[60])

    async def test_a_broadcast_passes_over_fragmented_messages(self) -> None:
        go = asyncio.Event()

        async def slowly() -> Any:
            yield "a"
            await go.wait()

        async with pair(PACKAGE, PACKAGE) as (client, server):
            sending = asyncio.create_task(server.send(slowly()))
            await asyncio.sleep(0.01)
            with self.assertLogs("wsrs.server", logging.WARNING) as logs:
                wsrs.asyncio.broadcast([server], "lost")
            self.assertIs(server, logs.records[0].websocket.__repr__.__self__)  # type: ignore[attr-defined]
            with self.assertRaises(Exception) as raised:
                wsrs.asyncio.broadcast([server], "lost", raise_exceptions=True)
            self.assertIn("ConcurrencyError", repr(raised.exception))
            go.set()
            await sending
            self.assertEqual("a", await client.recv())


class Imports(unittest.TestCase):
    def test_names_stand_where_websockets_has_them(self) -> None:
        import websockets.exceptions

        import wsrs.asyncio.client
        import wsrs.asyncio.exceptions
        import wsrs.asyncio.server

        for name in ("connect", "unix_connect", "ClientConnection"):
            self.assertIs(getattr(wsrs.asyncio, name), getattr(wsrs.asyncio.client, name))
        for name in ("serve", "unix_serve", "Server", "ServerConnection", "broadcast", "basic_auth"):
            self.assertIs(getattr(wsrs.asyncio, name), getattr(wsrs.asyncio.server, name))
        for name in wsrs.asyncio.exceptions.__all__:
            known = getattr(websockets, name)
            mine = getattr(wsrs.asyncio, name)
            self.assertEqual([base.__name__ for base in known.__mro__], [base.__name__ for base in mine.__mro__], name)


if __name__ == "__main__":
    unittest.main()
