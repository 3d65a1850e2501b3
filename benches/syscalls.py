"""System calls per message of the echo server, counted by strace."""

import os
import subprocess
import time

import cells
import measure
import servers

CELLS = {
    "125 B, 64 connections, 1 in flight": cells.echo(125, 64, 1),
    "125 B, 64 connections, 16 in flight": cells.echo(125, 64, 16),
    "16 KiB, 64 connections, 1 in flight": cells.echo(16384, 64, 1),
    "1 MiB, 16 connections, 1 in flight": cells.echo(1 << 20, 16, 1),
}
SHOWN = 4


def traced(pid):
    with open(f"/proc/{pid}/status") as status:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status)


def count(load, arguments, command):
    """Calls per message, by name. There is no warm-up, so that every message is counted."""
    path = servers.built("strace.txt")
    with measure.Running(command) as running:
        strace = subprocess.Popen(["strace", "-f", "-c", "-o", path, "-p", str(running.process.pid)],
                                  stderr=subprocess.DEVNULL)
        while not traced(running.process.pid) and strace.poll() is None:
            time.sleep(0.01)
        try:
            result = measure.generate(load, [*arguments, "--seconds", "1", "--warm-up", "0"], running)
        finally:
            measure.interrupt(strace)
    with open(path) as file:
        rows = [line.split() for line in file]
    os.remove(path)
    return {row[-1]: int(row[3]) / result["count"] for row in rows
            if len(row) > 4 and row[3].isdigit() and row[-1] != "total"}


def main(load, certificate):
    command = servers.prepare(["wsrs"], certificate)["wsrs"]
    for title, arguments in CELLS.items():
        calls = count(load, [*arguments, *servers.load_words(certificate)], command)
        most = sorted(calls.items(), key=lambda item: -item[1])[:SHOWN]
        print(f"{title}: " + ", ".join(f"{name} {each:.3f}" for name, each in most), flush=True)
    return 0
