"""A few seconds that show that the benchmark works and that no figure is absurd.

The bounds are wide: they hold on any machine, busy or not, and catch what makes a message cost twice as much.
"""

import cells
import deflate
import measure
import servers
import threads

# Title: arguments, least and most instructions, most that wsrs may take as multiple of the floor.
CELLS = {
    "16 B, 1 connection": (cells.echo(16, 1, 1), 3_000, 100_000, 1.5),
    "125 B, 64 connections, 16 in flight": (cells.echo(125, 64, 16), 300, 10_000, 1.8),
    "1 KiB text, 64 connections": (cells.echo(1024, 64, 1, "--text"), 3_000, 100_000, 1.5),
    "1 MiB, 4 connections": (cells.echo(1 << 20, 4, 1), 50_000, 5_000_000, 1.5),
    "handshake and close": (["handshake", "--connections", "16"], 10_000, 300_000, 1.6),
}
# Without a floor: to build that takes longer than all this.
TLS_CELLS = {
    "wss, 125 B, 64 connections": (cells.echo(125, 64, 1), 3_000, 30_000),
    "wss, 64 KiB, 16 connections, 4 in flight": (cells.echo(65_536, 16, 4), 50_000, 250_000),
    "wss, resumed handshake and close": (["handshake", "--connections", "16", "--resume"], 100_000, 1_000_000),
}
DEFLATE_CELLS = {
    "deflate, 1 KiB JSON, 64 connections, no takeover": (False, 60_000, 400_000),
    "deflate, 1 KiB JSON, 64 connections, takeover": (True, 40_000, 350_000),
}
TIMES = ["--seconds", "0.25", "--warm-up", "0.15"]
MOST_IDLE_BYTES = 600
LEAST_SHARE = 0.02


class Checks:
    """Counts, and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def that(self, good, text):
        print(("ok: " if good else "FAILED: ") + text, flush=True)
        self.passed += bool(good)
        self.failed += not good

    def skip(self, text):
        print(f"skipped: {text}", flush=True)
        self.skipped += 1


def check_cell(checks, title, results, least, most, ratio=None):
    failures = [f"{name}: {run}" for name, runs in results.items() for run in runs if not isinstance(run, dict)]
    checks.that(not failures, f"{title}: " + ("; ".join(failures) or "each message comes back as it was"))
    if failures:
        return
    counted = measure.median(results["wsrs"], "instructions")
    if counted is None:
        checks.skip(f"{title}: {measure.remarks(results['wsrs'])}")
        return
    checks.that(least <= counted <= most, f"{title}: {counted:,.0f} instructions, from {least:,} to {most:,}")
    if ratio is None:
        return
    # The better round: another program on the same CPU can only add.
    found = min(measure.ratios(results["wsrs"], results["floor"], "instructions"))
    checks.that(found <= ratio, f"{title}: {found:.2f} times the floor, at most {ratio}")


def main(load):
    commands = servers.prepare(["floor", "wsrs"])
    checks = Checks()
    for title, (arguments, least, most, ratio) in CELLS.items():
        runs = {name: lambda command=command: measure.run_once(load, [*arguments, *TIMES], command)
                for name, command in commands.items()}
        check_cell(checks, title, measure.take_turns(runs, 2), least, most, ratio)
    certificate = servers.make_certificate()
    secure = servers.prepare(["wsrs"], certificate)["wsrs"]
    for title, (arguments, least, most) in TLS_CELLS.items():
        words = [*arguments, *TIMES, *servers.load_words(certificate)]
        runs = {"wsrs": lambda words=words: measure.run_once(load, words, secure)}
        check_cell(checks, title, measure.take_turns(runs, 1), least, most)
    for title, (takeover, least, most) in DEFLATE_CELLS.items():
        command = servers.prepare(["wsrs"], deflate=servers.deflate_words(deflate.LEVEL, takeover))["wsrs"]
        words = [*deflate.cell("1 KiB"), *TIMES, *deflate.load_words(takeover)]
        runs = {"wsrs": lambda command=command, words=words: measure.run_once(load, words, command)}
        check_cell(checks, title, measure.take_turns(runs, 1), least, most)
    idle = {"wsrs": lambda: measure.run_once(load, ["idle", "--connections", "500"], commands["wsrs"])}
    used = measure.median(measure.take_turns(idle, 1)["wsrs"], "used_anonymous")
    checks.that(used is not None and used <= MOST_IDLE_BYTES,
                f"memory of an idle connection: {used} bytes, at most {MOST_IDLE_BYTES}")
    two = {"wsrs": lambda: threads.run_once(load, [*cells.echo(125, 64, 1), *TIMES], 2)}
    share = measure.median(measure.take_turns(two, 1)["wsrs"], "least_share")
    checks.that(share is not None and LEAST_SHARE <= share <= 0.5,
                f"two threads, 64 connections: one has {share} of the work, from {LEAST_SHARE} to 0.5")
    print(f"{checks.passed} passed, {checks.failed} failed, {checks.skipped} skipped")
    return 1 if checks.failed else 0
