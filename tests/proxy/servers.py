"""The proxies that run.py goes through: each a process of its own on 127.0.0.1, from a configuration made here.

What a proxy must not connect to is the port in `refused`. User name and password are "user" and "secret".
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

# Seconds for a proxy to listen, on a busy machine.
START = 30
# Of "secret", as htpasswd writes it.
HTPASSWD = "user:$apr1$wsrstest$MYkC6CmpenqrEkoLayUVM.\n"

SQUID = """
pid_filename none
cache_log {folder}/squid.log
access_log none
coredump_dir {folder}
cache deny all
shutdown_lifetime 0 seconds
visible_hostname localhost
acl closed port {refused}
http_access deny closed
"""

SQUID_AUTH = SQUID + """
http_port 127.0.0.1:{port}
auth_param {scheme} program {helper} {folder}/{scheme}.users
auth_param {scheme} children 1
auth_param {scheme} realm squid
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""

SQUID_TLS = SQUID + """
https_port 127.0.0.1:{port} tls-cert={folder}/cert.pem tls-key={folder}/key.pem
http_access allow all
"""

TINYPROXY = """
Listen 127.0.0.1
Port {port}
Timeout 60
MaxClients 20
BasicAuth user secret
ConnectPort {target}
ConnectPort {secure}
"""

DANTE = """
logoutput: {folder}/dante.log
internal: 127.0.0.1 port = {port}
external: lo
socksmethod: none
clientmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: 0.0.0.0/0 port = {refused} }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }}
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def make_certificates(folder):
    """ca.pem, and cert.pem with key.pem for localhost, which it has signed."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with open(os.path.join(folder, "extensions"), "w") as out:
        out.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    for command in [
        [*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=CA of a test"],
        [*new, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"],
        [
            "openssl", "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "extensions", "-out", "cert.pem",
        ],
    ]:
        subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Squid gives up root before it reads its key.
    os.chmod(os.path.join(folder, "key.pem"), 0o644)


class Proxy:
    """A running proxy."""

    def __init__(self, folder, name, command, settings="", files=(), **values):
        self.port = free_port()
        for file, text in [(name + ".conf", settings), *files]:
            with open(os.path.join(folder, file), "w") as out:
                out.write(text.format(port=self.port, folder=folder, **values) if file.endswith(".conf") else text)
        command = [word.format(port=self.port, folder=folder) for word in command]
        with open(os.path.join(folder, name + ".out"), "w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )

    def wait(self):
        """Until it listens."""
        end = time.monotonic() + START
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            time.sleep(0.02)
        return False

    def end(self):
        """With its helpers, which are in its process group."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def squid(scheme, users):
    def begin(folder, **ports):
        helpers = {"basic": "basic_ncsa_auth", "digest": "digest_file_auth"}
        helper = os.path.join("/usr/lib/squid", helpers[scheme])
        name = "squid-" + scheme
        command = ["squid", "-N", "-f", "{folder}/%s.conf" % name]
        return Proxy(folder, name, command, SQUID_AUTH, [(scheme + ".users", users)], scheme=scheme, helper=helper, **ports)

    return begin


def squid_tls(folder, **ports):
    return Proxy(folder, "squid-tls", ["squid", "-N", "-f", "{folder}/squid-tls.conf"], SQUID_TLS, **ports)


def tinyproxy(folder, **ports):
    return Proxy(folder, "tinyproxy", ["tinyproxy", "-d", "-c", "{folder}/tinyproxy.conf"], TINYPROXY, **ports)


def dante(folder, **ports):
    return Proxy(folder, "dante", ["danted", "-f", "{folder}/dante.conf", "-p", "{folder}/dante.pid"], DANTE, **ports)


def microsocks(folder, **ports):
    return Proxy(folder, "microsocks", ["microsocks", "-i", "127.0.0.1", "-p", "{port}", "-u", "user", "-P", "secret"], **ports)


# Name, program, how it is started.
PROXIES = [
    ("squid with Basic", "squid", squid("basic", HTPASSWD)),
    ("squid with Digest", "squid", squid("digest", "user:secret\n")),
    ("squid with TLS", "squid", squid_tls),
    ("tinyproxy", "tinyproxy", tinyproxy),
    ("microsocks", "microsocks", microsocks),
    ("dante", "danted", dante),
]


def is_there(program):
    return shutil.which(program) is not None
