"""Tries wsrs against other libraries, each in the roles it has: run.py [--all] [--write] [NAME...]

    --all      also the peers that take long to get or to build
    --write    writes docs/interop.md
    NAME       only peers whose name contains it

Run by scripts/interop.sh. The last line is 'N passed, N failed, N skipped'. With CI=true a peer that can't be had is a
failure.
"""

import contextlib
import dataclasses
import os
import subprocess
import sys

import again
import deflate_checks
import packaged_lws
import table
import tls_checks
from ends import Broken, Cannot, End, Wire
from exchange import CHECKS, Pair
from fronts import Front
from peers import BUILT, PEERS, TOP, install

OURS = os.path.join(TOP, "build", "tests", "interop", "wsrs")
CERTIFICATES = os.path.join(TOP, "build", "tls")
# Failed steps of one peer in one role after which the others are not tried: each may take PATIENCE several times.
GIVE_UP = 4
# Seconds for a peer to start; a browser on a busy machine takes its time.
START = 60
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
    "NODE_PATH": os.path.join(TOP, "build", "node", "node_modules"),
    "CERTIFICATES": CERTIFICATES,
    "NO_PROXY": "*",
    "LC_ALL": "C.UTF-8",
}


@dataclasses.dataclass
class Outcome:
    """What came of one peer: cells[scheme, role][check] is what the table says, deflate[role][check] that of compression."""

    peer: object
    version: str = ""
    skipped: str = ""
    cells: dict = dataclasses.field(default_factory=dict)
    deflate: dict = dataclasses.field(default_factory=dict)


class Totals:
    passed = failed = skipped = 0


def succeeds(command, log, seconds=1500):
    environment = {**os.environ, "NODE_PATH": ENVIRONMENT["NODE_PATH"]}
    try:
        return command and not subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=TOP, env=environment, timeout=seconds
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def get_packages(peers, log):
    """Installs all Debian packages that are missing at once, since each call of apt costs seconds."""
    packages = [name for peer in peers if peer.debian and not succeeds(peer.probe, log, 60) for name in peer.debian]
    if packages:
        succeeds(install(packages), log)


def missing(peer, log):
    """Gets what the peer needs; why it can't be had, or nothing."""
    if not succeeds(peer.probe, log, 60):
        succeeds(peer.get or install(peer.debian), log)
        if not succeeds(peer.probe, log, 60):
            return "what it needs is not there and could not be installed"
    if peer.build and not succeeds(peer.build, log):
        return "its program does not compile"
    return ""


def verdict(peer, role, check, name, result):
    """What the table says of a step, and whether it is as it should be or as peers.py says."""
    happens, words = peer.deviations.get((role, check, name), ("OK", "OK"))
    if happens in result:
        return words, True
    return "FAILED: %s" % (result if result != "OK" else "it is as it should be now, and peers.py says: " + words), False


class Session:
    """Both ends' processes for one peer in one role; begun anew after a step that broke."""

    def __init__(self, peer, scheme, role, log):
        self.peer, self.scheme, self.role, self.log = peer, scheme, role, log
        self.version = ""
        self.ends = []
        self.front = None
        self.pair = None

    def begin(self):
        other = "client" if self.role == "server" else "server"
        peer = self.start(self.peer.name, self.peer.program, self.role)
        ours = self.start("wsrs", [OURS], other)
        self.version = " ".join(peer.next("version", patience=START)[1:])
        server = peer if self.role == "server" else ours
        port = int(server.next("listening")[1])
        if self.peer.front:
            self.front = Front(self.peer.front, port, CERTIFICATES, self.log)
            self.version += ", " + self.front.version
            port = self.front.port
        wire = Wire(port, blind=self.scheme == "wss")
        self.pair = Pair(ours, peer, server, wire, self.peer.always_offers, self.peer.pong_waits)

    def start(self, name, program, role):
        plain = self.scheme == "ws" or role == "server" and self.peer.front and self.peer.front.ends_tls
        self.ends.append(End(name, [*program, role, *([] if plain else ["tls"])], ENVIRONMENT, self.log))
        return self.ends[-1]

    def end(self):
        if self.pair:
            self.pair.wire.end()
        self.pair = None
        if self.front:
            self.front.end()
        self.front = None
        while self.ends:
            self.ends.pop().end()

    def leave(self):
        """After a step that ended in the middle."""
        try:
            self.pair.finish()
        except Broken:
            self.end()

    def step(self, check, name, step):
        """What the table says of it, and whether it is as it should be."""
        try:
            if not self.pair:
                self.begin()
            step(self.pair)
            self.pair.ours.forget()
            self.pair.peer.forget()
            result = "OK"
        except Cannot as why:
            self.leave()
            return "n/a: %s" % why, True
        except (Broken, OSError) as broken:
            self.end()
            result = str(broken)
        return verdict(self.peer, self.role, check, name, result)


def cell(parts):
    """A cell of the table from the parts of a check: one text where all say the same."""
    names = {}
    for name, text, _ in parts:
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return parts[0][1]
    good = names.pop("OK", [])
    return "; ".join(["%s: %s" % (", ".join(of), text) for text, of in names.items()] + ["else OK"] * bool(good))


