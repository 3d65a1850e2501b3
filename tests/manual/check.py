"""Checks the manual: every function has its page, no page is malformed, no reference leads nowhere.

    check.py MANUAL SYMBOLS      MANUAL: the folder with man/ and reference/; SYMBOLS: the list of exported functions
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def missing(pages, symbols):
    """Exported functions without a page, and pages without a section that all need."""
    for name in (line.split()[0] for line in symbols.read_text().splitlines() if line):
        if name not in pages:
            yield f"{name} has no page"
            continue
        titles = re.findall(r"^\.SH (.*)", pages[name].read_text(), re.M)
        for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "THREADS", "SEE ALSO"):
            if title not in titles:
                yield f"{name} has no {title}"


def malformed(pages):
    for page in pages.values():
        for command in (["mandoc", "-T", "lint", "-W", "warning"], ["man", "--warnings=w", "-E", "UTF-8", "-l"]):
            status, text = run(*command, str(page))
            # man prints the page itself.
            if status or (command[0] == "man" and re.search(r"^\w*troff:", text, re.M)):
                yield f"{page.name}: {text[:500]}"


def lost(pages):
    """References to pages that are not there, and names that man does not find."""
    for page in pages.values():
        text = re.sub(r"\\f[BPI]|\\%", "", page.read_text())
        for name in re.findall(r"(wsrs\w*) ?\([37]\)", text):
            if name not in pages:
                yield f"{page.name} refers to {name}"
    folder = next(iter(pages.values())).parent.parent
    for name in pages:
        status, text = run("man", "-M", str(folder), "-w", name)
        if status:
            yield f"man does not find {name}: {text}"


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.targets.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(folder):
    """Links of the HTML pages to files or places that are not there."""
    pages = {page.name: Links(page.read_text(encoding="utf-8")) for page in folder.glob("*.html")}
    for name, page in pages.items():
        for target in page.targets:
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = unquote(target).partition("#")
            if not (folder / file).exists():
                yield f"{name} links to {target}"
            elif anchor and anchor not in pages[file or name].anchors:
                yield f"{name} links to {target}, which has no such place"


def undocumented(folder, symbols):
    """Exported functions that the index of the reference does not have, and what doxygen complains about."""
    text = "".join(page.read_text(encoding="utf-8") for page in folder.glob("html/group__*.html"))
    for name in (line.split()[0] for line in symbols.read_text().splitlines() if line):
        if not re.search(rf'class="memname">[^<]*(<[^>]*>[^<]*</a>)?[^<]*\b{name} ', text):
            yield f"{name} is not in the reference"
    yield from (folder / "warnings").read_text(encoding="utf-8").splitlines()


def main(manual, symbols):
    manual, symbols = Path(manual), Path(symbols)
    pages = {page.stem: page for page in sorted(manual.glob("man/man*/*"))}
    failed = 0
    checks = {
        f"{len(pages)} pages, one for each function": missing(pages, symbols),
        "well formed": malformed(pages),
        "references of the pages": lost(pages),
        "links of the HTML reference": broken(manual / "reference/html"),
        "functions of the HTML reference": undocumented(manual / "reference", symbols),
    }
    for name, found in checks.items():
        print(f"== {name}")
        found = list(found)
        for complaint in found[:20]:
            print(complaint)
        if found:
            failed += 1
            print(f"FAILED: {name}")
    print(f"{len(checks) - failed} passed, {failed} failed, 0 skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
