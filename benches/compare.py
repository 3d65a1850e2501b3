"""Checks this generator's figures against another one: that of the folder WSRS_SHARED, in turns on the same servers.

Both measure the same servers, so the ratio of wsrs to a floor has to come out alike.
"""

import os
import shutil
import statistics

import cells
import measure
import servers
from measure import Failed

MODES = {"--in-flight": "--pipeline"}
KEYS = {"server_instructions": "instructions", "rss_per_connection": "idle_resident",
        "rss_per_used_connection": "used_resident"}
WARM_UP = ["--warm-up", "1"]


def build_other():
    """The other generator and its floor."""
    source = os.path.join(os.environ.get("WSRS_SHARED", os.path.join(servers.TOP, "..", "shared")), "bench")
    if not os.path.isdir(source):
        raise servers.LeftOut(f"there is no {source}: set WSRS_SHARED")
    folder = servers.built("other")
    if not os.path.exists(os.path.join(folder, "wsload")):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, copy_function=shutil.copyfile)
        os.chmod(folder, 0o755)
        servers.run("other", ["make", "-C", folder, "wsload", "limit"])
    return os.path.join(folder, "wsload"), os.path.join(folder, "limit")


def other_arguments(arguments):
    mode, *rest = arguments
    return ["--mode", mode, *(MODES.get(word, word) for word in rest)]


def run_other(wsload, arguments, command):
    with measure.Running(command) as running:
        result = measure.output_of([wsload, *other_arguments(arguments), "--port", str(running.port),
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


def main(load, options):
    try:
        wsload, limit = build_other()
    except servers.LeftOut as reason:
        print(f"skipped: {reason}")
        return 0
    commands = {**servers.prepare(["floor", "wsrs"]), "limit": [limit, "{port}"]}
    print("| cell | wsrs to | ours | range | wsrs | other's | range | wsrs | apart |")
    print("|---|---|--:|---|--:|--:|---|--:|--:|", flush=True)
    for title, arguments in {**cells.CELLS, **cells.MEMORY}.items():
        if "--rate" in arguments or (options.only and options.only not in title):
            continue
        idle = arguments[0] == "idle"
        timed = arguments if idle else [*arguments, "--seconds", str(options.seconds)]
        warmed = timed if idle else [*timed, *WARM_UP]
        runs = {}
        for name in ("limit", "floor", "wsrs"):
            command = commands[name]
            runs[f"{name}, ours"] = lambda command=command: measure.run_once(load, warmed, command)
            runs[f"{name}, other"] = lambda command=command: run_other(wsload, timed, command)
        results = measure.take_turns(runs, 1 if idle else options.rounds, options.out)
        key = "idle_resident" if idle else "instructions"
        for base in ("limit", "floor"):
            try:
                print(line(title, results, base, key), flush=True)
            except Failed as failure:
                print(failure)
    return 0
