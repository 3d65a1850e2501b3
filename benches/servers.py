"""The servers that are measured: how each is built into build/bench, and the command that starts it.

A server whose packages can't be had is left out, and said so.
"""

import collections
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.path.join(TOP, "build", "bench")
PEERS = os.path.join(HERE, "peers")
RUST_PEERS = os.path.join(PEERS, "rust")
VENV = os.path.join(BUILD, "venv")
NODE = os.path.join(BUILD, "node")
C_FLAGS = ["-O3", "-march=native", "-w"]


# The files of a run with TLS.
Certificate = collections.namedtuple("Certificate", ["file", "key", "ca"])


class LeftOut(Exception):
    """Why a server can't be built here."""


def built(name):
    return os.path.join(BUILD, name)


def run(name, command, **more):
    """Runs a build command; what it prints is in build/bench/NAME.log."""
    path = built(name + ".log")
    with open(path, "a") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more).returncode
        except FileNotFoundError:
            raise LeftOut(f"there is no {command[0]}") from None
    if status != 0:
        raise LeftOut(f"see {os.path.relpath(path, TOP)}")


def cargo(name, manifest, target, *more):
    environment = {**os.environ, "CARGO_TARGET_DIR": built(target), "RUSTFLAGS": "-C target-cpu=native"}
    locked = ["--locked"] if os.path.exists(os.path.join(os.path.dirname(manifest), "Cargo.lock")) else []
    run(name, ["cargo", "build", "--quiet", *locked, "--release", "--manifest-path", manifest, *more], env=environment)
    return os.path.join(built(target), "release")


def load():
    """The load generator."""
    return os.path.join(cargo("load", os.path.join(HERE, "load", "Cargo.toml"), "load"), "wsrs-load")


def make_certificate():
    """For localhost, with a P-256 key, signed by an authority that the generator trusts."""
    folder = os.path.join(TOP, "build", "tls")
    run("tls", ["sh", os.path.join(TOP, "scripts", "certificates.sh"), folder])
    return Certificate(*(os.path.join(folder, file) for file in ("server.pem", "server.key", "ca.pem")))


def load_words(certificate):
    """What the generator is told to speak TLS."""
    return ["--ca", certificate.ca] if certificate else []


def c_program(name, *libraries):
    program = built(name)
    run(name, ["cc", *C_FLAGS, os.path.join(PEERS, name + ".c"), "-o", program, *libraries])
    return [program, "{port}"]


def rust_peer(name):
    # Beside the generator: the TLS library, which takes longest, is compiled once.
    folder = cargo(name, os.path.join(RUST_PEERS, "Cargo.toml"), "load", "--bin", name)
    return [os.path.join(folder, name), "{port}"]


def uwebsockets(*variant):
    program = built("".join(["uwebsockets", *variant]).replace("--", "-"))
    source = os.path.join(PEERS, "uwebsockets.cpp")
    run("uwebsockets", ["python3", os.path.join(HERE, "uwebsockets.py"), source, program, *variant])
    return [program, "{port}"]


def ws():
    if not os.path.isdir(os.path.join(NODE, "node_modules", "ws")):
        os.makedirs(NODE, exist_ok=True)
        shutil.copy(os.path.join(PEERS, "package.json"), NODE)
        run("ws", ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=NODE)
    # Node looks for packages beside the program.
    shutil.copy(os.path.join(PEERS, "ws.js"), NODE)
    return ["node", os.path.join(NODE, "ws.js"), "{port}"]


def python(name):
    program = os.path.join(VENV, "bin", "python")
    wanted = os.path.join(PEERS, "requirements.txt")
    installed = os.path.join(VENV, "requirements.txt")
    if not os.path.exists(installed) or open(installed).read() != open(wanted).read():
        run(name, ["python3", "-m", "venv", "--clear", VENV])
        run(name, [program, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted])
        shutil.copy(wanted, installed)
    return [program, os.path.join(PEERS, "echo.py"), name, "{port}"]


def python_wsrs():
    program = os.path.join(TOP, "python", "examples", "echo_server.py")
    if not os.path.exists(program):
        raise LeftOut("there is no python/examples/echo_server.py")
    return from_the_tree([python("websockets")[0], program, "127.0.0.1:{port}"])


def from_the_tree(command):
    """With the package wsrs of this tree."""
    return ["env", "PYTHONPATH=" + os.path.join(TOP, "python"), "PYTHONDONTWRITEBYTECODE=1",
            "WSRS_LIBRARY=" + os.path.join(TOP, "build", "libwsrs.so.0"), *command]


def wsrs():
    return [os.path.join(TOP, os.environ.get("WSRS_BUILD", "build"), "c-examples", "echo_server"), "{port}"]


# The floor first: it is what ratios are to.
NATIVE = {
    "floor": lambda: c_program("floor"),
    "wsrs": wsrs,
    "uWebSockets": uwebsockets,
    "libwebsockets": lambda: c_program("libwebsockets", "-lwebsockets"),
    "fastwebsockets": lambda: rust_peer("fastwebsockets"),
    "tokio-websockets": lambda: rust_peer("tokio-websockets"),
    "tokio-tungstenite": lambda: rust_peer("tokio-tungstenite"),
    "ws": ws,
}
PYTHON = {
    "picows-uvloop": lambda: python("picows-uvloop"),
    "picows": lambda: python("picows"),
    "websockets": lambda: python("websockets"),
    "aiohttp": lambda: python("aiohttp"),
    "python-wsrs": python_wsrs,
    "python-wsrs-asyncio": lambda: from_the_tree(python("wsrs")),
    "python-wsrs-asyncio-uvloop": lambda: from_the_tree(python("wsrs-uvloop")),
}
ALL = {**NATIVE, **PYTHON}
# Those that are other programs with TLS, or with compression. All others are told to by words on their command line.
WITH_TLS = {
    "floor": lambda: rust_peer("floor-tls"),
    "uWebSockets": lambda: uwebsockets("--tls"),
}
WITH_DEFLATE = {
    "floor": lambda: rust_peer("floor-deflate"),
    "uWebSockets": lambda: uwebsockets("--deflate"),
}


def tls_words(certificate):
    return ["--tls", certificate.file, certificate.key] if certificate else []


def deflate_words(level, takeover):
    return ["--deflate", str(level), *([] if takeover else ["--no-takeover"])]


def prepare(names, certificate=None, deflate=()):
    """The command of each server that can be had, with TLS or with the words of `deflate_words`."""
    os.makedirs(BUILD, exist_ok=True)
    makers = {**ALL, **(WITH_TLS if certificate else WITH_DEFLATE if deflate else {})}
    commands = {}
    for name in names:
        try:
            *command, port = makers[name]()
        except LeftOut as reason:
            print(f"{name} is left out: {reason}", flush=True)
            continue
        commands[name] = [*command, *tls_words(certificate), *deflate, port]
    return commands
