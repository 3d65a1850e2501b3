"""wss://: endpoints, certificates, what was agreed on, and what is refused."""

import base64
import gc
import hashlib
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any, List, Tuple

import wsrs
from support import PATIENCE, Case, certificates, of_client, of_server, url
from wsrs import _native

CERTIFICATE_REQUIRED = 116  # RFC 8446, section 6


def wss(listener: wsrs.Listener) -> str:
    return url(listener, scheme="wss").replace("127.0.0.1", "localhost")


class TlsCase(Case):
    def both(self, server: wsrs.Tls, client: wsrs.Tls) -> Tuple[wsrs.Connection, wsrs.Connection]:
        """Both ends of a connection: the client's and the server's."""
        context = self.context()
        opened: List[wsrs.Connection] = []
        listener = context.listen("127.0.0.1:0", tls=server, on_open=opened.append)
        conn = self.outcome(context, wss(listener), tls=client)
        self.assertIsInstance(conn, wsrs.Connection, conn)
        self.until(context, lambda: opened)
        return conn, opened[0]

    def refusal(self, server: wsrs.Tls, client: wsrs.Tls) -> wsrs.Error:
        context = self.context()
        error = self.outcome(context, wss(context.listen("127.0.0.1:0", tls=server)), tls=client)
        self.assertIsInstance(error, wsrs.Error)
        return error


class Agreed(TlsCase):
    def test_messages_and_what_was_agreed_on(self) -> None:
        got = []
        client, server = self.both(of_server(alpn=["http/1.1"]), of_client(alpn=["other", "http/1.1"]))
        server._on_message = lambda conn, message: conn.send(message)
        client._on_message = lambda conn, message: got.append(message)
        client.send("ü")
        client.send(b"x" * 100_000)
        self.until(client.context, lambda: len(got) == 2)
        self.assertEqual(got, ["ü", b"x" * 100_000])
        info = client.tls_info()
        self.assertIs(info.version, wsrs.TLS_1_3)
        self.assertRegex(info.cipher, "^TLS_")
        self.assertEqual((info.alpn, info.server_name, info.resumed), ("http/1.1", "localhost", False))
        pem = (certificates() / "server.pem").read_text()
        self.assertEqual(info.peer_cert, ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :]))
        self.assertEqual(info.peer_subject, "CN=localhost")
        self.assertEqual(info.peer_names, ("DNS:localhost", "IP:127.0.0.1", "IP:::1"))
        info = server.tls_info()
        self.assertEqual((info.alpn, info.server_name, info.peer_cert), ("http/1.1", "localhost", None))
        self.assertEqual((info.peer_subject, info.peer_names), ("", ()))
        timings = client.timings()
        self.assertTrue(0 < timings.tls < timings.total < 20 and timings.upgrade > 0 and timings.proxy == 0, timings)
        with self.assertRaises(wsrs.NotFoundError):
            server.timings()

    def test_a_connection_without_tls_has_no_info(self) -> None:
        for conn in self.pair(self.context()):
            with self.assertRaises(wsrs.NotFoundError):
                conn.tls_info()

    def test_versions(self) -> None:
        client, _ = self.both(of_server(max_version=wsrs.TLS_1_2), of_client())
        self.assertIs(client.tls_info().version, wsrs.TLS_1_2)
        error = self.refusal(of_server(min_version=wsrs.TLS_1_3), of_client(max_version=wsrs.TLS_1_2))
        self.assertIs(type(error), wsrs.TlsError)
        self.assertEqual((error.stage, error.tls_alert), (wsrs.Stage.TLS, 70))  # protocol_version

    def resumed(self, **options: Any) -> List[bool]:
        """Of two connections, one after the other."""
        client, seen = of_client(**options), []
        context = self.context()
        listener = context.listen("127.0.0.1:0", tls=of_server(), on_open=lambda conn: conn.send("tickets came before"))
        for _ in range(2):
            got: List[Any] = []
            conn = context.connect(wss(listener), tls=client, on_message=lambda conn, message: got.append(message))
            self.until(context, lambda: got)
            seen.append(conn.tls_info().resumed)
        return seen

    def test_sessions_are_resumed(self) -> None:
        self.assertEqual(self.resumed(), [False, True])
        self.assertEqual(self.resumed(no_resumption=True), [False, False])

    def test_tls_or_plain_on_one_port(self) -> None:
        context = self.context()
        listener = context.listen("127.0.0.1:0", tls=of_server(), tls_or_plain=True)
        self.assertIsInstance(self.outcome(context, url(listener)), wsrs.Connection)
        self.assertIsInstance(self.outcome(context, wss(listener), tls=of_client()), wsrs.Connection)

    def test_pem_in_memory(self) -> None:
        folder = certificates()
        server = wsrs.Tls(cert=(folder / "server.pem").read_bytes(), key=(folder / "server.key").read_text())
        self.both(server, wsrs.Tls(ca=(folder / "ca.pem").read_text()))
        both = (folder / "server.pem").read_bytes() + (folder / "server.key").read_bytes()
        self.both(wsrs.Tls(cert=both), wsrs.Tls(ca=(folder / "ca.pem").read_bytes(), ca_and_system=True))

    def test_the_environment_names_the_trust_store(self) -> None:
        context = self.context()
        listener = context.listen("127.0.0.1:0", tls=of_server())
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE", None)
        os.environ["SSL_CERT_FILE"] = str(certificates() / "ca.pem")
        self.assertIsInstance(self.outcome(context, wss(listener), tls=wsrs.Tls()), wsrs.Connection)

    def test_secrets_are_logged_when_asked_for(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "keys")
            self.addCleanup(os.environ.pop, "SSLKEYLOGFILE", None)
            os.environ["SSLKEYLOGFILE"] = str(path)
            self.both(of_server(), of_client())
            self.assertFalse(path.exists())
            self.both(of_server(), of_client(key_log=True))
            self.assertIn("CLIENT_HANDSHAKE_TRAFFIC_SECRET", path.read_text())


