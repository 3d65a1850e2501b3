"""libsoup 3 as a peer, through GObject introspection: libsoup.py server|client [tls] [permessage-deflate]"""

import sys

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib, Soup  # noqa: E402
from lines import REFUSED, SUBPROTOCOL, TLS, Cannot, certificate, deflate, obey, say  # noqa: E402

KINDS = {"text": Soup.WebsocketDataType.TEXT, "binary": Soup.WebsocketDataType.BINARY}
NAMES = {number: name for name, number in KINDS.items()}


class Peer:
    def watch(self, ws):
        self.ws = ws
        ws.set_max_incoming_payload_size(0)
        ws.connect("message", lambda ws, kind, data: say("message", NAMES[kind], data.get_data() or b""))
        ws.connect("closed", lambda ws: say("closed", ws.get_close_code() or 1006, (ws.get_close_data() or "").encode()))
        say("open", ws.get_protocol())

    def listen(self):
        self.server = Soup.Server()
        self.server.add_handler(REFUSED, lambda server, message, *rest: message.set_status(403, None))
        self.server.add_websocket_handler("/", None, [SUBPROTOCOL], lambda server, message, path, ws: self.watch(ws))
        address = Gio.InetSocketAddress.new_from_string("127.0.0.1", 0)
        if TLS:
            self.server.set_tls_certificate(Gio.TlsCertificate.new_from_files(certificate("server.pem"), certificate("server.key")))
        self.server.listen(address, Soup.ServerListenOptions.HTTPS if TLS else Soup.ServerListenOptions(0))
        say("listening", self.server.get_uris()[0].get_port())

    def connect(self, url, subprotocols):
        message = Soup.Message.new("GET", url)

        def connected(session, result):
            try:
                self.watch(session.websocket_connect_finish(result))
            except GLib.Error:
                say("failed", int(message.get_status()))

        self.session = Soup.Session()
        if TLS:
            self.session.set_tls_database(Gio.TlsFileDatabase.new(certificate("ca.pem")))
        if deflate() is not None:
            self.session.add_feature_by_type(Soup.WebsocketExtensionManager)
            self.session.add_feature_by_type(Soup.WebsocketExtensionDeflate)
        self.session.websocket_connect_async(message, None, subprotocols or None, 0, None, connected)

    def text(self, data):
        self.ws.send_message(KINDS["text"], GLib.Bytes.new(data))

    def binary(self, data):
        self.ws.send_message(KINDS["binary"], GLib.Bytes.new(data))

    def fragments(self, kind, parts):
        raise Cannot("sends whole messages only")

    def ping(self, data):
        raise Cannot("pings by itself only, at an interval")

    def close(self, code, reason):
        self.ws.close(code, reason.decode() or None)


def read_command(*_):
    line = sys.stdin.readline()
    if line:
        obey(peer, line)
        return True
    loop.quit()
    return False


peer = Peer()
loop = GLib.MainLoop()
say("version", "%d.%d.%d" % (Soup.get_major_version(), Soup.get_minor_version(), Soup.get_micro_version()))
if sys.argv[1] == "server":
    peer.listen()
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read_command)
loop.run()
