"""Python websockets against our echo server: python_client.py URL

SSL_CERT_FILE names the authority of a server at wss://.
"""

import socket
import ssl
import sys

from checks import check, end
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

URL = sys.argv[1]
MIB = 1 << 20
MESSAGES = {
    "text": "Grüße, 世界 🎉",
    "empty text": "",
    "empty binary": b"",
    "binary, 125 bytes": bytes(range(125)),
    "binary, 126 bytes": bytes(range(126)),
    "binary, 65,535 bytes": b"x" * 65535,
    "binary, 65,536 bytes": b"y" * 65536,
    "text, 1 MiB": "ä" * (MIB // 2),
    "binary, 16 MiB": b"z" * (16 * MIB),
}


def echoes(compression):
    with connect(URL, proxy=None, compression=compression, max_size=None) as ws:
        for name, message in MESSAGES.items():
            ws.send(message)
            check("%s (compression offered: %s)" % (name, compression or "no"), ws.recv(timeout=60) == message)


def fragments_and_pings():
    with connect(URL, proxy=None) as ws:
        ws.send(["a", "b", "", "c"])
        check("text in four fragments", ws.recv(timeout=20) == "abc")
        check("pong", ws.ping(b"are you there").wait(20))
        for number in range(1000):
            ws.send(str(number))
        check("1,000 messages in order", [ws.recv(timeout=20) for _ in range(1000)] == [str(n) for n in range(1000)])
        ws.close(4000, "done")
        check("our Close is answered", ws.protocol.close_rcvd and ws.protocol.close_rcvd.code == 4000, ws.protocol.close_rcvd)


def too_large():
    with connect(URL, proxy=None) as ws:
        try:
            ws.send(b"x" * (16 * MIB + 1))
            ws.recv(timeout=60)
            check("a message above the limit ends the connection", False)
        except ConnectionClosed as closed:
            check("a message above the limit ends the connection", closed.rcvd is None or closed.rcvd.code == 1009, closed)


def plain_get():
    host, port = URL.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as plain:
        if URL.startswith("wss:"):
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
        answer = b""
        while part := plain.recv(4096):
            answer += part
        check("a plain GET gets 426", answer.startswith(b"HTTP/1.1 426 ") and b"sec-websocket-version: 13" in answer.lower(), answer[:80])


def wrong_version():
    try:
        with connect(URL, proxy=None, additional_headers={"Sec-WebSocket-Version": "12"}):
            check("two versions are refused", False)
    except InvalidStatus as refused:
        check("two versions are refused", refused.response.status_code in (400, 426), refused)


echoes(None)
echoes("deflate")
fragments_and_pings()
too_large()
plain_get()
wrong_version()
end()