class Verified(TlsCase):
    def test_certificates_that_are_refused(self) -> None:
        for name, words in (
            ("wrong-name", "other.test"),
            ("expired", "2021-01-01"),
            ("not-yet", "2090-01-01"),
            ("other", "issuer"),
            ("wrong-usage", ""),
        ):
            with self.subTest(name):
                error = self.refusal(of_server(name), of_client())
                self.assertIs(type(error), wsrs.CertificateError)
                self.assertIs(error.stage, wsrs.Stage.TLS)
                self.assertNotEqual(error.tls_alert, 0)
                self.assertIn(words, str(error))

    def test_server_names_pins_and_no_verification(self) -> None:
        self.both(of_server("wrong-name"), of_client(server_name="other.test"))
        key = ["openssl", "pkey", "-in", str(certificates() / "server.key"), "-pubout", "-outform", "DER"]
        public = subprocess.run(key, stdout=subprocess.PIPE, check=True).stdout
        pin = "sha256//" + base64.b64encode(hashlib.sha256(public).digest()).decode()
        other = "sha256//" + base64.b64encode(bytes(32)).decode()
        self.both(of_server(), of_client(pins=[other, pin]))
        self.assertIsInstance(self.refusal(of_server(), of_client(pins=[other])), wsrs.CertificateError)
        self.both(of_server("expired"), wsrs.Tls(dangerous_no_verification=True))

    def test_client_certificates(self) -> None:
        folder = certificates()
        known = of_client(cert_file=folder / "client.pem", key_file=str(folder / "client.key"))
        for asked in (wsrs.ClientCerts.OPTIONAL, wsrs.ClientCerts.REQUIRED):
            _, server = self.both(of_server(ca_file=folder / "ca.pem", client_certs=asked), known)
            info = server.tls_info()
            self.assertIn("CN=device 17", info.peer_subject)
            self.assertEqual(info.peer_names, ("DNS:device-17.test", "email:device@example.test"))
            self.assertIsNotNone(info.peer_cert)
        self.both(of_server(ca_file=folder / "ca.pem", client_certs=wsrs.ClientCerts.OPTIONAL), of_client())
        error = self.refusal(of_server(ca_file=folder / "ca.pem", client_certs=wsrs.ClientCerts.REQUIRED), of_client())
        self.assertIsInstance(error, wsrs.TlsError)
        self.assertEqual(error.tls_alert, CERTIFICATE_REQUIRED)

    def test_the_client_certificate_is_known_in_on_request(self) -> None:
        folder, seen = certificates(), []
        server = of_server(ca_file=folder / "ca.pem", client_certs=wsrs.ClientCerts.REQUIRED)
        context = self.context(on_request=lambda conn, request: seen.append(conn.tls_info().peer_names[0]))
        client = of_client(cert_file=folder / "client.pem", key_file=folder / "client.key")
        self.outcome(context, wss(context.listen("127.0.0.1:0", tls=server)), tls=client)
        self.assertEqual(seen, ["DNS:device-17.test"])


