"""The cells of the tables: what the generator is told to do, and the tables that come of it."""

import sys

import measure
import servers


def echo(size, connections, in_flight, *more):
    return ["echo", "--size", str(size), "--connections", str(connections), "--in-flight", str(in_flight), *more]


CELLS = {
    "16 B, 1 connection, 1 in flight": echo(16, 1, 1),
    "125 B, 64 connections, 1 in flight": echo(125, 64, 1),
    "125 B, 64 connections, 16 in flight": echo(125, 64, 16),
    "125 B, 1,000 connections, 1 in flight": echo(125, 1000, 1),
    "1 KiB text, 64 connections, 16 in flight": echo(1024, 64, 16, "--text"),
    "16 KiB, 64 connections, 1 in flight": echo(16384, 64, 1),
    "1 MiB, 16 connections, 1 in flight": echo(1 << 20, 16, 1),
    "125 B, 64 connections, 10,000 messages/s": echo(125, 64, 1, "--rate", "10000"),
    "handshake and close, 64 at a time": ["handshake", "--connections", "64"],
}
TLS_CELLS = {
    "wss, 125 B, 64 connections, 1 in flight": echo(125, 64, 1),
    "wss, 125 B, 64 connections, 16 in flight": echo(125, 64, 16),
    "wss, 16 KiB, 64 connections, 1 in flight": echo(16384, 64, 1),
    "wss, 1 MiB, 16 connections, 1 in flight": echo(1 << 20, 16, 1),
    "wss, full handshake and close, 64 at a time": ["handshake", "--connections", "64"],
    "wss, resumed handshake and close, 64 at a time": ["handshake", "--connections", "64", "--resume"],
}
TLS_MEMORY = {
    "wss, memory, 2,000 connections": ["idle", "--connections", "2000"],
}
MEMORY = {
    "memory, 5,000 connections": ["idle", "--connections", "5000"],
}
PYTHON_CELLS = {
    "125 B, 64 connections, 1 in flight": echo(125, 64, 1),
    "125 B, 64 connections, 16 in flight": echo(125, 64, 16),
    "16 KiB, 64 connections, 1 in flight": echo(16384, 64, 1),
}


def all_of(certificate):
    """With TLS or without."""
    return {**TLS_CELLS, **TLS_MEMORY} if certificate else {**CELLS, **MEMORY}


# Title, key of the result, digits; "ratio", "worst" and "least" are of the key before.
COLUMNS = [("instructions", "instructions", 0), ("ratio", "ratio", 2), ("worst", "worst", 2),
           ("in user space", "instructions_user", 0), ("CPU ns", "cpu_ns", 0), ("ratio", "ratio", 2),
           ("p50 µs", "p50_us", 1), ("p99 µs", "p99_us", 1), ("per s", "per_s", 0), ("busy", "busy", 2)]
# TLS records that the server sends per message.
TLS_COLUMNS = [*COLUMNS, ("records", "records", 2)]
# Bytes of a reply's payload, and how many times larger the message is.
DEFLATE_COLUMNS = [*COLUMNS[:5], ("least", "least", 0), *COLUMNS[5:],
                   ("wire B", "wire", 1), ("smaller by", "smaller", 2)]
# Anonymous memory; what is resident has pages of the program's file too, which come as code runs first.
MEMORY_COLUMNS = [("idle", "idle_anonymous", 0), ("after a message", "used_anonymous", 0),
                  ("idle, resident", "idle_resident", 0), ("program without connections", "empty_resident", 0)]


def shown(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def figure(results, base, key, digits, of):
    """One field of a table."""
    if key == "ratio":
        values = measure.ratios(results, base, of)
        return shown(measure.statistics.median(values) if values else None, digits)
    if key == "worst":
        return shown(max(measure.ratios(results, base, of), default=None), digits)
    if key == "least":
        return shown(min((run[of] for run in measure.succeeded(results) if of in run), default=None), digits)
    return shown(measure.median(results, key), digits)


def row(name, results, base, columns):
    fields, of = [], None
    for _, key, digits in columns:
        fields.append(figure(results, base, key, digits, of))
        of = of if key in ("ratio", "worst", "least") else key
    return "| " + " | ".join([name, *fields]) + " |"


def print_table(title, results, columns):
    """`results` has a list, one entry a round, for each server; the first is what ratios are to."""
    base = next(iter(results.values()))
    print(f"\n### {title}\n")
    print("| | " + " | ".join(column[0] for column in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for name, runs in results.items():
        print(row(name, runs, base, columns))
    print_remarks(results)


def print_remarks(results):
    for name, runs in results.items():
        remarks = measure.remarks(runs)
        silent = max((run.get("silent_connections", 0) for run in measure.succeeded(runs)), default=0)
        if silent:
            remarks += f" {silent} connections had no reply while it was measured"
        if remarks:
            print(f"\n{name}: {remarks}")
    sys.stdout.flush()


def print_summary(tables):
    """Cell by cell, the ratio of each server, and what the first one takes."""
    if len(tables) < 2:
        return
    names = list(next(iter(tables.values())))
    print("\n### Instructions per message or handshake, as ratio to the first\n")
    print("| cell | " + " | ".join(names) + " |")
    print("|---|" + "--:|" * len(names))
    for title, results in tables.items():
        base = results[names[0]]
        fields = [shown(measure.median(base, "instructions"))]
        fields += [figure(results.get(name, []), base, "ratio", 2, "instructions") for name in names[1:]]
        print(f"| {title} | " + " | ".join(fields) + " |")


def run_cells(cells, commands, load, options, words=(), columns=COLUMNS):
    """Measures the cells, `words` added to what each tells the generator, and prints a table for each.

    Returns the results of those that have instructions.
    """
    tables = {}
    for title, arguments in cells.items():
        if options.only and options.only not in title:
            continue
        idle = arguments[0] == "idle"
        timed = [*arguments, *([] if idle else ["--seconds", str(options.seconds)]), *words]
        runs = {name: lambda command=command: measure.run_once(load, timed, command)
                for name, command in commands.items()}
        if options.out:
            options.out.write(f'{{"cell": "{title}"}}\n')
        results = measure.take_turns(runs, 1 if idle else options.rounds, options.out)
        print_table(title, results, MEMORY_COLUMNS if idle else columns)
        if not idle:
            tables[title] = results
    return tables
