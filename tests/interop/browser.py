"""Two tabs of a headless Chromium talk through the chat page: browser.py CHROMIUM http://HOST:PORT/"""

import json
import sys
import tempfile

from checks import check, end
from browser_process import Browser, wait_for

CHROMIUM, PAGE = sys.argv[1:]
# Chromium asks the system's authorities only.
FLAGS = ["--ignore-certificate-errors"] if PAGE.startswith("https:") else []


def say(browser, tab, text):
    browser.evaluate(tab, "document.getElementById('text').value = %s; document.getElementById('form').requestSubmit()" % json.dumps(text))


def shows(browser, tab, text):
    return wait_for(lambda: text in (browser.evaluate(tab, "document.getElementById('log')?.innerText") or ""), 20)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    browser = Browser(CHROMIUM, folder, flags=FLAGS)
    try:
        browser.connect()
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
