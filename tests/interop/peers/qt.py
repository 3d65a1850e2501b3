"""Qt WebSockets (QtWebSockets, through PyQt5) as a peer: qt.py server|client [tls]"""

import re
import sys

from lines import REFUSED_ORIGIN, TLS, Cannot, certificate, obey, say
from PyQt5.QtCore import QT_VERSION_STR, QCoreApplication, QFile, QIODevice, QSocketNotifier, QUrl
from PyQt5.QtNetwork import QHostAddress, QNetworkRequest, QSsl, QSslCertificate, QSslConfiguration, QSslKey
from PyQt5.QtWebSockets import QWebSocket, QWebSocketProtocol, QWebSocketServer


def tls():
    """With server.pem for a server, for a client with nobody trusted but ca.pem."""
    configuration = QSslConfiguration.defaultConfiguration()
    configuration.setCaCertificates(QSslCertificate.fromPath(certificate("ca.pem")))
    if sys.argv[1] == "server":
        key = QFile(certificate("server.key"))
        key.open(QIODevice.ReadOnly)
        configuration.setLocalCertificate(QSslCertificate.fromPath(certificate("server.pem"))[0])
        configuration.setPrivateKey(QSslKey(key, QSsl.Ec))
    return configuration


class Peer:
    def __init__(self):
        self.kept = []

    def watch(self, ws):
        self.ws = ws
        self.kept.append(ws)
        ws.textMessageReceived.connect(lambda text: say("message", "text", text.encode()))
        ws.binaryMessageReceived.connect(lambda data: say("message", "binary", bytes(data)))
        ws.pong.connect(lambda elapsed, data: say("pong", bytes(data)))
        ws.disconnected.connect(lambda: say("closed", ws.closeCode(), ws.closeReason().encode()))

    def listen(self):
        self.server = QWebSocketServer("wsrs", QWebSocketServer.SecureMode if TLS else QWebSocketServer.NonSecureMode)
        if TLS:
            self.server.setSslConfiguration(tls())
        self.server.originAuthenticationRequired.connect(lambda origin: origin.setAllowed(origin.origin() != REFUSED_ORIGIN))
        self.server.newConnection.connect(self.accept)
        self.server.listen(QHostAddress.LocalHost, 0)
        say("listening", self.server.serverPort())

    def accept(self):
        self.watch(self.server.nextPendingConnection())
        say("open", "-")

    def connect(self, url, subprotocols):
        request = QNetworkRequest(QUrl(url))
        if subprotocols:
            raise Cannot("QWebSocket has no subprotocols before Qt 6.4")
        ws = QWebSocket()
        if TLS:
            ws.setSslConfiguration(tls())
        opened = []

        def failed(error):
            status = re.search(r"status code: (\d+)", ws.errorString())
            if not opened:
                say("failed", status[1] if status else 0)

        def connected():
            opened.append(True)
            self.watch(ws)
            say("open", "-")

        ws.error.connect(failed)
        ws.connected.connect(connected)
        self.kept.append(ws)
        ws.open(request)

    def text(self, data):
        self.ws.sendTextMessage(data.decode())

    def binary(self, data):
        self.ws.sendBinaryMessage(data)

    def fragments(self, kind, parts):
        """Qt cuts by size, so that as many frames leave as were asked for, but with other borders."""
        data = b"".join(parts)
        self.ws.setOutgoingFrameSize(-(-len(data) // (len(parts))))
        self.text(data) if kind == "text" else self.binary(data)

    def ping(self, data):
        self.ws.ping(data)

    def close(self, code, reason):
        self.ws.close(QWebSocketProtocol.CloseCode(code), reason.decode())


def read_command():
    line = sys.stdin.readline()
    if line:
        obey(peer, line)
    else:
        application.quit()


application = QCoreApplication(sys.argv)
peer = Peer()
say("version", QT_VERSION_STR)
if sys.argv[1] == "server":
    peer.listen()
notifier = QSocketNotifier(0, QSocketNotifier.Read)
notifier.activated.connect(read_command)
application.exec_()
