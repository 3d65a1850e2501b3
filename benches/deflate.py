"""With permessage-deflate: JSON texts with and without context takeover, what each level costs and gives, memory.

Compare costs only where the messages become equally small: a lower level or a smaller window looks like speed.
"""

import argparse

import cells
import measure
import servers

LEVEL = 6
LEVELS = (1, 2, 3, 4, 6, 9)
SERVERS = ["floor", "wsrs", "uWebSockets", "libwebsockets", "ws", "websockets"]
# With two connections or more libwebsockets 4.1 gives wrong answers to messages beyond this.
LARGEST_OF_LIBWEBSOCKETS = 1024
CONTEXTS = {"no takeover": False, "takeover": True}
# Size by name, connections, and how much longer than others a cell is measured: large messages are few.
SIZES = {"125 B": (125, 64, 1), "1 KiB": (1024, 64, 1), "16 KiB": (16384, 64, 2), "1 MiB": (1 << 20, 16, 6)}
SIZES_OF_LEVELS = ("125 B", "1 KiB", "16 KiB")
MEMORY = ["idle", "--connections", "2000", "--size", "1024"]
# wsrs gives up what a connection has of its own after 30 seconds without a message.
SETTLE = 40
MEMORY_COLUMNS = [("idle", "idle_anonymous", 0), ("after a message", "used_anonymous", 0),
                  (f"{SETTLE} s later", "settled_anonymous", 0), ("idle, resident", "idle_resident", 0),
                  ("after a message, resident", "used_resident", 0)]


def load_words(takeover):
    """What the generator is told."""
    return ["--deflate", *([] if takeover else ["--no-takeover"])]


def cell(size_name):
    size, connections, _ = SIZES[size_name]
    return cells.echo(size, connections, 1)


def longer(options, size_name):
    return argparse.Namespace(**{**vars(options), "seconds": options.seconds * SIZES[size_name][2]})


def titles():
    """Title, name of the size, takeover."""
    for context, takeover in CONTEXTS.items():
        for name, (_, connections, _) in SIZES.items():
            yield f"deflate, {name} JSON, {connections} connections, {context}", name, takeover


def main(load, options, names):
    tables = {}
    for title, name, takeover in titles():
        if not options.only or options.only in title:
            chosen = [server for server in names
                      if server != "libwebsockets" or SIZES[name][0] <= LARGEST_OF_LIBWEBSOCKETS]
            commands = servers.prepare(chosen, deflate=servers.deflate_words(LEVEL, takeover))
            tables.update(cells.run_cells({title: cell(name)}, commands, load, longer(options, name),
                                          load_words(takeover), cells.DEFLATE_COLUMNS))
    cells.print_summary(tables)
    for context, takeover in CONTEXTS.items():
        memory(f"deflate, memory, 2,000 connections, {context}", takeover, load, options, names)
    levels(load, options)
    return 0 if measure.all_succeeded(tables) else 1


def memory(title, takeover, load, options, names):
    if options.only and options.only not in title:
        return
    commands = servers.prepare(names, deflate=servers.deflate_words(LEVEL, takeover))
    runs = {}
    for name, command in commands.items():
        settle = ["--settle", str(SETTLE)] if name == "wsrs" and takeover else []
        words = [*MEMORY, *load_words(takeover), *settle]
        runs[name] = lambda command=command, words=words: measure.run_once(load, words, command)
    cells.print_table(title, measure.take_turns(runs, 1, options.out), MEMORY_COLUMNS)


def levels(load, options):
    """What wsrs takes at each level, and how many times smaller than the messages its replies are."""
    if options.only and options.only not in "deflate, levels":
        return
    columns = {}
    for context, takeover in CONTEXTS.items():
        for name in SIZES_OF_LEVELS:
            words = [*cell(name), "--seconds", str(longer(options, name).seconds), *load_words(takeover)]
            runs = {}
            for level in LEVELS:
                command = servers.prepare(["wsrs"], deflate=servers.deflate_words(level, takeover))["wsrs"]
                runs[level] = lambda command=command, words=words: measure.run_once(load, words, command)
            columns[f"{name}, {context}"] = measure.take_turns(runs, options.rounds, options.out)
    print_levels("instructions per message", columns, "instructions", 0)
    print_levels("CPU ns per message, the least of the rounds", columns, "cpu_ns", 0, of_rounds="least")
    print_levels("how many times smaller a message becomes", columns, "smaller", 2)
    for column, results in columns.items():
        cells.print_remarks({f"{column}, level {level}": runs for level, runs in results.items()})


def print_levels(title, columns, key, digits, of_rounds=None):
    print(f"\n### deflate, levels: {title}\n")
    print("| level | " + " | ".join(columns) + " |")
    print("|--:|" + "--:|" * len(columns))
    for level in LEVELS:
        fields = (cells.figure(results[level], [], of_rounds or key, digits, key) for results in columns.values())
        print(f"| {level} | " + " | ".join(fields) + " |")
