"""Runs the soak and judges it: driver.py SECONDS SERVER_NS CLIENT_NS IPTABLES PROGRAMS FOLDER

scripts/soak.sh made the two network namespaces and the lossy link between them, with the rules of IPTABLES. PROGRAMS has server
and client; FOLDER is for ledgers. First SECONDS of load; then peers that are held open and do nothing; then nothing at all.
Exit status: 0 when every check holds.
"""

import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading
import time

import accounts

SECONDS = int(sys.argv[1])
SERVER_NS, CLIENT_NS, IPTABLES, PROGRAMS, FOLDER = sys.argv[2:]
HERE = str(pathlib.Path(__file__).parent)
SERVER, CLIENT, VANISHING = "10.99.0.1", "10.99.0.2", "10.99.0.3"
# A short run waits less at its end. Whether memory grows shows only when the heap has had its largest loads many times.
SHORT, MEMORY_FROM = SECONDS < 120, 600
PRINT_EACH, IDLE_SECONDS, DEADLINE, PATIENCE = 30, 2 if SHORT else 5, 3 if SHORT else 8, 120
GROWTH, NOISE_KIB = 1.05, 1024
TICKS = os.sysconf("SC_CLK_TCK")


class Program:
    """A program in a namespace; a thread reads its lines."""

    def __init__(self, namespace, *command):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        self.lines, self.last, self.late_us = queue.Queue(), {}, 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.last = json.loads(line)
                self.late_us = max(self.late_us, self.last.get("late_us", 0))
            self.lines.put(line.strip())

    def line(self):
        return self.lines.get(timeout=PATIENCE)

    def enter(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, send_signal=True):
        """The exit status, which must come in time."""
        if send_signal:
            self.process.terminate()
        status = self.process.wait(timeout=PATIENCE)
        self.reader.join()
        return status

    def memory(self):
        """KiB of its own memory, shared with nobody."""
        text = pathlib.Path("/proc/%d/smaps_rollup" % self.pid).read_text()
        return int(re.search(r"Pss_Anon:\s*(\d+)", text).group(1))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def cpu(self):
        """Seconds."""
        fields = pathlib.Path("/proc/%d/stat" % self.pid).read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def busy(self, seconds):
        """Part of a CPU that it uses for the next seconds."""
        begin, before = time.monotonic(), self.cpu()
        time.sleep(seconds)
        return (self.cpu() - before) / (time.monotonic() - begin)


