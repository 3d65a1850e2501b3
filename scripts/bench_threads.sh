#!/bin/sh
# Measures c-examples/threads_server with one thread and with two: what a message costs, and how the threads share the work.
#
#   sh scripts/bench_threads.sh [ROUNDS [SECONDS]]      5 rounds of 1 second each unless told; medians
#
# The server has as many CPUs as it has threads, the load has the last one: with two CPUs the second thread and the load share
# theirs. Go by what a message costs then (instructions, messages per CPU second of the server), not by messages per second.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/yardstick.sh
[ -x build/c-examples/threads_server ] || sh scripts/build.sh
exec python3 - "$bench/wsload" build/c-examples/threads_server "${1:-5}" "${2:-1}" <<'PYTHON'
import json, os, pathlib, re, statistics, subprocess, sys

wsload, server, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
CPUS = sorted(os.sched_getaffinity(0))
CELLS = [
    ("125 B, 64 connections, 1 in flight", "--size 125 --connections 64"),
    ("125 B, 64 connections, 16 in flight", "--size 125 --connections 64 --pipeline 16"),
    ("125 B, 1,000 connections, 1 in flight", "--size 125 --connections 1000"),
    ("16 KiB, 64 connections, 1 in flight", "--size 16384 --connections 64"),
]


def cpu_of_threads(pid):
    tasks = pathlib.Path("/proc/%d/task" % pid).iterdir()
    return [int((task / "schedstat").read_text().split()[0]) for task in tasks]


def on(cpus):
    return {"preexec_fn": lambda: os.sched_setaffinity(0, cpus), "stdout": subprocess.PIPE, "text": True}


def measure(threads, options):
    with subprocess.Popen([server, str(threads), "0"], **on(CPUS[:threads])) as process:
        port = re.search(r":(\d+)/", process.stdout.readline()).group(1)
        command = [wsload, "--port", port, "--server-pid", str(process.pid), "--sleep", "--seconds", seconds, *options.split()]
        load = subprocess.run(command, check=True, **on(CPUS[-1:]))
        cpu = cpu_of_threads(process.pid)
        process.terminate()
        process.communicate(timeout=20)
    return {**json.loads(load.stdout.splitlines()[-1]), "share": 100 * min(cpu) / sum(cpu) if threads > 1 else 100}


print("%d CPUs, medians of %d rounds\n" % (len(CPUS), rounds))
print("| cell | threads | instructions per message | messages per CPU second | smaller thread's share | CPUs used | messages/s |")
print("|---|--:|--:|--:|--:|--:|--:|")
for title, options in CELLS:
    runs = {1: [], 2: []}
    for _ in range(rounds):
        for threads in runs:
            runs[threads].append(measure(threads, options))
    for threads, measured in runs.items():
        median = lambda name: statistics.median(run[name] for run in measured)
        print(
            "| %s | %d | %s | %s | %.0f %% | %.2f | %s |"
            % (
                title,
                threads,
                format(round(median("server_instructions")), ","),
                format(round(1e9 / median("server_cpu_ns")), ","),
                median("share"),
                median("server_busy"),
                format(round(median("per_s")), ","),
            ),
            flush=True,
        )
PYTHON
