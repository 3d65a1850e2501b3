"""The other libraries that wsrs is tried against, one Peer each. Used by run.py.

A new peer is a program in peers/ that speaks the language of ends.py, and an entry here.
"""

import dataclasses
import os
import sys

from fronts import Kind, haproxy, nginx

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILT = os.path.join(TOP, "build", "interop")
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclasses.dataclass
class Deflate:
    """What a peer can do with permessage-deflate; its program takes the word that ends.py explains."""

    # The roles in which it can ask for parameters, and the smallest window that it can ask for.
    asks: tuple = ()
    least_bits: int = 8
    # Messages of deflate_checks.py that its API or a defect keeps it from sending, and that a defect keeps it from reading.
    never_sends: tuple = ()
    never_gets: tuple = ()
    # Its compressor begins each message anew where it need not.
    forgets: bool = False


@dataclasses.dataclass
class Peer:
    name: str
    roles: list
    # The command that runs it; "server" or "client", and "tls" when it is to speak that, are appended.
    program: list
    # Ends with 0 when everything that the program needs is there; otherwise these packages are installed, or `get` is run.
    probe: list
    debian: list = ()
    get: list = ()
    # Compiles the program, when it is one to be compiled.
    build: list = ()
    # Which URLs are tried.
    schemes: tuple = ("ws",)
    # What stands before the server.
    front: Kind = None
    # Its part in deflate_checks.py.
    deflate: Deflate = None
    # Is had in seconds: part of the short run.
    quick: bool = True
    # Where the peer does something else than it should: (role, check, step): (part of what happens, words for the table).
    deviations: dict = dataclasses.field(default_factory=dict)
    # A client that can't connect without a subprotocol: what it offers in every check.
    always_offers: str = ""
    # Its pong leaves with what the program sends next; the check makes it send something.
    pong_waits: bool = False
    # Words for the legend of the table.
    remark: str = ""


def source(name):
    return os.path.join(HERE, "peers", name)


def built(name):
    return os.path.join(BUILT, name)


def install(packages):
    return ["sh", "-c", '. scripts/need.sh; install_packages "$@"', "sh", *packages]


def shell(script):
    return ["sh", "-c", script]


def make(program, compiler, file, libraries=""):
    """Compiles a program of peers/ unless it is newer than its source."""
    return shell('[ "%(to)s" -nt "%(from)s" ] || %(cc)s -o "%(to)s" "%(from)s" %(libraries)s' % {
        "to": built(program), "from": source(file), "cc": compiler, "libraries": libraries,
    })


def through(front, words, package):
    """Python websockets at the other side of a reverse proxy."""
    return Peer(
        name="Python websockets through " + words,
        **PYTHON_WEBSOCKETS,
        schemes=("wss",),
        front=front,
        probe=[front.program, "-v"],
        debian=[package],
    )


