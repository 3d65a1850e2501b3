"""A headless Chromium, driven by the DevTools protocol, which is JSON over a WebSocket. Used by browser.py and peers/chromium.py."""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
]


def wait_for(what, seconds=60):
    """The first true result of `what`, or None."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        if result := what():
            return result
        time.sleep(0.1)
    return None


def trust(folder, authority):
    """What a user would do who imports an authority: into the NSS database that Chromium reads in this home folder."""
    database = os.path.join(folder, ".pki", "nssdb")
    os.makedirs(database)
    for arguments in ["-N", "--empty-password"], ["-A", "-n", "test", "-t", "C,,", "-i", authority]:
        subprocess.run(["certutil", "-d", "sql:" + database, *arguments], stdin=subprocess.DEVNULL, check=True)


class Browser:
    """Its home and profile lie in a folder of their own; `on_event` gets what Chromium says by itself, on another thread."""

    def __init__(self, program, folder, on_event=lambda event: None, flags=()):
        self.process = subprocess.Popen(
            [program, *FLAGS, *flags, "--user-data-dir=" + folder, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
        self.folder = folder
        self.on_event = on_event
        self.closing = contextlib.ExitStack()
        self.answers = queue.Queue()
        self.last = 0

    def devtools_address(self):
        """Port and path, two lines that Chromium writes once it listens."""
        try:
            with open(os.path.join(self.folder, "DevToolsActivePort")) as file:
                lines = file.read().split()
        except OSError:
            return None
        return lines if len(lines) == 2 else None

    def connect(self):
        lines = wait_for(self.devtools_address)
        if not lines:
            raise RuntimeError("Chromium did not start")
        self.devtools = self.closing.enter_context(connect("ws://127.0.0.1:%s%s" % tuple(lines), proxy=None, max_size=None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.devtools:
                message = json.loads(message)
                self.answers.put(message) if "id" in message else self.on_event(message)
        except ConnectionClosed:
            pass

    def call(self, method, session=None, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        self.devtools.send(json.dumps(request))
        while (answer := self.answers.get(timeout=60))["id"] != self.last:
            continue
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def tab(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        return self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def evaluate(self, session, script):
        return self.call("Runtime.evaluate", session, expression=script)["result"].get("value")

    def end(self):
        try:
            self.call("Browser.close")
            self.process.wait(20)
        except Exception:
            self.process.kill()
            self.process.wait()
        self.closing.close()
