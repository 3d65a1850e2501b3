"""A headless Chromium as a peer: chromium.py client [tls]. A script in a page has the WebSocket; DevTools carry its words."""

import json
import os
import sys
import tempfile

from lines import TLS, Cannot, certificate, obey_all, say

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from browser_process import Browser, trust  # noqa: E402

SCRIPT = """
let ws;
const hex = (data) => Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("") || "-";
const unhex = (word) => Uint8Array.from(word === "-" ? [] : word.match(/../g), (pair) => parseInt(pair, 16));
const utf8 = (text) => new TextEncoder().encode(text);
const text = (word) => new TextDecoder().decode(unhex(word));
function open(url, subprotocols) {
  let opened = false;
  ws = new WebSocket(url, subprotocols);
  ws.binaryType = "arraybuffer";
  ws.onopen = () => { opened = true; say("open " + (ws.protocol || "-")); };
  ws.onmessage = ({ data }) => say(data instanceof ArrayBuffer ? "message binary " + hex(data) : "message text " + hex(utf8(data)));
  ws.onclose = ({ code, reason }) => say(opened ? `closed ${code} ${hex(utf8(reason))}` : "failed 0");
}
"""


class Peer:
    def __init__(self, browser):
        self.browser = browser
        self.tab = browser.tab("about:blank")
        browser.call("Runtime.enable", self.tab)
        browser.call("Runtime.addBinding", self.tab, name="say")
        self.run(SCRIPT)

    def run(self, script, *arguments):
        words = ", ".join(json.dumps(word.hex() or "-" if isinstance(word, bytes) else word) for word in arguments)
        result = self.browser.call("Runtime.evaluate", self.tab, expression=script.replace("ARGUMENTS", words))
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])

    def connect(self, url, subprotocols):
        self.run("open(ARGUMENTS)", url, subprotocols)

    def text(self, data):
        self.run("ws.send(text(ARGUMENTS))", data)

    def binary(self, data):
        self.run("ws.send(unhex(ARGUMENTS))", data)

    def fragments(self, kind, parts):
        raise Cannot("sends whole messages only")

    def ping(self, data):
        raise Cannot("a page can't ping")

    def close(self, code, reason):
        self.run("ws.close(%d, text(ARGUMENTS))" % code, reason)


def event(message):
    if message["method"] == "Runtime.bindingCalled":
        say(*message["params"]["payload"].split(" "))


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    if TLS:
        trust(folder, certificate("ca.pem"))
    browser = Browser("chromium", folder, event)
    try:
        browser.connect()
        say("version", browser.call("Browser.getVersion")["product"].split("/")[1])
        obey_all(Peer(browser))
    finally:
        browser.end()
