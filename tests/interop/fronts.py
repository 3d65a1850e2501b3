"""haproxy and nginx in front of a server: clients speak TLS with them. Used by run.py.

A front listens on a port of its own and leads to the server's, which speaks TLS too unless the front `ends_tls`.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import tempfile

from ends import Broken
from servers import free_port, start, wait_for

# Seconds after which a connection on which nothing happens is ended: more than a check takes.
IDLE = 60

HAPROXY = """
global
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    timeout connect %(idle)ds
    timeout client %(idle)ds
    timeout server %(idle)ds
    timeout tunnel %(idle)ds
frontend outside
    mode %(mode)s
    bind 127.0.0.1:%(port)d %(bind)s
    default_backend inside
backend inside
    mode %(mode)s
    server wsrs 127.0.0.1:%(target)d
"""

NGINX = """
daemon off;
%(user)s
pid %(folder)s/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    server {
        listen 127.0.0.1:%(port)d ssl;
        ssl_certificate %(certificates)s/server.pem;
        ssl_certificate_key %(certificates)s/server.key;
        location / {
            proxy_pass %(scheme)s://127.0.0.1:%(target)d;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $http_host;
            proxy_ssl_trusted_certificate %(certificates)s/ca.pem;
            proxy_ssl_verify on;
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_read_timeout %(idle)ds;
        }
    }
}
"""


def haproxy(words, ends_tls):
    """Ends TLS and speaks HTTP, or sees bytes only."""
    pair = os.path.join(words["folder"], "pair.pem")
    with open(pair, "wb") as both:
        for kind in "pem", "key":
            with open("%s/server.%s" % (words["certificates"], kind), "rb") as part:
                shutil.copyfileobj(part, both)
    bind = "ssl crt " + pair if ends_tls else ""
    return HAPROXY % {**words, "mode": "http" if ends_tls else "tcp", "bind": bind}, ["-db", "-f"]


def nginx(words, ends_tls):
    user = "user root;" if os.geteuid() == 0 else ""
    return NGINX % {**words, "scheme": "http" if ends_tls else "https", "user": user}, ["-p", words["folder"], "-c"]


@dataclasses.dataclass
class Kind:
    """`make` is a function from above, with the name of its program."""

    make: object
    ends_tls: bool

    @property
    def program(self):
        return shutil.which(self.make.__name__, path=os.environ["PATH"] + ":/usr/sbin") or self.make.__name__


class Front:
    def __init__(self, kind, target, certificates, log):
        self.folder = tempfile.mkdtemp(prefix="wsrs-front-")
        self.port = free_port()
        words = {"folder": self.folder, "port": self.port, "target": target, "certificates": certificates, "idle": IDLE}
        text, options = kind.make(words, kind.ends_tls)
        path = os.path.join(self.folder, "config")
        with open(path, "w") as config:
            config.write(text)
        told = subprocess.run([kind.program, "-v"], capture_output=True, text=True)
        self.version = "%s %s" % (kind.make.__name__, re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)[0])
        self.process = start(log, kind.program, *options, path)
        try:
            wait_for(self.port)
        except Broken:
            self.end()
            raise

    def end(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
