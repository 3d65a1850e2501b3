"""Checks this generator's figures against another one: that of the folder WSRS_SHARED, in turns on the same servers.

Both measure the same servers, so the ratio of wsrs to a floor has to come out alike. With TLS the other folder's floor
is the one that uses rustls as wsrs does. With compression it has none, and uWebSockets takes part; the two generators'
texts differ, so that figures differ by as much as the texts do.
"""

import os
import shutil
import statistics

import cells
import deflate
import measure
import servers
from measure import Failed

WORDS = {"--in-flight": "--pipeline"}
KEYS = {"server_instructions": "instructions", "server_cpu_ns": "cpu_ns", "rss_per_connection": "idle_resident",
        "rss_per_used_connection": "used_resident", "deflate_ratio": "smaller"}
WARM_UP = ["--warm-up", "1"]


def build_other():
    """The folder of the other generator."""
    source = os.path.join(os.environ.get("WSRS_SHARED", os.path.join(servers.TOP, "..", "shared")), "bench")
    if not os.path.isdir(source):
        raise servers.LeftOut(f"there is no {source}: set WSRS_SHARED")
    folder = servers.built("other")
    if not os.path.exists(os.path.join(folder, "wsload")):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, copy_function=shutil.copyfile)
        for made, _, _ in os.walk(folder):
            os.chmod(made, 0o755)
        servers.run("other", ["make", "-C", folder, "wsload", "limit"])
    return folder


def other_floor(folder, certificate):
    if not certificate:
        return [os.path.join(folder, "limit"), "{port}"]
    manifest = os.path.join(folder, "limit-rustls", "Cargo.toml")
    limit = os.path.join(servers.cargo("other", manifest, "load", "--features", "aws-lc-rs"), "limit-rustls")
    return [limit, "--unbuffered", certificate.file, certificate.key, "{port}"]


def other_arguments(arguments, certificate):
    mode, *rest = arguments
    tls = ["--tls", "--ca", certificate.ca] if certificate else []
    return ["--mode", mode, *tls, *(WORDS.get(word, word) for word in rest)]


def run_other(wsload, arguments, command):
    with measure.Running(command) as running:
        result = measure.output_of([wsload, *arguments, "--port", str(running.port),
                                    "--server-pid", str(running.process.pid)])
    return {KEYS.get(key, key): value for key, value in result.items()}


def line(title, results, base, key):
    """The same ratio by both generators, from the rounds in which all four runs succeeded."""
    fields, medians = [], []
    for generator in ("ours", "other"):
        values = measure.ratios(results[f"wsrs, {generator}"], results[f"{base}, {generator}"], key)
        if not values:
            raise Failed(f"{title}: no round succeeded")
        medians.append(statistics.median(values))
        fields += [f"{medians[-1]:.3f}", f"{min(values):.3f} to {max(values):.3f}",
                   cells.shown(measure.median(results[f"wsrs, {generator}"], key))]
    apart = (medians[0] / medians[1] - 1) * 100
    return f"| {title} | {base} | " + " | ".join(fields) + f" | {apart:+.1f} % |"


def main(load, options, certificate):
    try:
        folder = build_other()
        commands = {} if options.deflate else {"limit": other_floor(folder, certificate)}
    except servers.LeftOut as reason:
        print(f"skipped: {reason}")
        return 0
    wsload = os.path.join(folder, "wsload")
    if options.deflate:
        return deflated(load, wsload, options)
    commands.update(servers.prepare(["floor", "wsrs"], certificate))
    print_head()
    for title, arguments in cells.all_of(certificate).items():
        if "--rate" in arguments or (options.only and options.only not in title):
            continue
        idle = arguments[0] == "idle"
        timed = arguments if idle else [*arguments, "--seconds", str(options.seconds)]
        warmed = [*timed, *([] if idle else WARM_UP), *servers.load_words(certificate)]
        results = both(load, warmed, wsload, other_arguments(timed, certificate), commands,
                       1 if idle else options.rounds, options.out)
        key = "idle_resident" if idle else "instructions"
        for base in ("limit", "floor"):
            try:
                print(line(title, results, base, key), flush=True)
            except Failed as failure:
                print(failure)
    return 0


def both(load, arguments, wsload, others, commands, rounds, log):
    """Each server under both generators, in turns."""
    runs = {}
    for name, command in commands.items():
        runs[f"{name}, ours"] = lambda command=command: measure.run_once(load, arguments, command)
        runs[f"{name}, other"] = lambda command=command: run_other(wsload, others, command)
    return measure.take_turns(runs, rounds, log)


def print_head():
    print("| cell | wsrs to | ours | range | wsrs | other's | range | wsrs | apart |")
    print("|---|---|--:|---|--:|--:|---|--:|--:|", flush=True)


def deflated(load, wsload, options):
    for title, size, takeover in deflate.titles():
        if options.only and options.only not in title:
            continue
        words = servers.deflate_words(deflate.LEVEL, takeover)
        commands = servers.prepare(["floor", "wsrs", "uWebSockets"], deflate=words)
        timed = [*deflate.cell(size), "--seconds", str(deflate.longer(options, size).seconds)]
        fresh = [] if takeover else ["--server-no-takeover", "--client-no-takeover"]
        others = ["--deflate", *fresh, *other_arguments(timed, None)]
        results = both(load, [*timed, *WARM_UP, *deflate.load_words(takeover)], wsload, others, commands,
                       options.rounds, options.out)
        cells.print_table(title, results, cells.DEFLATE_COLUMNS)
    return 0
