"""Two tabs of a headless Chromium talk through the chat page: browser.py CHROMIUM http://HOST:PORT/

Speaks the DevTools protocol, which is JSON over a WebSocket.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

from checks import check, end
from websockets.sync.client import connect

CHROMIUM, PAGE = sys.argv[1:]
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


class Browser:
    def __init__(self, folder):
        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, "--user-data-dir=" + folder, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.folder = folder
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
        return connect("ws://127.0.0.1:%s%s" % tuple(lines), proxy=None, max_size=None)

    def call(self, method, session=None, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        self.devtools.send(json.dumps(request))
        while True:
            answer = json.loads(self.devtools.recv(60))
            if answer.get("id") == self.last:
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


def say(browser, tab, text):
    browser.evaluate(tab, "document.getElementById('text').value = %s; document.getElementById('form').requestSubmit()" % json.dumps(text))


def shows(browser, tab, text):
    return wait_for(lambda: text in (browser.evaluate(tab, "document.getElementById('log')?.innerText") or ""), 20)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as browsing:
    browser = Browser(folder)
    try:
        browser.devtools = browsing.enter_context(browser.connect())
        ann, bob = browser.tab(PAGE), browser.tab(PAGE)
        check("the first tab connects", shows(browser, ann, "Connected"))
        check("the second tab connects", shows(browser, bob, "Connected"))
        say(browser, ann, "Ann")
        check("both see that Ann is here", shows(browser, ann, "Ann is here") and shows(browser, bob, "Ann is here"))
        say(browser, bob, "Bob")
        check("both see that Bob is here", shows(browser, ann, "Bob is here") and shows(browser, bob, "Bob is here"))
        say(browser, ann, "Grüße, Bob")
        check("Bob's tab shows what Ann says", shows(browser, bob, "Ann: Grüße, Bob"))
        say(browser, bob, "Hello <b>Ann</b>")
        check("Ann's tab shows what Bob says, as text", shows(browser, ann, "Bob: Hello <b>Ann</b>"))
    finally:
        browser.end()
end()
