"""Reads the examples of the manual: the C files of docs/samples and the program in the header's first comment.

A file begins with a comment that says what it shows and ends with the names whose pages show it: "For: name, name."
"""

import re
from dataclasses import dataclass
from pathlib import Path

from header import COMMENT, plain

# The pages that show the program of the header's first comment.
OVERVIEW = ["wsrs_context_new", "wsrs_context_listen", "wsrs_context_run", "wsrs_context_free", "wsrs_message"]


@dataclass
class Sample:
    file: str
    about: str
    names: list
    lines: list


def read(header, folder):
    program = next(block for block in header.overview if block.kind == "indented")
    found = [Sample("overview.c", "An echo server:", OVERVIEW, [line[4:] for line in program.lines])]
    for file in sorted(Path(folder).glob("*.c")):
        comment, body = re.fullmatch(COMMENT + r"(.*)", file.read_text(encoding="ascii"), re.S).groups()
        about, names = re.fullmatch(r"(.*) For: ([\w, ]+)\.", " ".join(plain(comment).split())).groups()
        found.append(Sample(file.name, about, names.split(", "), body.strip("\n").split("\n")))
    for sample in found:
        for name in sample.names:
            if name not in header.functions and name not in header.types:
                raise SystemExit(f"an example is for {name}, which the header does not have")
    return found
