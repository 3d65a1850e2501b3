"""Compiles a program on uWebSockets: uwebsockets.py SOURCE PROGRAM [--tls] [--deflate]

uWebSockets is no package of its own; a crate, named in benches/peers/rust/Cargo.toml, carries its sources. Nothing is done
where PROGRAM is newer than SOURCE. Used by servers.py and tests/interop/peers.py.
"""

import glob
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = os.path.join(HERE, "peers", "rust", "Cargo.toml")
CRATE = "libuwebsockets-sys"
# This version takes every compressor of a connection's own for the smallest: a bit of it is set in all of them.
WRONG = "webSocketContextData->compression & DEDICATED_COMPRESSOR_3KB"
RIGHT = "(webSocketContextData->compression & _COMPRESSOR_MASK) == DEDICATED_COMPRESSOR_3KB"
FLAGS = ["-O3", "-march=native", "-w", "-flto"]


def sources():
    """The folder that has them, and the crate's version; cargo brings it."""
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1", "--manifest-path", MANIFEST]
    packages = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)["packages"]
    package = next(package for package in packages if package["name"] == CRATE)
    return os.path.join(os.path.dirname(package["manifest_path"]), "uWebSockets"), package["version"]


def build(source, program, tls, deflate):
    top, version = sources()
    sockets = os.path.join(top, "uSockets", "src")
    crypto = os.path.join(sockets, "crypto")
    objects = program + "-objects"
    shutil.rmtree(objects, ignore_errors=True)
    headers = os.path.join(objects, "src")
    shutil.copytree(os.path.join(top, "src"), headers)
    correct(os.path.join(headers, "HttpResponse.h"))
    defines = ['-DUWS_VERSION="of %s %s"' % (CRATE, version), "-DLIBUS_USE_OPENSSL" if tls else "-DLIBUS_NO_SSL"]
    defines += [] if deflate else ["-DUWS_NO_ZLIB"]
    folders = [sockets, os.path.join(sockets, "eventing"), *([crypto] if tls else [])]
    c_files = [file for folder in folders for file in glob.glob(os.path.join(folder, "*.c"))]
    more = [os.path.join(crypto, "sni_tree.cpp"), "-lssl", "-lcrypto"] if tls else []
    more += ["-lz"] if deflate else []
    subprocess.run(["cc", *FLAGS, *defines, "-I" + sockets, "-c", *c_files], cwd=objects, check=True)
    subprocess.run(
        ["c++", "-std=c++20", *FLAGS, *defines, "-I" + headers, "-I" + sockets, "-pthread", "-o", program]
        + [source, *glob.glob(os.path.join(objects, "*.o")), *more],
        check=True,
    )


def correct(path):
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace(WRONG, RIGHT))


def main():
    source, program = map(os.path.abspath, sys.argv[1:3])
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        build(source, program, "--tls" in sys.argv, "--deflate" in sys.argv)


main()
