"""openssl s_client and s_server as WebSocket peers, each run by a Python program that says the words. Used by tls_checks.py."""

import base64
import hashlib
import re
import subprocess
import threading

from checks import UPGRADE
from ends import PATIENCE, Broken
from servers import free_port, wait_for

ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# What openssl's words name as "SSL alert number N".
ALERT = re.compile(r"SSL alert number (\d+)")


def frame(payload, masked):
    """A text; the mask of zeros changes nothing."""
    return bytes([0x81, len(payload) | masked << 7]) + bytes(4) * masked + payload


def answer_to(request):
    """RFC 6455 section 4.2.2."""
    key = re.search(rb"(?i)Sec-WebSocket-Key: (\S+)", request)[1]
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID).digest())
    return b"HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept


class Program:
    """One of openssl's programs: its standard input and output are what TLS carries, its standard error is kept."""

    def __init__(self, *arguments):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(["openssl", *arguments], **pipes)
        self.output = {"stdout": b"", "stderr": b""}
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self.output]
        for reader in self.readers:
            reader.start()

    def _read(self, name):
        stream = getattr(self.process, name)
        while data := stream.read1():
            with self.changed:
                self.output[name] += data
                self.changed.notify_all()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def until(self, wanted, name="stdout"):
        """What was read up to the end of these bytes; the next call looks behind them."""
        with self.changed:
            if not self.changed.wait_for(lambda: wanted in self.output[name], PATIENCE):
                raise Broken("openssl never says %r, but %r and %r" % (wanted, *self.output.values()))
            before, _, self.output[name] = self.output[name].partition(wanted)
            return before + wanted

    def complaint(self):
        """Its standard error, once it ended by itself."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Broken("openssl does not end") from None
        for reader in self.readers:
            reader.join()
        return self.output["stderr"].decode(errors="replace")

    def end(self):
        self.process.kill()
        self.process.wait()


class Client(Program):
    """openssl s_client, which knows ca.pem only."""

    def __init__(self, certificates, port, *options):
        address = "127.0.0.1:%s" % port
        trust = ["-CAfile", certificates + "/ca.pem", "-verify_return_error", "-verify_hostname", "localhost"]
        name = [] if "-servername" in options or "-noservername" in options else ["-servername", "localhost"]
        super().__init__("s_client", "-connect", address, *trust, *name, *options)

    def upgrade(self, ours):
        self.write(UPGRADE)
        if b" 101 " not in self.until(b"\r\n\r\n"):
            raise Broken("no upgrade through s_client")
        ours.expect("open", "-")

    def exchange(self, ours):
        self.write(frame(b"Hello", masked=True))
        ours.expect("message", "text", b"Hello")
        ours.do("text", b"Goodbye")
        self.until(frame(b"Goodbye", masked=False))


class Server(Program):
    """openssl s_server with a certificate by its name."""

    def __init__(self, certificates, name, *options):
        self.port = free_port()
        own = ["-cert", "%s/%s.pem" % (certificates, name), "-key", "%s/%s.key" % (certificates, name)]
        if name == "chain":
            own += ["-cert_chain", certificates + "/chain.pem"]
        super().__init__("s_server", "-accept", "127.0.0.1:%d" % self.port, *own, *options)
        wait_for(self.port)

    @property
    def url(self):
        return "wss://localhost:%d/" % self.port

    def upgrade(self, ours):
        ours.do("connect", self.url, "-")
        self.write(answer_to(self.until(b"\r\n\r\n")))
        ours.expect("open", "-")

    def exchange(self, ours):
        self.write(frame(b"Hello", masked=False))
        ours.expect("message", "text", b"Hello")
        ours.do("text", b"Goodbye")
        # What a client sends is masked: its first bytes tell that it is a text of seven bytes.
        self.until(bytes([0x81, 0x80 | 7]))

    def alert(self):
        """The alert that it got, by number."""
        self.until(b"SSL alert number ", "stderr")
        return int(self.until(b"\n", "stderr"))
