"""Python websockets as a peer: python_websockets.py server|client [tls] [permessage-deflate[;PARAMETER...]]"""

import os
import ssl
import sys
import threading

import websockets
from lines import MOVED, REFUSED, SUBPROTOCOL, TLS, certificate, deflate, obey_all, say
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.sync.client import connect
from websockets.sync.server import serve

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from one_at_a_time import for_threads  # noqa: E402


def tls():
    """With server.pem for a server, for a client with nobody trusted but ca.pem."""
    if not TLS:
        return None
    if sys.argv[1] == "client":
        return for_threads(ssl.create_default_context(cafile=certificate("ca.pem")))
    context = for_threads(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.load_cert_chain(certificate("server.pem"), certificate("server.key"))
    return context


def extensions(factory):
    """Options of connect() and serve(); without the word on the command line the library's default."""
    asked = deflate()
    return {} if asked is None else {"compression": None, "extensions": [factory(**asked)]}


class Peer:
    ws = None

    def read(self, ws):
        """A connection, from its begin to its end."""
        self.ws = ws
        say("open", ws.subprotocol)
        try:
            while True:
                message = ws.recv()
                if isinstance(message, str):
                    say("message", "text", message.encode())
                else:
                    say("message", "binary", message)
        except ConnectionClosed as closed:
            received = closed.rcvd
            say("closed", *([received.code, received.reason.encode()] if received else [1006, b""]))

    def refuse(self, ws, request):
        if request.path.startswith(MOVED):
            response = ws.respond(302, "moved\n")
            response.headers["Location"] = "http://127.0.0.1:" + request.path[len(MOVED) :] + "/chat"
            return response
        return ws.respond(403, "no\n") if request.path == REFUSED else None

    def choose(self, ws, offered):
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    def listen(self):
        options = {"process_request": self.refuse, "select_subprotocol": self.choose, "max_size": None, "ssl": tls()}
        options.update(extensions(ServerPerMessageDeflateFactory))
        server = serve(self.read, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], **options)
        say("listening", server.socket.getsockname()[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def connect(self, url, subprotocols):
        options = {"proxy": None, "max_size": None, "ssl": tls(), **extensions(ClientPerMessageDeflateFactory)}

        def run():
            try:
                with connect(url, subprotocols=subprotocols or None, **options) as ws:
                    self.read(ws)
            except InvalidStatus as refused:
                say("failed", refused.response.status_code)
            except NegotiationError:
                say("failed", 0)

        threading.Thread(target=run, daemon=True).start()

    def text(self, data):
        self.ws.send(data.decode())

    def binary(self, data):
        self.ws.send(data)

    def fragments(self, kind, parts):
        self.ws.send([part.decode() if kind == "text" else part for part in parts])

    def ping(self, data):
        answered = self.ws.ping(data)
        threading.Thread(target=lambda: say("pong", data) if answered.wait(10) else None, daemon=True).start()

    def close(self, code, reason):
        self.ws.close(code, reason.decode())


say("version", websockets.__version__)
peer = Peer()
if sys.argv[1] == "server":
    peer.listen()
obey_all(peer)
