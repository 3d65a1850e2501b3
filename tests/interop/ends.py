"""The two ends of an interop check and the wire between them. Used by exchange.py.

An end is a process that has one WebSocket library in it. All speak the same language of lines; words are separated by one
space, payloads are hexadecimal, "-" is nothing. A server says "listening PORT" first; every end says "version TEXT".
Programs are started as PROGRAM server|client [tls] [permessage-deflate[;PARAMETER...]]. With tls a server has server.pem
and server.key of the folder CERTIFICATES (scripts/certificates.sh), and a client trusts ca.pem there and nobody else. The
last word has the end compress all that it sends, and ask for these parameters of RFC 7692: no_context_takeover and
max_window_bits=N, each of server_ or client_.

    command                              reports that follow it, or come by themselves
    connect URL SUBPROTOCOL,...|-        open SUBPROTOCOL|-, or failed STATUS (0: the library doesn't tell); wsrs
                                         itself: failed STATUS rejected|tls|other ALERT TEXT
    text HEX, binary HEX                 message text|binary HEX
    fragments text|binary HEX HEX...     (one frame each; a text is cut between characters)
    ping HEX                             ping HEX, pong HEX
    close CODE HEX                       closed CODE HEX; wsrs itself: closed CODE HEX clean|unclean WHO [truncated]

A command is answered by "done", by "cannot WHY" where the library's API has no way, or by "error". One command is under
way at a time, and commands are about the newest connection. Servers speak the subprotocol chat.v2, and answer 403 on
the path /refuse, or where they don't see the path, to the origin http://refused.example that wsrs sends with it.
"""

import queue
import socket
import subprocess
import threading
import time
import typing

# Seconds that any single answer or report may take.
PATIENCE = 20


class Cannot(Exception):
    """The end's library has no way to do this."""


class Broken(Exception):
    """Something else happened than what should."""


def short(words):
    text = " ".join(words)
    return text if len(text) < 100 else text[:90] + "... (%d characters)" % len(text)


def word(value):
    if isinstance(value, bytes):
        return value.hex() or "-"
    return str(value)


class End:
    def __init__(self, name, command, environment, log):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        self.reports = queue.Queue()
        self.pending = []
        self.answered = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            words = line.rstrip("\n").split(" ")
            (self.answered if words[0] in ("done", "cannot", "error") else self.reports).put(words)
        self.answered.put(["error", "the process ended"])

    def do(self, *words):
        self.process.stdin.write(" ".join(map(word, words)) + "\n")
        self.process.stdin.flush()
        try:
            answer = self.answered.get(timeout=PATIENCE)
        except queue.Empty:
            raise Broken("%s does not answer to %s" % (self.name, words[0])) from None
        if answer[0] == "cannot":
            raise Cannot(" ".join(answer[1:]))
        if answer[0] == "error":
            raise Broken("%s: %s: %s" % (self.name, words[0], " ".join(answer[1:])))

    def next(self, *kinds, patience=PATIENCE):
        """The next report of one of these kinds; others are kept."""
        end_at = time.monotonic() + patience
        for report in self.pending:
            if report[0] in kinds:
                self.pending.remove(report)
                return report
        while True:
            try:
                report = self.reports.get(timeout=max(0, end_at - time.monotonic()))
            except queue.Empty:
                raise Broken("%s never reports: %s" % (self.name, " or ".join(kinds))) from None
            if report[0] in kinds:
                return report
            self.pending.append(report)
            if report[0] in ("closed", "failed"):
                raise Broken("%s reports: %s" % (self.name, short(report)))

    def expect(self, *words):
        """The next report of this kind must begin with exactly these words."""
        wanted = [word(value) for value in words]
        report = self.next(wanted[0])
        if report[: len(wanted)] != wanted:
            raise Broken("%s reports: %s; expected: %s" % (self.name, short(report), short(wanted)))
        return report

    def forget(self):
        self.pending.clear()
        while not self.reports.empty():
            self.reports.get()

    def end(self):
        """The process ends with its standard input."""
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class Frame(typing.NamedTuple):
    opcode: int
    fin: int
    payload: bytes
    # RFC 7692 section 6: on the first frame of a message, "Per-Message Compressed".
    rsv1: int


class Frames:
    """What went over the wire in one direction: the HTTP head, then frames."""

    def __init__(self):
        self.head = b""
        self.list = []
        self.rest = b""

    def feed(self, data):
        self.rest += data
        if not self.head:
            head, mark, rest = self.rest.partition(b"\r\n\r\n")
            if not mark:
                return
            self.head, self.rest = head, rest
        while self._frame():
            pass

    def _frame(self):
        data = self.rest
        if len(data) < 2:
            return False
        length, at = data[1] & 127, 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        key = data[at : at + 4] if data[1] & 128 else b""
        at += len(key)
        if len(data) < at + length:
            return False
        payload = data[at : at + length]
        if key:
            keys = key * (length // 4 + 1)
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(keys[:length], "big")).to_bytes(length, "big")
        self.list.append(Frame(data[0] & 15, data[0] >> 7, payload, data[0] >> 6 & 1))
        self.rest = data[at + length :]
        return True


class Wire:
    """A relay on a port of its own that writes down what passes: the newest connection's frames, none of TLS."""

    def __init__(self, port, blind=False):
        self.target = port
        self.blind = blind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        self.from_client, self.from_server = Frames(), Frames()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets += [client, server]
            for source, target, frames in (client, server, self.from_client), (server, client, self.from_server):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(source, target, frames), daemon=True).start()

    def _pump(self, source, target, frames):
        try:
            while data := source.recv(1 << 16):
                if not self.blind:
                    frames.feed(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        """The threads that pump close the sockets, by leaving: closed here, one's number might be another's already."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets.clear()

    def end(self):
        self.cut()
        self.listener.close()
