"""TLS with openssl's own programs: cipher suites, certificates that must be refused (H16), renegotiation, resumption.
Used by run.py.

Each check starts our end (peers/wsrs.c) with the options that it is about, and s_client or s_server with the opposite.
"""

import os
import socket
import ssl
import tempfile

from ends import Broken, End
from openssl import ALERT, Client, Server, answer_to

NAME = "openssl s_client and s_server"
# By openssl's name of the suite: the certificate that it takes, and the name by IANA, which wsrs tells.
SUITES_1_2 = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": ("server", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    "ECDHE-ECDSA-AES256-GCM-SHA384": ("server", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    "ECDHE-ECDSA-CHACHA20-POLY1305": ("server", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    "ECDHE-RSA-AES128-GCM-SHA256": ("rsa", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    "ECDHE-RSA-AES256-GCM-SHA384": ("rsa", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    "ECDHE-RSA-CHACHA20-POLY1305": ("rsa", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
}
SUITES_1_3 = {
    name: ("server", name)
    for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
}
# What a client must say of a server's certificate: the alert (RFC 8446 section 6.2), and words of on_error.
REFUSED = {
    "wrong-name": (42, "name localhost not in certificate: other.test, *.other.test"),
    "expired": (45, "certificate expired on 2021-01-01 00:00:00 UTC"),
    "not-yet": (45, "certificate is not valid before 2090-01-01 00:00:00 UTC"),
    "self-signed": (48, "unknown issuer CN=localhost"),
    "other": (48, "unknown issuer CN=another test authority,O=Example"),
    "leaf": (48, "unknown issuer CN=wsrs test intermediate,O=Example"),
    "wrong-usage": (43, "not meant for this use"),
}
# What a server must say of a client's: the alert.
CLIENTS = {"client-expired": 45, "client-other": 48, "client-wrong-usage": 43}
VERSIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


class Checks:
    """`ours` is the command of our end; the words after the role are options of wsrs_tls_options."""

    def __init__(self, ours, environment, log):
        self.command, self.environment, self.log = ours, environment, log
        self.certificates = environment["CERTIFICATES"]
        self.running = []

    def end(self):
        while self.running:
            self.running.pop().end()

    def _run(self, one):
        self.running.append(one)
        return one

    def ours(self, role, *options):
        return self._run(End("wsrs", [self.command, role, *options], self.environment, self.log))

    def our_server(self, *options, certificate="server"):
        ours = self.ours("server", "cert=%s.pem" % certificate, "key=%s.key" % certificate, *options)
        return ours, int(ours.next("listening")[1])

    def our_client(self, *options):
        return self.ours("client", "ca=ca.pem", *options)

    def client(self, port, *options):
        return self._run(Client(self.certificates, port, *options))

    def server(self, name, *options):
        return self._run(Server(self.certificates, name, *options))

    def file(self, name):
        return os.path.join(self.certificates, name)

    def own(self, name):
        """Options of s_client for a certificate of its own."""
        return ["-cert", self.file(name + ".pem"), "-key", self.file(name + ".key")]


def tells(ours, **wanted):
    """Our end tells these of its newest TLS connection."""
    report = dict(word.split("=", 1) for word in ours.next("tls")[1:])
    found = {name: report.get(name) for name in wanted}
    if found != wanted:
        raise Broken("wsrs tells %s, not %s" % (found, wanted))


def fails(ours, alert, words):
    """on_error comes, at the stage of TLS, with this alert and these words."""
    report = ours.next("failed")
    if report[1:4] != ["0", "tls", str(alert)] or words not in " ".join(report[4:]):
        raise Broken("wsrs reports: %s; expected alert %d and: %s" % (" ".join(report), alert, words))


def complains(program, alert):
    """s_client ended since it got this alert."""
    complaint = program.complaint()
    if str(alert) not in ALERT.findall(complaint):
        raise Broken("openssl says %s; expected alert %d" % (complaint[-300:], alert))


def suite_as_server(version, suite, certificate, known_as):
    def check(checks):
        ours, port = checks.our_server(certificate=certificate)
        choice = "-ciphersuites" if version == "1.3" else "-cipher"
        client = checks.client(port, "-quiet", VERSIONS[version], choice, suite)
        client.upgrade(ours)
        tells(ours, version=version, cipher=known_as, sni="localhost", resumed="0")
        client.exchange(ours)

    return check


def suite_as_client(version, suite, certificate, known_as):
    def check(checks):
        choice = "-ciphersuites" if version == "1.3" else "-cipher"
        server = checks.server(certificate, "-quiet", VERSIONS[version], choice, suite)
        ours = checks.our_client()
        server.upgrade(ours)
        tells(ours, version=version, cipher=known_as, sni="localhost", resumed="0")
        server.exchange(ours)

    return check


