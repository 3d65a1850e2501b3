"""What a message costs with one thread and with two, a context in each, and how the threads share the work.

The server has as many CPUs as it has threads. Where the generator has to share one of them it sleeps until a reply
comes, in the runs with one thread too, so that these meet the same load.
"""

import os

import cells
import measure
import servers

PROGRAM = os.path.join(servers.TOP, "build", "c-examples", "threads_server")
THREADS = [1, 2]
CPUS = sorted(os.sched_getaffinity(0))
SLEEP = ["--sleep"] if len(CPUS) <= max(THREADS) else []
CELLS = {title: cells.CELLS[title] for title in (
    "125 B, 64 connections, 1 in flight",
    "125 B, 64 connections, 16 in flight",
    "125 B, 1,000 connections, 1 in flight",
    "16 KiB, 64 connections, 1 in flight",
)}
COLUMNS = [("instructions", "instructions", 0), ("ratio", "ratio", 2), ("worst", "worst", 2),
           ("CPU ns", "cpu_ns", 0), ("smaller thread's share", "least_share", 2), ("busy", "busy", 2),
           ("per s", "per_s", 0)]


def run_once(load, arguments, threads):
    return measure.run_once(load, [*arguments, *SLEEP], [PROGRAM, str(threads), "{port}"], set(CPUS[-threads:]))


def main(load, options):
    print("| cell, threads | " + " | ".join(column[0] for column in COLUMNS) + " |")
    print("|---|" + "--:|" * len(COLUMNS), flush=True)
    tables = {}
    for title, arguments in CELLS.items():
        if options.only and options.only not in title:
            continue
        timed = [*arguments, "--seconds", str(options.seconds)]
        runs = {f"{title}, {threads}": lambda threads=threads: run_once(load, timed, threads) for threads in THREADS}
        results = measure.take_turns(runs, options.rounds, options.out)
        base = next(iter(results.values()))
        for name, each in results.items():
            print(cells.row(name, each, base, COLUMNS), flush=True)
        tables.update(results)
    cells.print_remarks(tables)
    return 0 if all(measure.succeeded(each) for each in tables.values()) else 1
