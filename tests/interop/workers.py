"""Answers from a pool of threads: workers.py ws://HOST:PORT/"""

import socket
import sys
from collections import Counter

from checks import UPGRADE, check, end
from websockets.sync.client import connect

URL = sys.argv[1]
TEXTS = ["message %d für alle" % number for number in range(500)]


def capitals(text):
    return "".join(c.upper() if c.isascii() else c for c in text)


def all_answered(ws):
    for text in TEXTS:
        ws.send(text)
    return Counter(ws.recv(timeout=20) for _ in TEXTS) == Counter(map(capitals, TEXTS))


def vanish():
    """Asks for much, and is gone before the answers."""
    host, port = URL.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(UPGRADE)
        plain.recv(12)
        plain.sendall(b"\x81\x84\0\0\0\0text" * 200)


with connect(URL, proxy=None) as ws:
    check("each message is answered once", all_answered(ws))
    ws.send(b"\0binary\xff")
    check("binary", ws.recv(timeout=20) == b"\0BINARY\xff")
    for _ in range(10):
        vanish()
    check("others vanish, and this one is served", all_answered(ws))
end()