def count(peer, scheme, role, check, parts):
    """Tells what came of the steps of a check, each a name, a text and whether that is good; its cell."""
    Totals.passed += sum(good and not text.startswith("n/a") for _, text, good in parts)
    Totals.failed += sum(not good for *_, good in parts)
    told = cell(parts)
    mark = "FAIL " if "FAILED" in told else "ok   "
    print(mark, peer.name, "as", scheme, role + ":", check + ("" if told == "OK" else ": " + told), flush=True)
    return told


def try_role(peer, scheme, role, outcome, log):
    session = Session(peer, scheme, role, log)
    cells = outcome.cells[scheme, role] = {}
    failures = 0
    for check, steps in CHECKS.items():
        parts = []
        for name, step in steps:
            text, good = ("FAILED: not tried any more", False) if failures >= GIVE_UP else session.step(check, name, step)
            failures += not good
            parts.append((name, text, good))
        cells[check] = count(peer, scheme, role, check, parts)
    outcome.version = session.version
    session.end()


def try_deflate(peer, role, outcome, log, quick):
    cells = outcome.deflate[role] = {}
    for check, results in deflate_checks.try_all(peer, role, [OURS], ENVIRONMENT, log, quick):
        parts = []
        for name, result in results:
            text, good = (result, True) if result.startswith("n/a") else verdict(peer, role, check, name, result)
            parts.append((name, text, good))
        cells[check] = count(peer, deflate_checks.EXTENSION, role, check, parts)


def try_peer(peer, log, quick):
    outcome = Outcome(peer, skipped=missing(peer, log))
    if outcome.skipped:
        print("skipped: %s: %s (build/logs/interop-peers.log)" % (peer.name, outcome.skipped), flush=True)
        Totals.skipped += 1
        Totals.failed += os.environ.get("CI") == "true"
        return outcome
    for scheme in peer.schemes:
        for role in peer.roles:
            try_role(peer, scheme, role, outcome, log)
    for role in peer.roles if peer.deflate else ():
        try_deflate(peer, role, outcome, log, quick)
    return outcome


def try_programs(log):
    """The packaged test programs of libwebsockets."""
    if not packaged_lws.is_there() and not succeeds(install([packaged_lws.PACKAGE]), log):
        print("skipped: %s: its package can't be had" % packaged_lws.SERVER, flush=True)
        Totals.skipped += 1
        Totals.failed += os.environ.get("CI") == "true"
        return
    for name, check in packaged_lws.CHECKS:
        try:
            check([OURS], log)
            Totals.passed += 1
            print("ok   ", name)
        except (Broken, OSError) as broken:
            Totals.failed += 1
            print("FAIL ", name + ":", broken)


def try_again(outcomes, log):
    """Redirects and reconnecting, with the peers that are there."""
    there = [outcome.peer for outcome in outcomes if not outcome.skipped]
    for name, wrong in again.try_all(there, [OURS], ENVIRONMENT, log):
        Totals.failed += bool(wrong)
        Totals.passed += not wrong
        print("FAIL " if wrong else "ok   ", name, "redirects and goes away" + (wrong and ": " + wrong))


def try_openssl(log):
    """Cipher suites, certificates, resumption, renegotiation; what came of each."""
    if not succeeds(["openssl", "version"], log) and not succeeds(install(["openssl"]), log):
        print("skipped: %s: the package can't be had" % tls_checks.NAME, flush=True)
        Totals.skipped += 1
        Totals.failed += os.environ.get("CI") == "true"
        return {}
    results = {}
    for name, check in tls_checks.all_checks():
        checks = tls_checks.Checks(OURS, ENVIRONMENT, log)
        try:
            check(checks)
            results[name] = "OK"
            Totals.passed += 1
        except (Broken, Cannot, OSError) as broken:
            results[name] = "FAILED: %s" % broken
            Totals.failed += 1
        finally:
            checks.end()
        print("ok    " + name if results[name] == "OK" else "FAIL  %s: %s" % (name, results[name]), flush=True)
    return results


def main():
    options = {word for word in sys.argv[1:] if word.startswith("--")}
    names = [word.lower() for word in sys.argv[1:] if word not in options]
    chosen = [peer for peer in PEERS if not names or any(name in peer.name.lower() for name in names)]
    os.makedirs(BUILT, exist_ok=True)
    os.makedirs(os.path.join(TOP, "build", "logs"), exist_ok=True)
    left = [peer for peer in chosen if not (peer.quick or names or "--all" in options)]
    chosen = [peer for peer in chosen if peer not in left]
    with open(os.path.join(TOP, "build", "logs", "interop-peers.log"), "w") as log:
        get_packages(chosen, log)
        subprocess.run(["sh", os.path.join(TOP, "scripts", "certificates.sh"), CERTIFICATES], stdout=log, check=True)
        outcomes = [try_peer(peer, log, quick=not (names or "--all" in options)) for peer in chosen]
        try_again(outcomes, log)
        if any(peer.name == "libwebsockets" for peer in chosen):
            try_programs(log)
        openssl = try_openssl(log) if not names or any(name in tls_checks.NAME.lower() for name in names) else {}
    for peer in left:
        print("left to --all: " + peer.name)
    if "--write" in options:
        table.write(os.path.join(TOP, "docs", "interop.md"), outcomes, openssl, OURS)
    print("%d passed, %d failed, %d skipped" % (Totals.passed, Totals.failed, Totals.skipped))
    return 1 if Totals.failed else 0


sys.exit(main())
