"""libcurl as a peer: curl.py client [tls]. The library is the one that the wheel of curl_cffi brings; Debian 12's has no WebSocket."""

import io
import select
import struct
import sys

from curl_cffi import Curl, CurlError, CurlInfo, CurlOpt
from curl_cffi.const import CurlECode, CurlWsFlag
from lines import certificate, obey, say


class Peer:
    curl = None
    message = b""

    def connect(self, url, subprotocols):
        head = io.BytesIO()
        self.curl, self.message = Curl(), b""
        self.curl.setopt(CurlOpt.URL, url.encode())
        self.curl.setopt(CurlOpt.CAINFO, certificate("ca.pem").encode())
        self.curl.setopt(CurlOpt.CONNECT_ONLY, 2)
        self.curl.setopt(CurlOpt.HEADERDATA, head)
        if subprotocols:
            self.curl.setopt(CurlOpt.HTTPHEADER, [b"Sec-WebSocket-Protocol: " + ", ".join(subprotocols).encode()])
        try:
            self.curl.perform()
        except CurlError:
            say("failed", self.curl.getinfo(CurlInfo.RESPONSE_CODE))
            self.curl = None
            return
        fields = dict(line.lower().split(": ", 1) for line in head.getvalue().decode().splitlines() if ": " in line)
        say("open", fields.get("sec-websocket-protocol"))

    def socket(self):
        return self.curl.getinfo(CurlInfo.ACTIVESOCKET) if self.curl else None

    def read(self):
        """Everything that has come."""
        try:
            while self.curl:
                self.take(*self.curl.ws_recv())
        except CurlError as error:
            if error.code != CurlECode.AGAIN:
                self.end(1006, b"")

    def take(self, data, frame):
        self.message += data
        if frame.bytesleft or frame.flags & CurlWsFlag.CONT:
            return
        message, self.message = self.message, b""
        if frame.flags & CurlWsFlag.CLOSE:
            self.send(message, CurlWsFlag.CLOSE)
            self.end(struct.unpack(">H", message[:2])[0] if message else 1005, message[2:])
        elif frame.flags & CurlWsFlag.PONG:
            say("pong", message)
        elif frame.flags & CurlWsFlag.PING:
            say("ping", message)
        else:
            say("message", "text" if frame.flags & CurlWsFlag.TEXT else "binary", message)

    def end(self, code, reason):
        self.curl.close()
        self.curl = None
        say("closed", code, reason)

    def send(self, data, flags):
        while True:
            try:
                sent = self.curl.ws_send(data, flags)
            except CurlError as error:
                if error.code != CurlECode.AGAIN:
                    raise
                select.select([], [self.socket()], [])
                continue
            data = data[sent:]
            if not data:
                return

    def text(self, data):
        self.send(data, CurlWsFlag.TEXT)

    def binary(self, data):
        self.send(data, CurlWsFlag.BINARY)

    def fragments(self, kind, parts):
        flag = CurlWsFlag.TEXT if kind == "text" else CurlWsFlag.BINARY
        for part in parts[:-1]:
            self.send(part, flag | CurlWsFlag.CONT)
        self.send(parts[-1], flag)

    def ping(self, data):
        self.send(data, CurlWsFlag.PING)

    def close(self, code, reason):
        self.send(struct.pack(">H", code) + reason, CurlWsFlag.CLOSE)


peer = Peer()
say("version", Curl().version().decode().split()[0].partition("/")[2])
while True:
    sources = [source for source in (sys.stdin, peer.socket()) if source is not None]
    ready, _, _ = select.select(sources, [], [])
    if sys.stdin in ready:
        line = sys.stdin.readline()
        if not line:
            break
        obey(peer, line)
    peer.read()
