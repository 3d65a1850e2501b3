"""A few seconds that show that the benchmark works and that no figure is absurd.

The bounds are wide: they hold on any machine, busy or not, and catch what makes a message cost twice as much.
"""

import cells
import measure
import servers

# Title: arguments, least and most instructions, most that wsrs may take as multiple of the floor.
CELLS = {
    "16 B, 1 connection": (cells.echo(16, 1, 1), 3_000, 100_000, 1.5),
    "125 B, 64 connections, 16 in flight": (cells.echo(125, 64, 16), 300, 10_000, 1.8),
    "1 KiB text, 64 connections": (cells.echo(1024, 64, 1, "--text"), 3_000, 100_000, 1.5),
    "1 MiB, 4 connections": (cells.echo(1 << 20, 4, 1), 50_000, 5_000_000, 1.5),
    "handshake and close": (["handshake", "--connections", "16"], 10_000, 300_000, 1.6),
}
TIMES = ["--seconds", "0.25", "--warm-up", "0.15"]
MOST_IDLE_BYTES = 600


def check(failures, good, text):
    print(("ok      " if good else "FAILED: ") + text)
    failures.append(0 if good else 1)


def check_cell(failures, title, results, least, most, ratio):
    for name, runs in results.items():
        refused = [str(run) for run in runs if not isinstance(run, dict)]
        check(failures, not refused, f"{title}: {name} answers {'; '.join(refused)}")
    if not all(measure.succeeded(runs) for runs in results.values()):
        return
    counted = measure.median(results["wsrs"], "instructions")
    if counted is None:
        print(f"skipped: {title}: {results['wsrs'][0]['not_counted']}")
        return
    check(failures, least <= counted <= most, f"{title}: {counted:,.0f} instructions, from {least:,} to {most:,}")
    # The best round: another program on the same CPU can only add.
    found = min(measure.ratios(results["wsrs"], results["floor"], "instructions"))
    check(failures, found <= ratio, f"{title}: {found:.2f} times the floor, at most {ratio}")


def main(load):
    commands = servers.prepare(["floor", "wsrs"])
    failures = []
    for title, (arguments, least, most, ratio) in CELLS.items():
        runs = {name: lambda command=command: measure.run_once(load, [*arguments, *TIMES], command)
                for name, command in commands.items()}
        check_cell(failures, title, measure.take_turns(runs, 2), least, most, ratio)
    results = measure.take_turns({"wsrs": lambda: measure.run_once(load, ["idle", "--connections", "500"],
                                                                   commands["wsrs"])}, 1)
    used = measure.median(results["wsrs"], "used_resident")
    check(failures, used is not None and used <= MOST_IDLE_BYTES,
          f"memory of an idle connection: {used} bytes, at most {MOST_IDLE_BYTES}")
    print(f"{len(failures) - sum(failures)} passed, {sum(failures)} failed, 0 skipped")
    return 1 if sum(failures) else 0
