"""Two Python clients talk through the chat server: chat.py http://HOST:PORT/

SSL_CERT_FILE names the authority that a page at https:// is trusted by.
"""

import ssl
import sys
import urllib.request

from checks import check, end
from one_at_a_time import for_threads
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PAGE = sys.argv[1]
CHAT = PAGE.replace("http", "ws", 1) + "chat"
OPTIONS = {"proxy": None, **({"ssl": for_threads(ssl.create_default_context())} if CHAT.startswith("wss:") else {})}

with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(PAGE, timeout=20) as answer:
    body = answer.read().decode()
    check("the page is served", answer.status == 200 and "<title>wsrs chat</title>" in body)

with connect(CHAT, **OPTIONS) as ann, connect(CHAT, **OPTIONS) as bob:
    ann.send("Ann")
    check("both hear that Ann is here", ann.recv(20) == bob.recv(20) == "Ann is here")
    bob.send("Bob")
    check("both hear that Bob is here", ann.recv(20) == bob.recv(20) == "Bob is here")
    ann.send("Grüße!")
    check("both hear Ann", ann.recv(20) == bob.recv(20) == "Ann: Grüße!")
    bob.close()
    check("Ann hears that Bob left", ann.recv(20) == "Bob left")
    ann.send(b"binary")
    try:
        ann.recv(20)
        check("binary is refused", False)
    except ConnectionClosed as closed:
        check("binary is refused", closed.rcvd and closed.rcvd.code == 1003, closed)

for name, url, origin, status in [
    ("another page's script is refused", CHAT, "http://example.com", 403),
    ("another path is refused", CHAT + "2", None, 404),
]:
    try:
        with connect(url, origin=origin, **OPTIONS):
            check(name, False)
    except InvalidStatus as refused:
        check(name, refused.response.status_code == status, refused)
end()
