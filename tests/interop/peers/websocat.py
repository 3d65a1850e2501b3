"""websocat as a peer: websocat.py PROGRAM client. A connection is one process of it, a message one line; binary ones are Base64.

What is fixed when a process starts can't be a command: it closes with one code and reason.
"""

import base64
import re
import subprocess
import sys
import threading

from lines import Cannot, obey_all, say

CODE, REASON = 3456, "bis später 🎉"
OPTIONS = [
    "-v", "-E", "--base64", "--text-prefix=T", "--binary-prefix=B", "--linemode-strip-newlines", "--buffer-size=%d" % (1 << 22),
    "--close-status-code=%d" % CODE, "--close-reason=" + REASON,
]
PROGRAM = sys.argv[1]


class Peer:
    def connect(self, url, subprotocols):
        if subprotocols:
            raise Cannot("offers subprotocols, but does not tell which one was agreed on")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen([PROGRAM, *OPTIONS, url], **pipes)
        threading.Thread(target=self.read_log, args=(self.process,), daemon=True).start()

    def read_log(self, process):
        """What it prints about the connection itself."""
        for line in process.stderr:
            line = line.decode()
            if "Connected to ws" in line:
                say("open", "-")
                threading.Thread(target=self.read, args=(process,), daemon=True).start()
            elif refused := re.search(r"status code \((\d+)", line):
                say("failed", refused[1])
            else:
                print(line, end="", file=sys.stderr, flush=True)

    def read(self, process):
        for line in process.stdout:
            kind, data = line[:1], line[1:].rstrip(b"\n")
            if kind == b"T":
                say("message", "text", data)
            else:
                say("message", "binary", base64.b64decode(data))
        say("closed", 0, b"")

    def write(self, data):
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def text(self, data):
        self.write(b"T" + data)

    def binary(self, data):
        self.write(b"B" + base64.b64encode(data))

    def fragments(self, kind, parts):
        raise Cannot("sends whole messages only")

    def ping(self, data):
        raise Cannot("pings by itself only, at an interval")

    def close(self, code, reason):
        if (code, reason.decode()) != (CODE, REASON):
            raise Cannot("the code is an option of its start")
        self.process.stdin.close()


say("version", subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()[1])
obey_all(Peer())
