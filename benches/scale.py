"""Does the cost of a message depend on how many connections there are, and that of a byte on the message's size?

Writes every figure to docs/scale.csv and draws docs/scale.svg from it.
"""

import csv
import os
import statistics

import cells
import measure
import plot
import servers

CONNECTIONS = [1, 10, 100, 1_000, 10_000]
SIZES = [0, 16, 125, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
SIZE_CONNECTIONS = 16
IDLE = [100, 5_000, 18_000]
NAMES = ["floor", "wsrs"]
DOCS = os.path.join(servers.TOP, "docs")
FIELDS = ["sweep", "at", "server", "instructions", "user", "cpu_ns", "bytes"]


def timed(arguments, options, work):
    """A cell with more to do in each turn over its connections is given longer."""
    warm_up, seconds = 0.5 * work, options.seconds * work
    return [*arguments, "--warm-up", str(warm_up), "--seconds", str(seconds)]


def sweeps(options):
    """The sweep, where in it, what the generator does, and how often."""
    for count in CONNECTIONS:
        work = 3 if count >= 10_000 else 1
        yield "connections", count, timed(cells.echo(125, count, 1), options, work), options.rounds
    for size in SIZES:
        work = 4 if size >= 4 << 20 else 1
        yield "size", size, timed(cells.echo(size, SIZE_CONNECTIONS, 1), options, work), options.rounds
    for count in IDLE:
        yield "memory", count, ["idle", "--connections", str(count)], 1


def record(sweep, at, name, runs):
    fields = {"instructions": "instructions", "user": "instructions_user",
              "cpu_ns": "cpu_ns", "bytes": "idle_anonymous"}
    values = {field: measure.median(runs, key) for field, key in fields.items()}
    return {"sweep": sweep, "at": at, "server": name,
            **{field: "" if value is None else round(value) for field, value in values.items()}}


def collect(load, options):
    commands = servers.prepare(NAMES)
    rows = []
    for sweep, at, arguments, rounds in sweeps(options):
        if options.only and options.only not in sweep:
            continue
        runs = {name: lambda command=command: measure.run_once(load, arguments, command)
                for name, command in commands.items()}
        results = measure.take_turns(runs, rounds, options.out)
        for name, each in results.items():
            for failure in (run for run in each if not isinstance(run, dict)):
                print(f"{sweep} {at}: {name}: {failure}")
            rows.append(record(sweep, at, name, each))
        key = "idle_anonymous" if sweep == "memory" else "instructions"
        found = measure.ratios(results["wsrs"], results["floor"], key)
        both = ", ".join(f"{name} {cells.shown(measure.median(each, key))}" for name, each in results.items())
        print(f"{sweep} {at}: {both}, ratio {statistics.median(found) if found else float('nan'):.3f}", flush=True)
    return rows


def main(load, options):
    rows = collect(load, options)
    if options.only:
        return 0
    path = os.path.join(DOCS, "scale.csv")
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with open(os.path.join(DOCS, "scale.svg"), "w") as file:
        file.write(draw(rows))
    print("written: docs/scale.csv, docs/scale.svg")
    return 0


def line(rows, sweep, name, value):
    """The points of one line; an axis that is logarithmic has no place for 0."""
    key = "bytes" if sweep == "memory" else "instructions"
    return [(row["at"], value(row)) for row in rows
            if row["sweep"] == sweep and row["server"] == name and row["at"] > 0 and row[key] != ""]


def draw(rows):
    def lines(sweep, value):
        return {name: line(rows, sweep, name, value) for name in NAMES}

    messages = lines("connections", lambda row: row["instructions"])
    messages["in user space"] = line(rows, "connections", "wsrs", lambda row: row["user"])
    return plot.svg([
        plot.Panel("Instructions per message of 125 B", "connections, one message in flight on each", messages),
        plot.Panel("Instructions per byte", "bytes in a message, 16 connections",
                   lines("size", lambda row: row["instructions"] / row["at"]), log_y=True),
        plot.Panel("Bytes of memory per idle connection", "connections",
                   lines("memory", lambda row: row["bytes"])),
    ])
