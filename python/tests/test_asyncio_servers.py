"""Servers of wsrs.asyncio: what is their own, beside what test_asyncio_behaviours compares with websockets."""

import asyncio
import contextlib
import contextvars
import logging
import socket
import struct
import unittest
from typing import Any, List

import wsrs.asyncio
from behaviours import echo, hold, uri
from wsrs.asyncio import connect, serve

PATIENCE = 20.0


async def _connected(address: str) -> Any:
    return await connect(address)


class Servers(unittest.IsolatedAsyncioTestCase):
    async def test_exceptions_of_handlers_are_logged(self) -> None:
        async def handler(connection: Any) -> None:
            raise RuntimeError("of the handler")

        with self.assertLogs("wsrs.server", logging.ERROR) as logs:
            async with serve(handler, "127.0.0.1", 0) as server:
                async with connect(uri(server)) as client:
                    await client.wait_closed()
        self.assertEqual(1011, client.close_code)
        self.assertEqual(["connection handler failed"], [record.getMessage() for record in logs.records])
        self.assertIn("of the handler", logs.output[0])

    async def test_a_close_code_that_cannot_be_sent(self) -> None:
        async with serve(hold, "127.0.0.1", 0) as server, connect(uri(server)) as client:
            for code, reason in ((1012, ""), (1006, ""), (1000, "x" * 124)):
                with self.assertRaises(wsrs.asyncio.ProtocolError):
                    server.close(code=code, reason=reason)
            self.assertTrue(server.is_serving())
            server.close(code=4000, reason="x" * 123)
            await asyncio.wait_for(server.wait_closed(), PATIENCE)
            self.assertEqual((4000, "x" * 123), (client.close_code, client.close_reason))

    async def test_a_system_error_says_it_once(self) -> None:
        with self.assertRaises(ConnectionRefusedError) as raised:
            await connect("ws://127.0.0.1:1/")
        self.assertEqual(1, str(raised.exception).count("Connection refused"))

    async def test_an_address_in_use(self) -> None:
        async with serve(echo, "127.0.0.1", 0) as server:
            with self.assertRaisesRegex(OSError, "in use") as raised:
                await serve(echo, "127.0.0.1", server.sockets[0].getsockname()[1])
            self.assertEqual(98, raised.exception.errno)

    async def test_names_and_several_addresses(self) -> None:
        async with serve(echo, ["127.0.0.1", "localhost"], 0) as server:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                async with connect(f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}") as client:
                    await client.send("x")
                    self.assertEqual("x", await client.recv())

    async def test_every_address_of_the_machine(self) -> None:
        async with serve(echo, None, 0) as server:
            async with connect(uri(server)) as client:
                await client.send("x")
                self.assertEqual("x", await client.recv())

    async def test_handlers_have_the_context_of_their_server(self) -> None:
        who = contextvars.ContextVar("who", default="nobody")
        seen: List[str] = []

        async def handler(connection: Any) -> None:
            seen.append(who.get())

        who.set("first")
        first = serve(handler, "127.0.0.1", 0)
        who.set("second")
        async with first as one, serve(handler, "127.0.0.1", 0) as two:
            for server in (one, two):
                async with connect(uri(server)) as client:
                    await client.wait_closed()
        self.assertEqual(["first", "second"], seen)

    async def test_a_client_that_leaves_while_the_program_decides(self) -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        async def decide(connection: Any, request: Any) -> None:
            asked.set()
            try:
                await asyncio.sleep(PATIENCE)
            finally:
                left.set()

        async with serve(echo, "127.0.0.1", 0, process_request=decide) as server:
            opening = asyncio.create_task(_connected(uri(server)))
            await asked.wait()
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening
            await left.wait()

    async def test_a_client_that_resets_as_soon_as_it_is_let_in(self) -> None:
        ended: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()

        async def handler(connection: Any) -> None:
            await connection.wait_closed()
            ended.set_result(connection.close_code)

        def process_request(connection: Any, request: Any) -> None:
            # After the answer is sent, and before the server hears of the open connection.
            asyncio.get_running_loop().call_soon(client.close)

        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        async with serve(handler, "127.0.0.1", 0, process_request=process_request) as server:
            client.connect(server.sockets[0].getsockname())
            client.sendall(
                b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            self.assertEqual(1006, await asyncio.wait_for(ended, PATIENCE))

    async def test_a_server_that_closes_while_the_program_decides(self) -> None:
        asked, go = asyncio.Event(), asyncio.Event()

        async def decide(connection: Any, request: Any) -> None:
            asked.set()
            await go.wait()

        async with serve(echo, "127.0.0.1", 0, process_request=decide) as server:
            opening = asyncio.create_task(_connected(uri(server)))
            await asked.wait()
            server.close()
            await asyncio.sleep(0)
            go.set()
            with self.assertRaises(wsrs.asyncio.InvalidStatus) as raised:
                await opening
        self.assertEqual(503, raised.exception.response.status_code)

    async def test_an_answer_that_cannot_be_sent(self) -> None:
        def wrong(connection: Any, request: Any) -> Any:
            response = connection.respond(403, "no")
            response.headers["Bad Name"] = "x"
            return response

        with self.assertLogs("wsrs.server", logging.ERROR):
            async with serve(echo, "127.0.0.1", 0, process_request=wrong) as server:
                with self.assertRaises(wsrs.asyncio.InvalidStatus) as raised:
                    await connect(uri(server))
        self.assertEqual(500, raised.exception.response.status_code)

    async def test_credentials_stay_with_their_server(self) -> None:
        """A redirect to another server takes neither passwords nor cookies along."""
        seen: List[Any] = []

        async def tell(connection: Any) -> None:
            headers = connection.request.headers
            seen.append((headers.get("Authorization"), headers.get("Cookie"), headers.get("X-Other")))

        async with serve(tell, "127.0.0.1", 0) as target:

            def move(connection: Any, request: Any) -> Any:
                response = connection.respond(302, "")
                response.headers["Location"] = uri(target)
                return response

            async with serve(tell, "127.0.0.1", 0, process_request=move) as server:
                headers = {"Cookie": "a=1", "X-Other": "yes"}
                async with connect(uri(server).replace("//", "//u:p@", 1), additional_headers=headers) as client:
                    await client.wait_closed()
        self.assertEqual([(None, None, "yes")], seen)


if __name__ == "__main__":
    unittest.main()