class Endpoints(TlsCase):
    def test_certificates_are_changed_while_it_listens(self) -> None:
        folder = certificates()
        server = of_server()
        context = self.context()
        listener = context.listen("127.0.0.1:0", tls=server)

        def subject(name: str) -> str:
            client = of_client(server_name=name, no_resumption=True)
            conn = self.outcome(context, wss(listener), tls=client)
            return conn.tls_info().peer_subject if isinstance(conn, wsrs.Connection) else type(conn).__name__

        first = self.outcome(context, wss(listener), tls=of_client())
        self.assertEqual(subject("a.second.test"), "CertificateError")
        server.set_cert("*.second.test", cert_file=folder / "second.pem", key_file=folder / "second.key")
        self.assertEqual((subject("a.second.test"), subject("localhost")), ("CN=second.test", "CN=localhost"))
        server.remove_cert("*.second.test")
        self.assertEqual(subject("a.second.test"), "CertificateError")
        server.set_cert(cert=(folder / "second.pem").read_bytes(), key=(folder / "second.key").read_bytes())
        self.assertEqual((subject("second.test"), subject("localhost")), ("CN=second.test", "CertificateError"))
        self.assertIs(first.state, wsrs.State.OPEN)
        with self.assertRaises(wsrs.NotFoundError):
            server.remove_cert("nobody.test")
        for wrong in ({}, {"cert": b"", "cert_file": "x"}):
            with self.assertRaises(ValueError):
                server.set_cert(**wrong)

    def test_files_that_are_none(self) -> None:
        folder = certificates()
        with tempfile.TemporaryDirectory() as other:
            missing = str(Path(other, "missing.pem"))
            for options in ({"cert_file": missing}, {"ca_file": missing}):
                with self.assertRaisesRegex(wsrs.PemError, re.escape(missing)):
                    wsrs.Tls(**options)
        with self.assertRaises(wsrs.PemError) as raised:
            wsrs.Tls(cert_file=folder / "server.pem", key_file=folder / "client.key")
        self.assertIsInstance(raised.exception, ValueError)
        with self.assertRaises(wsrs.PemError):
            wsrs.Tls(ca="nonsense")
        with self.assertRaises(wsrs.PemError):
            of_server().set_cert(cert=b"nonsense")
        for wrong in ({"pins": ["sha1//x"]}, {"alpn": ["a,b"]}, {"alpn": [""]}, {"min_version": 1}, {"client_certs": 7}):
            with self.assertRaises(wsrs.ArgumentError):
                wsrs.Tls(**wrong)
        with self.assertRaises(TypeError):
            wsrs.Tls(certificate="server.pem")

    def test_what_is_no_endpoint(self) -> None:
        context = self.context()
        with self.assertRaisesRegex(TypeError, "wsrs.Tls, not ssl.SSLContext"):
            context.connect("wss://localhost/", tls=ssl.create_default_context())
        with self.assertRaisesRegex(TypeError, "wsrs.Tls"):
            context.listen("127.0.0.1:0", tls="server.pem")
        self.assertEqual(context.connections, ())

    def test_a_closed_endpoint(self) -> None:
        context = self.context()
        with of_server() as server:
            listener = context.listen("127.0.0.1:0", tls=server)
        server.close()
        self.assertIsInstance(self.outcome(context, wss(listener), tls=of_client()), wsrs.Connection)
        for call in (
            lambda: context.listen("127.0.0.1:0", tls=server),
            lambda: context.connect(wss(listener), tls=server),
            lambda: server.remove_cert(),
        ):
            with self.assertRaises(wsrs.ClosedError):
                call()

    def test_an_endpoint_that_is_forgotten(self) -> None:
        context = self.context()
        server = of_server()
        id = server.id
        listener = context.listen("127.0.0.1:0", tls=server)
        del server
        gc.collect()
        self.assertEqual(_native.tls_remove_cert(id, None), wsrs.ClosedError.code)
        self.assertIsInstance(self.outcome(context, wss(listener), tls=of_client()), wsrs.Connection)
        with self.assertRaises(TypeError):
            __import__("copy").copy(of_client())


class Ends(TlsCase):
    def test_tcp_that_ends_without_the_end_of_tls(self) -> None:
        """`truncated` tells a cut from an end without a Close."""
        for orderly in (False, True):
            with self.subTest(orderly=orderly):
                ends: List[wsrs.CloseInfo] = []
                context = self.context(on_close=lambda conn, info: ends.append(info))
                thread, address = self.serve_and_end(orderly)
                context.connect(address, tls=of_client())
                self.until(context, lambda: ends)
                thread.join()
                self.assertEqual((ends[0].code, ends[0].by, ends[0].truncated), (1006, wsrs.By.NETWORK, not orderly))

    def serve_and_end(self, orderly: bool) -> Tuple[threading.Thread, str]:
        """Python's own TLS plays a server that ends without a Close."""
        from behaviours import accept_value

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates() / "server.pem", certificates() / "server.key")
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(PATIENCE)

        def serve() -> None:
            plain, _ = listening.accept()
            plain.settimeout(PATIENCE)
            with listening, context.wrap_socket(plain, server_side=True) as conn:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += conn.recv(4096)
                key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1].decode()
                conn.sendall(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Accept: {accept_value(key)}\r\n\r\n".encode()
                )
                if orderly:
                    conn.unwrap().close()

        thread = threading.Thread(target=serve)
        thread.start()
        return thread, f"wss://localhost:{listening.getsockname()[1]}/"


if __name__ == "__main__":
    unittest.main()
