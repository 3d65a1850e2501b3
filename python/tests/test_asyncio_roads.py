"""The way to a server with wsrs.asyncio: what is its own, beside what behaviours/roads.py compares with websockets."""

import asyncio
import errno
import ssl
import unittest
from typing import Any, List

import wsrs
import wsrs.asyncio
from behaviours import echo, hold, raw_server, uri
from behaviours.roads import environment, wss
from support import certificates, of_client, of_server
from wsrs.asyncio import connect, serve, unix_connect


class Arguments(unittest.IsolatedAsyncioTestCase):
    async def test_the_contexts_of_the_ssl_module(self) -> None:
        """They can't be used, and the exception says what can."""
        context = ssl.create_default_context()
        for wrong, instead in (
            (lambda: connect("wss://localhost/", ssl=context), r"ssl can't be ssl\.SSLContext.* pass ssl=wsrs\.Tls\(ca_file="),
            (lambda: connect("wss://localhost/", ssl=False), r"ssl can't be builtins\.bool"),
            (lambda: connect("wss://localhost/", proxy_ssl=context), r"pass proxy_ssl=wsrs\.Tls"),
            (lambda: serve(echo, "localhost", 0, ssl=context), r"pass ssl=wsrs\.Tls\(cert_file="),
            (lambda: serve(echo, "localhost", 0, ssl=True), r"pass ssl=wsrs\.Tls\(cert_file="),
        ):
            with self.assertRaisesRegex(TypeError, instead):
                wrong()

    async def test_what_goes_together(self) -> None:
        with self.assertRaisesRegex(ValueError, "its server_name instead of server_hostname"):
            connect("wss://localhost/", ssl=of_client(), server_hostname="other.test")
        with self.assertRaisesRegex(ValueError, "no TLS over a Unix socket"):
            unix_connect("/tmp/none", "wss://localhost/")
        with self.assertRaises(wsrs.URLError):
            connect("wss://localhost/", server_hostname="not a name")

    async def test_a_server_without_a_certificate(self) -> None:
        with self.assertRaises(ValueError):
            await serve(echo, "127.0.0.1", 0, ssl=of_client())


class Tls(unittest.IsolatedAsyncioTestCase):
    async def test_who_the_client_is(self) -> None:
        seen: List[Any] = []

        def ask(connection: Any, request: Any) -> None:
            seen.append(connection.conn.tls_info().peer_names)

        async def tell(connection: Any) -> None:
            await connection.send(connection.conn.tls_info().peer_subject)

        folder = certificates()
        tls = of_server(ca_file=folder / "ca.pem", client_certs=wsrs.ClientCerts.REQUIRED)
        known = of_client(cert_file=folder / "client.pem", key_file=folder / "client.key")
        async with serve(tell, "127.0.0.1", 0, ssl=tls, process_request=ask) as server:
            async with connect(wss(server), ssl=known) as client:
                self.assertIn("CN=device 17", await client.recv())
                self.assertIs(client.conn.tls_info().version, wsrs.TLS_1_3)
            with self.assertRaisesRegex(ssl.SSLError, "certificate") as raised:
                await connect(wss(server), ssl=of_client())
        self.assertEqual(raised.exception.__cause__.tls_alert, 116)
        self.assertEqual(seen, [("DNS:device-17.test", "email:device@example.test")])

    async def test_a_refused_certificate_says_why(self) -> None:
        async with serve(hold, "127.0.0.1", 0, ssl=of_server("expired")) as server:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "2021-01-01") as raised:
                await connect(wss(server), ssl=of_client())
        self.assertIsInstance(raised.exception.__cause__, wsrs.CertificateError)

    async def test_a_connection_that_is_cut_off(self) -> None:
        async with serve(hold, "127.0.0.1", 0, ssl=of_server()) as server:
            async with connect(wss(server), ssl=of_client()) as client:
                while not server.connections:
                    await asyncio.sleep(0)
                next(iter(server.connections)).drop()
                with self.assertRaises(wsrs.asyncio.ConnectionClosedError):
                    await client.recv()
        self.assertEqual(client.close_code, 1006)

    async def test_many_at_once(self) -> None:
        tls = of_client()
        async with serve(echo, "127.0.0.1", 0, ssl=of_server()) as server:

            async def one(number: int) -> Any:
                async with connect(wss(server), ssl=tls) as client:
                    await client.send(f"{number}" * 50_000)
                    return await client.recv() == f"{number}" * 50_000

            self.assertEqual(await asyncio.gather(*map(one, range(20))), [True] * 20)


class Proxies(unittest.IsolatedAsyncioTestCase):
    async def socks(self, *answers: bytes) -> Any:
        async def play(reader: Any, writer: Any) -> None:
            for answer in answers:
                await reader.read(1024)
                writer.write(answer)
                await writer.drain()
            writer.close()

        async with raw_server(play) as address:
            await connect("ws://there.invalid/", proxy=address.replace("ws://", "socks5h://"))

    async def test_socks_proxies_that_refuse(self) -> None:
        refused = b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"
        with self.assertRaises(wsrs.asyncio.ProxyError) as raised:
            await self.socks(b"\x05\x00", refused)
        self.assertIs(type(raised.exception), wsrs.asyncio.ProxyError)
        self.assertEqual(raised.exception.__cause__.status, 2)
        with self.assertRaises(wsrs.asyncio.ProxyError):
            await self.socks(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def test_that_of_the_environment_which_is_none(self) -> None:
        with environment(wss_proxy="ftp://here"):
            with self.assertRaisesRegex(wsrs.asyncio.InvalidProxy, "wss_proxy"):
                await connect("wss://localhost:1/", ssl=of_client())


class Addresses(unittest.IsolatedAsyncioTestCase):
    async def test_where_from(self) -> None:
        async def tell(connection: Any) -> None:
            await connection.send(connection.remote_address[0])

        async with serve(tell, "127.0.0.1", 0) as server:
            async with connect(uri(server), local_addr=("127.0.0.3", 0)) as client:
                self.assertEqual((await client.recv(), client.local_address[0]), ("127.0.0.3", "127.0.0.3"))
            for nowhere in ("192.0.2.1", "nonsense"):
                with self.assertRaisesRegex(OSError, nowhere) as raised:
                    await connect(uri(server), local_addr=(nowhere, 0))
                self.assertEqual(raised.exception.errno, errno.EADDRNOTAVAIL)


if __name__ == "__main__":
    unittest.main()