class Soak:
    def __init__(self):
        self.programs = []

    def start(self):
        python = [sys.executable, "-u"]
        self.server = self.run(SERVER_NS, PROGRAMS + "/server", SERVER + ":0", FOLDER + "/server.ledger", str(DEADLINE * 1000))
        port = json.loads(self.server.line())["port"]
        odd = self.run(SERVER_NS, *python, HERE + "/odd_server.py", SERVER)
        self.descriptors, self.samples, self.checks, self.before = self.server.descriptors(), [], [], {}
        urls = ["ws://%s:%d/" % (SERVER, at) for at in (port, int(odd.line()))]
        self.client = self.run(CLIENT_NS, PROGRAMS + "/client", *urls, FOLDER + "/client.ledger")
        arguments = [SERVER, str(port), str(SECONDS), str(DEADLINE), VANISHING, FOLDER + "/hostile.ledger"]
        self.hostile = self.run(CLIENT_NS, *python, HERE + "/hostile.py", *arguments)
        self.begin = time.monotonic()

    def run(self, namespace, *command):
        self.programs.append(Program(namespace, *command))
        return self.programs[-1]

    def check(self, what, figure, well):
        self.checks.append((what, figure, bool(well)))

    def tell(self, what, figure):
        """A figure that nothing is expected of."""
        self.checks.append((what, figure, None))

    def sample(self):
        for program in (self.server, self.client, self.hostile):
            if program.process.poll() is not None:
                raise SystemExit("%s ended by itself, status %d" % (program.process.args[4], program.process.returncode))
        memory = self.server.memory(), self.client.memory()
        self.samples.append((time.monotonic() - self.begin, *memory))

    def load(self):
        for second in range(1, SECONDS + 1):
            time.sleep(max(0, self.begin + second - time.monotonic()))
            self.sample()
            if second % PRINT_EACH == 0 or second == SECONDS:
                self.print_line(second)
        self.client.process.send_signal(signal.SIGUSR1)

    def print_line(self, second):
        now, before, cpu = self.server.last, self.before, self.server.cpu()
        took = second - before.get("second", 0)
        rate = lambda name: (now[name] - before.get(name, 0)) / took
        print(
            "%5d s: %4d open, %6d opened, %5.0f messages/s, %5.1f MB/s, CPU %2.0f %%, %d + %d KiB, %3d descriptors, "
            "late %d ms, %d defects"
            % (
                second,
                now["opened"] - now["closed"],
                now["opened"],
                rate("received"),
                rate("bytes_received") / 1e6,
                100 * (cpu - before.get("cpu", 0)) / took,
                *self.samples[-1][1:],
                self.server.descriptors(),
                max(self.server.late_us, self.client.late_us) / 1000,
                now["defects"] + self.client.last["defects"],
            ),
            flush=True,
        )
        self.before = {**now, "second": second, "cpu": cpu}

    def wait(self, what, done):
        """Until it is done, and how long that took."""
        begin = time.monotonic()
        while not done() and time.monotonic() - begin < PATIENCE:
            time.sleep(0.2)
        took = time.monotonic() - begin
        self.check(what, "%.1f s" % took, done())

    def all_closed(self):
        return self.server.last["opened"] == self.server.last["closed"]

    def idle(self):
        """After the load: with peers that do nothing, and with none."""
        self.wait("clients end well after the load", lambda: self.client.last["alive"] == 0)
        while self.hostile.line() != "quiet":
            pass
        self.hostile.enter()
        while self.hostile.line() != "holding":
            pass
        busy = self.server.busy(IDLE_SECONDS)
        held = self.server.last["opened"] - self.server.last["closed"]
        self.check("server's CPU with %d silent, deaf and half-open peers" % held, "%.1f %%" % (100 * busy), busy < 0.02 and held)
        self.hostile.enter()
        self.wait("all connections end", self.all_closed)
        self.wait("descriptors are those of the start", lambda: self.server.descriptors() == self.descriptors)
        busy = self.server.busy(IDLE_SECONDS)
        self.check("server's CPU with no peer", "%.1f %%" % (100 * busy), busy < 0.02)
        self.tell("server's memory after the load", "%d KiB" % self.server.memory())

    def end(self):
        statuses = [self.hostile.end(False), self.client.end(), self.server.end()]
        self.check("exit status of hostile peers, clients, server", statuses, statuses == [0, 0, 0])
        report = {"kinds": {}, "surprises": ["no report"], **self.hostile.last}
        kinds = " ".join("%s %d" % item for item in sorted(report["kinds"].items()))
        self.tell("hostile peers", "%d: %s" % (sum(report["kinds"].values()), kinds))
        self.check("surprises of theirs", "%d %s" % (len(report["surprises"]), report["surprises"][:3]), not report["surprises"])
        client, server = self.client.last, self.server.last
        self.check("connections of clients", client["lives"], client["lives"] > 0)
        self.check("that ended otherwise than planned", client["unexpected"], client["unexpected"] == 0)
        self.tell("sends refused by full queues, server and clients", (server["refused"], client["refused"]))
        self.tell("pings answered, server and clients", (server["pings_received"], client["pongs_received"]))
        self.tell("protocol errors of peers, server and clients", (server["protocol_errors"], client["protocol_errors"]))
        self.tell("deadlines that ended connections, server and clients", (server["timeouts"], client["timeouts"]))
        self.tell("failed handshakes (server), connects (clients)", (server["handshakes_failed"], client["connects_failed"]))
        self.tell("longest delay of a timer, server", "%d ms" % (self.server.late_us / 1000))
        self.tell("longest way of a message and back", "%d ms" % (client["longest_us"] / 1000))
        self.tell("longest delay of a timer, clients", "%d ms" % (self.client.late_us / 1000))
        for row in accounts.checks(FOLDER, server, client):
            self.check(*row)

    def memory(self):
        """The least of the last quarter against the least of the second, for what is queued comes and goes."""
        for column, who in ((1, "server"), (2, "clients")):
            quarter = lambda part: [row[column] for row in self.samples if part <= row[0] / SECONDS * 4 < part + 1] or [0]
            second, last = min(quarter(1)), min(quarter(3))
            peak = max(row[column] for row in self.samples if row[0] >= SECONDS / 10)
            figure = "%d, %d, at most %d KiB" % (second, last, peak)
            name = "memory of the %s, least: second quarter, last" % who
            if SECONDS < MEMORY_FROM:
                self.tell(name, figure)
            else:
                self.check(name, figure, last <= second * GROWTH + NOISE_KIB)

    def lost(self):
        packets = []
        for namespace in (SERVER_NS, CLIENT_NS):
            rules = subprocess.check_output(["ip", "netns", "exec", namespace, IPTABLES, "-nvxL", "INPUT"], text=True)
            packets.append(int(re.search(r"(\d+) +\d+ DROP", rules).group(1)))
        self.check("packets lost on the way to the server, to the clients", packets, min(packets) > 0)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("interrupted"))
    soak = Soak()
    try:
        soak.start()
        soak.load()
        soak.idle()
        soak.end()
        soak.memory()
        soak.lost()
    finally:
        for program in soak.programs:
            if program.process.poll() is None:
                program.process.kill()
    print()
    for what, figure, well in soak.checks:
        print("%-4s  %-66s %s" % ({True: "ok", False: "FAIL", None: ""}[well], what, figure))
    judged = [well for _, _, well in soak.checks if well is not None]
    print("%d passed, %d failed, 0 skipped" % (sum(judged), len(judged) - sum(judged)))
    return not all(judged)


sys.exit(main())