def chain(checks):
    """An intermediate authority comes with the certificate, either way."""
    ours, port = checks.our_server(certificate="chain")
    client = checks.client(port, "-quiet")
    client.upgrade(ours)
    client.exchange(ours)
    server = checks.server("chain", "-quiet")
    ours = checks.our_client()
    server.upgrade(ours)
    server.exchange(ours)


def old_version(checks):
    """TLS 1.1 and suites without forward secrecy are not spoken: alert handshake_failure."""
    ours, port = checks.our_server()
    old = checks.client(port, "-quiet", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    complains(old, 40)
    ours, port = checks.our_server(certificate="rsa")
    weak = checks.client(port, "-quiet", "-tls1_2", "-cipher", "AES128-GCM-SHA256")
    complains(weak, 40)


def bounds_as_server(checks):
    """min=1.3 refuses TLS 1.2, max=1.2 brings TLS 1.3 down."""
    ours, port = checks.our_server("min=1.3")
    complains(checks.client(port, "-quiet", "-tls1_2"), 70)
    ours, port = checks.our_server("max=1.2")
    client = checks.client(port, "-quiet")
    client.upgrade(ours)
    tells(ours, version="1.2")


def bounds_as_client(checks):
    server = checks.server("server", "-quiet")
    ours = checks.our_client("max=1.2")
    server.upgrade(ours)
    tells(ours, version="1.2")
    server = checks.server("server", "-quiet", "-tls1_2")
    ours = checks.our_client("min=1.3")
    ours.do("connect", server.url, "-")
    fails(ours, 70, "no version of TLS in common")


def refused_by_us(name, version):
    """H16: a server whose certificate is not good."""

    def check(checks):
        alert, words = REFUSED[name]
        server = checks.server(name, "-quiet", VERSIONS[version])
        ours = checks.our_client()
        ours.do("connect", server.url, "-")
        fails(ours, alert, words)
        if server.alert() != alert:
            raise Broken("the server got another alert")

    return check


def client_refused_by_us(name, version):
    """H16: a client whose certificate is not good."""

    def check(checks):
        alert = CLIENTS[name]
        ours, port = checks.our_server("client_certs=required", "ca=ca.pem")
        complains(checks.client(port, "-quiet", "-ign_eof", VERSIONS[version], *checks.own(name)), alert)

    return check


def client_without(version):
    """H16: no client certificate where one is required: alert certificate_required, of rustls in TLS 1.2 too."""

    def check(checks):
        ours, port = checks.our_server("client_certs=required", "ca=ca.pem")
        complains(checks.client(port, "-quiet", "-ign_eof", VERSIONS[version]), 116)

    return check


def client_certificate(checks):
    """Subject and names of a client's certificate are told."""
    for mode in "optional", "required":
        ours, port = checks.our_server("client_certs=" + mode, "ca=ca.pem")
        client = checks.client(port, "-quiet", *checks.own("client"))
        client.upgrade(ours)
        tells(ours, subject="CN=device_17,O=Example", names="DNS:device-17.test,_email:device@example.test")
        client.exchange(ours)
    ours, port = checks.our_server("client_certs=optional", "ca=ca.pem")
    client = checks.client(port, "-quiet")
    client.upgrade(ours)
    tells(ours, subject="-", names="-")


def our_certificate(version):
    """s_server asks for a certificate: we show ours, or are told that one is required."""

    def check(checks):
        options = ["-quiet", VERSIONS[version], "-Verify", "2", "-CAfile", checks.file("ca.pem"), "-verify_return_error"]
        server = checks.server("server", *options)
        ours = checks.our_client("cert=client.pem", "key=client.key")
        server.upgrade(ours)
        server.exchange(ours)
        server = checks.server("server", *options)
        ours = checks.our_client()
        ours.do("connect", server.url, "-")
        fails(ours, 116 if version == "1.3" else 40, "certificate")

    return check


def alpn(checks):
    ours, port = checks.our_server("alpn=http/1.1")
    client = checks.client(port, "-quiet", "-alpn", "h2,http/1.1")
    client.upgrade(ours)
    tells(ours, alpn="http/1.1")
    complains(checks.client(port, "-quiet", "-alpn", "h2"), 120)
    server = checks.server("server", "-quiet", "-alpn", "http/1.1")
    ours = checks.our_client("alpn=http/1.1")
    server.upgrade(ours)
    tells(ours, alpn="http/1.1")


def resumed_as_server(version):
    def check(checks):
        ours, port = checks.our_server()
        with tempfile.TemporaryDirectory() as folder:
            session = os.path.join(folder, "session")
            client = checks.client(port, "-quiet", VERSIONS[version], "-sess_out", session)
            client.upgrade(ours)
            tells(ours, version=version, resumed="0")
            client.exchange(ours)
            client.end()
            ours.expect("closed", 1006)
            client = checks.client(port, "-quiet", VERSIONS[version], "-sess_in", session)
            client.upgrade(ours)
            tells(ours, version=version, resumed="1", sni="localhost")
            client.exchange(ours)

    return check


def reconnects(checks):
    """s_client -reconnect: five more connections with the session of the first."""
    ours, port = checks.our_server()
    client = checks.client(port, "-reconnect", "-tls1_2")
    for _ in range(5):
        client.until(b"Reused, TLSv1.2")


def resumed_as_client(version):
    def check(checks):
        server = checks.server("server", VERSIONS[version])
        ours = checks.our_client()
        for resumed in "01":
            server.upgrade(ours)
            tells(ours, version=version, resumed=resumed)
            server.exchange(ours)
            server.write(b"q\n")
            ours.expect("closed", 1006, b"", "unclean", "network")

    return check


def renegotiation_asked_by_client(checks):
    """H16: RFC 5246 section 7.2.2: no_renegotiation. openssl takes that for an error and leaves."""
    ours, port = checks.our_server()
    client = checks.client(port, "-tls1_2")
    client.upgrade(ours)
    client.exchange(ours)
    client.write(b"R\n")
    client.until(b"no renegotiation", "stderr")
    ours.expect("closed", 1006)
    client = checks.client(port, "-quiet")
    client.upgrade(ours)
    client.exchange(ours)


def renegotiation_asked_by_server(checks):
    """H16: a HelloRequest is answered with no_renegotiation, and nothing is negotiated."""
    server = checks.server("server", "-tls1_2")
    ours = checks.our_client()
    server.upgrade(ours)
    server.exchange(ours)
    server.write(b"r\n")
    server.until(b"no renegotiation", "stderr")


def ends_of_clients(checks):
    """H16: s_client ends its side by close_notify when its input ends; one that is killed cuts the connection off."""
    ours, port = checks.our_server()
    for words, leave in ([], lambda client: client.process.stdin.close()), (["truncated"], lambda client: client.end()):
        client = checks.client(port, "-quiet", "-no_ign_eof")
        client.upgrade(ours)
        client.exchange(ours)
        leave(client)
        is_end(ours, words)


def ends_of_servers(checks):
    """H16: the same with a server on Python's ssl, since s_server never sends close_notify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(checks.file("server.pem"), checks.file("server.key"))
    ours = checks.our_client()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for words, leave in ([], lambda server: server.unwrap()), (["truncated"], lambda server: None):
            ours.do("connect", "wss://localhost:%d/" % listener.getsockname()[1], "-")
            with context.wrap_socket(listener.accept()[0], server_side=True) as server:
                server.sendall(answer_to(server.recv(4096)))
                ours.expect("open", "-")
                leave(server)
            is_end(ours, words)


def is_end(ours, words):
    report = ours.next("closed")
    if report != ["closed", "1006", "-", "unclean", "network", *words]:
        raise Broken("wsrs reports: %s; expected at its end: %s" % (" ".join(report), words))


def all_checks():
    for version, suites in ("1.2", SUITES_1_2), ("1.3", SUITES_1_3):
        for suite, (certificate, known_as) in suites.items():
            yield "TLS %s, %s, wsrs is the server" % (version, suite), suite_as_server(version, suite, certificate, known_as)
            yield "TLS %s, %s, wsrs is the client" % (version, suite), suite_as_client(version, suite, certificate, known_as)
    yield "a chain with an intermediate authority", chain
    yield "TLS 1.1 and suites without forward secrecy are refused", old_version
    yield "version bounds, wsrs is the server", bounds_as_server
    yield "version bounds, wsrs is the client", bounds_as_client
    yield "ALPN", alpn
    yield "client certificates are told", client_certificate
    for version in VERSIONS:
        for name in REFUSED:
            yield "H16, TLS %s: server certificate: %s" % (version, name), refused_by_us(name, version)
        for name in CLIENTS:
            yield "H16, TLS %s: client certificate: %s" % (version, name), client_refused_by_us(name, version)
        yield "H16, TLS %s: client certificate: none" % version, client_without(version)
        yield "TLS %s, our client certificate" % version, our_certificate(version)
        yield "TLS %s, resumed, wsrs is the server" % version, resumed_as_server(version)
        yield "TLS %s, resumed, wsrs is the client" % version, resumed_as_client(version)
    yield "s_client -reconnect", reconnects
    yield "H16: close_notify and none, wsrs is the server", ends_of_clients
    yield "H16: close_notify and none, wsrs is the client", ends_of_servers
    yield "H16: renegotiation asked for by a client", renegotiation_asked_by_client
    yield "H16: renegotiation asked for by a server", renegotiation_asked_by_server
