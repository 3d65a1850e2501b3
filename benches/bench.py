"""Measures wsrs beside other servers; scripts/bench.sh calls it and says how.

The generator (benches/load) and the floor (benches/peers/floor.c) are the project's own.
"""

import argparse
import os
import signal
import sys

import cells
import deflate
import measure
import servers


def parse():
    parser = argparse.ArgumentParser(prog="bench.sh", description="Measures wsrs beside other servers.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--python", action="store_true", help="servers in Python instead")
    what.add_argument("--scale", action="store_true", help="over connections, sizes and memory; writes docs/scale.*")
    what.add_argument("--syscalls", action="store_true", help="system calls per message, by strace")
    what.add_argument("--threads", action="store_true", help="one thread and two, a context in each")
    what.add_argument("--compare", action="store_true", help="the generator beside that of the folder WSRS_SHARED")
    what.add_argument("--smoke", action="store_true", help="a few seconds: does it work, and are figures sane?")
    parser.add_argument("--tls", action="store_true", help="over TLS")
    parser.add_argument("--deflate", action="store_true", help="with permessage-deflate, at several levels too")
    parser.add_argument("--only", metavar="TEXT", help="only the cells whose title has TEXT in it")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in each cell (3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement (1)")
    parser.add_argument("--peers", metavar="NAMES", default="all", help="all, none, or some, with commas: "
                        + ", ".join(name for name in servers.ALL if name not in ("floor", "wsrs")))
    parser.add_argument("--out", type=argparse.FileType("a"), metavar="FILE", help="append each result, as JSON lines")
    options = parser.parse_args()
    if options.tls and (options.scale or options.threads or options.smoke):
        parser.error("--tls goes with --python, --syscalls, --compare or none of them")
    others = (options.tls, options.python, options.scale, options.syscalls, options.threads, options.smoke)
    if options.deflate and any(others):
        parser.error("--deflate goes with --compare or nothing else")
    return parser, options


def chosen(parser, options):
    own = ["floor", "wsrs"]
    everyone = [*own, *(servers.PYTHON if options.python else list(servers.NATIVE)[2:])]
    if options.deflate:
        everyone = deflate.SERVERS
    if options.tls and not options.python:
        everyone.append("websockets")
    if options.peers == "all":
        return everyone
    names = [] if options.peers == "none" else options.peers.split(",")
    for name in names:
        if name not in servers.ALL:
            parser.error(f"there is no peer {name}")
    return [*own, *names]


def main():
    parser, options = parse()
    # So that a server that runs is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    measure.raise_descriptor_limit()
    os.makedirs(servers.BUILD, exist_ok=True)
    load = servers.load()
    certificate = servers.make_certificate() if options.tls else None
    if options.scale:
        import scale
        return scale.main(load, options)
    if options.smoke:
        import smoke
        return smoke.main(load)
    if options.syscalls:
        import syscalls
        return syscalls.main(load, certificate)
    if options.threads:
        import threads
        return threads.main(load, options)
    if options.compare:
        import compare
        return compare.main(load, options, certificate)
    if options.deflate:
        return deflate.main(load, options, chosen(parser, options))
    commands = servers.prepare(chosen(parser, options), certificate)
    results = cells.run_cells(cells.PYTHON_CELLS if options.python else cells.all_of(certificate),
                              commands, load, options, servers.load_words(certificate),
                              cells.TLS_COLUMNS if certificate else cells.COLUMNS)
    cells.print_summary(results)
    return 0 if measure.all_succeeded(results) else 1


if __name__ == "__main__":
    sys.exit(main())