BOTH = ["server", "client"]
BOTH_SCHEMES = ("ws", "wss")
WEBSOCAT_PARTS = "--no-default-features --features unix_stdio,signal_handler"
NO_CLOSE = ("closed 1006 - unclean network", "sends no Close frame, it only ends TCP: on_close says 1006, by the network")
EMPTY_IN_CHARACTER = ("reports: closed 1007", "closes with 1007 when an empty frame stands inside a character")
PYTHON_WEBSOCKETS = {
    "roles": BOTH,
    "program": [sys.executable, source("python_websockets.py")],
}
LIBSOUP = """
import gi
gi.require_version("Soup", "3.0")
from gi.repository import Gio
assert Gio.TlsBackend.get_default().supports_tls()
"""
UWEBSOCKETS = os.path.join(TOP, "benches", "uwebsockets.py")
ASKED_WINDOWS = "wsrs asks for windows"
NOT_ASSURED = "the server's server_max_window_bits is missing or larger"
NO_ANSWER = ("no Close frame of", "sends no Close frame, it only ends TCP")
PEERS = [
    Peer(
        name="Python websockets",
        **PYTHON_WEBSOCKETS,
        schemes=BOTH_SCHEMES,
        probe=[sys.executable, "-c", "import websockets.sync.server"],
        get=[sys.executable, "-m", "pip", "install", "-q", "-r", os.path.join(HERE, "requirements.txt")],
        deflate=Deflate(asks=BOTH, least_bits=9),
        deviations={
            ("server", ASKED_WINDOWS, "8"): ("compression was not agreed on", "declines compression"),
            ("client", ASKED_WINDOWS, "8"): ("reports: failed 0", "ends the connection"),
        },
    ),
    Peer(
        name="npm ws",
        roles=BOTH,
        program=["node", source("npm_ws.js")],
        schemes=BOTH_SCHEMES,
        probe=["node", "-e", 'require("ws")'],
        get=shell(". scripts/need.sh; want node nodejs; want npm npm; need_node_modules"),
        deflate=Deflate(asks=BOTH),
    ),
    Peer(
        name="tcllib websocket",
        roles=BOTH,
        program=["tclsh", source("tcllib.tcl")],
        probe=shell("echo 'exit [catch {package require websocket}]' | tclsh"),
        debian=["tcl", "tcllib"],
        deviations={
            ("server", "peer closes", "1000"): NO_CLOSE,
            ("server", "peer closes", "3456"): NO_CLOSE,
            ("client", "peer closes", "1000"): NO_CLOSE,
            ("client", "peer closes", "3456"): NO_CLOSE,
            ("server", "wsrs closes", "answered"): NO_ANSWER,
            ("client", "wsrs closes", "answered"): NO_ANSWER,
        },
        always_offers="chat.v2",
        remark="its client sends an empty `Sec-WebSocket-Protocol` when the program offers no subprotocol, which RFC 6455 does "
        "not allow and wsrs, Python websockets and npm ws answer with 400; so it offers one in every check",
    ),
    Peer(
        name="libwebsockets",
        roles=BOTH,
        program=[built("libwebsockets")],
        schemes=BOTH_SCHEMES,
        probe=["pkg-config", "--exists", "libwebsockets"],
        debian=["libwebsockets-dev"],
        build=make("libwebsockets", "cc -O1 -Wall -Wextra", "libwebsockets.c", "$(pkg-config --cflags --libs libwebsockets)"),
        deflate=Deflate(
            asks=["client"],
            never_sends=("empty", "random", "1 MiB", "fragments"),
            never_gets=("one byte", "umlauts", "random"),
        ),
        deviations={
            ("server", ASKED_WINDOWS, str(bits)): (NOT_ASSURED, "does not answer `server_max_window_bits`: wsrs gives up")
            for bits in range(8, 15)
        },
        remark="a program of ours over it; the packaged `libwebsockets-test-server` (which mirrors and counts) and "
        "`libwebsockets-test-client` (which draws on a mirror) are tried beside it. When it compresses, it aborts on its second "
        "empty message, closes within one of 1 MiB, begins a message twice where it sends fragments, and changes bytes of random ones "
        "with small windows; as a client without takeover it reports without end a message that is not compressed since that "
        "makes it no smaller. It is spared these",
    ),
    Peer(
        name="libsoup",
        roles=BOTH,
        program=[SYSTEM_PYTHON, source("libsoup.py")],
        schemes=BOTH_SCHEMES,
        probe=[SYSTEM_PYTHON, "-c", LIBSOUP],
        debian=["python3-gi", "gir1.2-soup-3.0", "glib-networking"],
        deflate=Deflate(never_sends=("fragments",)),
        remark="through GObject introspection",
    ),
    Peer(
        name="Qt WebSockets",
        roles=BOTH,
        program=[SYSTEM_PYTHON, source("qt.py")],
        schemes=BOTH_SCHEMES,
        probe=[SYSTEM_PYTHON, "-c", "import PyQt5.QtWebSockets"],
        debian=["python3-pyqt5.qtwebsockets"],
        remark="through PyQt5; it cuts messages into frames of one size (`setOutgoingFrameSize`); as a server it refuses by Origin only",
        deviations={
            ("server", "fragments", "from wsrs with empty ones"): EMPTY_IN_CHARACTER,
            ("client", "fragments", "from wsrs with empty ones"): EMPTY_IN_CHARACTER,
            ("server", "subprotocol", ""): ("wsrs reports: open -;", "n/a: QWebSocketServer has no subprotocols before Qt 6.4"),
        },
    ),
    Peer(
        name="libcurl",
        roles=["client"],
        program=[sys.executable, source("curl.py")],
        schemes=BOTH_SCHEMES,
        probe=[sys.executable, "-c", "import curl_cffi"],
        get=[sys.executable, "-m", "pip", "install", "-q", "curl_cffi>=0.13"],
        deviations={("client", "ping", "from wsrs"): ("OK", "its pong leaves only with what the program sends next")},
        pong_waits=True,
        remark="the one in the wheel of curl_cffi, since the curl of Debian 12 has no WebSocket; it leaves it to the program to "
        "answer a Close, as ours does, and to look for the subprotocol in the response",
    ),
    Peer(
        name="Chromium",
        roles=["client"],
        program=[sys.executable, source("chromium.py")],
        probe=shell("command -v chromium && command -v certutil"),
        debian=["chromium", "libnss3-tools"],
        schemes=BOTH_SCHEMES,
        deflate=Deflate(never_sends=("fragments",)),
        remark="headless; a page is not told the status of a refusal",
    ),
    Peer(
        name="Boost.Beast",
        roles=BOTH,
        program=[built("beast")],
        probe=shell("echo '#include <boost/beast/websocket.hpp>' | c++ -x c++ -E - >/dev/null"),
        debian=["g++", "libboost-dev"],
        build=make("beast", "c++ -O1 -std=c++17 -Wall -Wextra -pthread", "beast.cpp"),
        deflate=Deflate(asks=BOTH, least_bits=9, never_gets=("random",), forgets=True),
        deviations={("server", ASKED_WINDOWS, "8"): (NOT_ASSURED, "answers 9: wsrs gives up")},
        quick=False,
        remark="its compressor begins each message anew; it may fail (`partial_deflate_block`) where the last few bytes of a message "
        "inflate to very many, also when Python websockets sends them: random bytes that come again are spared it",
    ),
    Peer(
        name="uWebSockets",
        roles=["server"],
        program=[built("uwebsockets")],
        probe=shell("cargo --version && echo '#include <zlib.h>' | c++ -x c++ -E - >/dev/null"),
        debian=["g++", "zlib1g-dev"],
        build=[sys.executable, UWEBSOCKETS, source("uwebsockets.cpp"), built("uwebsockets"), "--deflate"],
        deflate=Deflate(asks=["server"], least_bits=9, never_sends=("fragments",)),
        deviations={
            ("server", "wsrs asks for no takeover", ""): (
                "server_no_context_takeover is missing", "does not answer `server_no_context_takeover`: wsrs gives up"
            ),
            ("server", ASKED_WINDOWS, "8"): (NOT_ASSURED, "answers 9: wsrs gives up"),
        },
        quick=False,
        remark="it can't compress fragments: the end of each is missing in what it sends",
    ),
    Peer(
        name="websocat",
        roles=["client"],
        program=[sys.executable, source("websocat.py"), built("bin/websocat")],
        probe=[built("bin/websocat"), "--version"],
        get=shell("cargo install -q websocat --locked --version '^1.14' " + WEBSOCAT_PARTS + " --root " + BUILT),
        deviations={
            ("client", "wsrs closes", "told"): ("reports: closed 0 -", "n/a: does not tell the code"),
            ("client", "wsrs closes", "answered"): NO_ANSWER,
        },
        quick=False,
        remark="a server of websocat joins its clients to a command or a socket, so that only the client is tried",
    ),
    through(Kind(haproxy, ends_tls=True), "haproxy, which ends TLS", "haproxy"),
    through(Kind(haproxy, ends_tls=False), "haproxy, which passes TLS on", "haproxy"),
    through(Kind(nginx, ends_tls=True), "nginx, to ws", "nginx-light"),
    through(Kind(nginx, ends_tls=False), "nginx, to wss", "nginx-light"),
]
