"""Compiles every code sample: of README.md, docs/*.md and python/README.md, of the manual pages and of the header.

    check.py TREE BUILD      BUILD: where libwsrs.so is, built by CMake
    check.py --mypy TREE     only the Python samples, by the mypy of the Python that runs this

A sample of a document is a fenced block with its language, or an indented block, which is for the shell.

- c, cpp: with int main, a program, which is linked too. Otherwise functions, which have stdio.h and wsrs.h, or
  statements, which are made the body of a function behind prelude.h. What needs another event loop is left out where
  that is missing.
- python: behind prelude.py where it doesn't import wsrs.
- sh: by sh -n. cmake: configured behind prelude.cmake against what BUILD installs. text: no sample.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts/manual"))
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# What is taken for granted in a document's piece of a program.
IN_PIECES = ["-D_XOPEN_SOURCE=700", "-include", "stdio.h", "-include", "wsrs.h"]
IN_PIECES += ["-Wno-unused-function", "-Wno-unused-variable"]
# Headers of others in samples, and what pkg-config calls their libraries.
OTHERS = {"<uv.h>": "libuv", "<event2/": "libevent_core"}


@dataclass
class Sample:
    place: str
    language: str
    text: str


def of_document(name, text):
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line, begin = lines[at], at + 1
        fence = re.match(r"( *)```(\S*)", line)
        at += 1
        if fence:
            while lines[at].strip() != "```":
                at += 1
            body = [inner[len(fence.group(1)) :] for inner in lines[begin:at]]
            yield Sample(f"{name}:{begin}", fence.group(2), "\n".join(body) + "\n")
            at += 1
        elif line.startswith("    ") and (begin == 1 or not lines[begin - 2]):
            while at < len(lines) and lines[at].startswith("    "):
                at += 1
            yield Sample(f"{name}:{begin}", "sh", "\n".join(inner[4:] for inner in lines[begin - 1 : at]) + "\n")


def gather(tree):
    for path in [tree / "README.md", tree / "python/README.md", *sorted((tree / "docs").glob("*.md"))]:
        found = list(of_document(str(path.relative_to(tree)), path.read_text(encoding="utf-8")))
        if not found and path.name in ("README.md", "guide.md", "python.md"):
            raise SystemExit(f"{path} has no sample")
        yield from found


def of_manual(tree):
    import header
    import samples

    for sample in samples.read(header.read(tree / "include/wsrs.h"), tree / "docs/samples"):
        yield Sample(f"manual, {sample.file}", "c", "\n".join(sample.lines) + "\n")


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    return "" if done.returncode == 0 else done.stdout or f"status {done.returncode}"


class Checker:
    def __init__(self, tree, build, work):
        self.tree, self.build, self.work = tree, build, work

    def c(self, sample, compiler=(os.environ.get("CC", "cc"), "-std=c99"), suffix="c"):
        text, flags = sample.text, []
        for header, library in OTHERS.items():
            if header in text:
                known = subprocess.run(["pkg-config", "--cflags", library], stdout=subprocess.PIPE, text=True)
                if known.returncode:
                    print(f"{sample.place}: skipped, {library} is missing")
                    return ""
                flags += known.stdout.split()
        program = re.search(r"\bint main\(", text)
        # What begins a line and opens a body below it is a function.
        if not program and not re.search(r"^\w.*\)\n\{", text, re.M):
            text = f'#include "{HERE}/prelude.h"\nvoid sample(void);\nvoid sample(void)\n{{\n{text}}}\n'
        source = self.work / f"sample.{suffix}"
        source.write_text(text, encoding="utf-8")
        command = [*compiler, *STRICT, f"-I{self.tree}/include", *flags, str(source), "-o", str(self.work / "sample")]
        return run(command + [f"-L{self.build}", "-lwsrs"] if program else command + ["-c", *IN_PIECES])

    def cpp(self, sample):
        return self.c(sample, (os.environ.get("CXX", "c++"), "-std=c++11"), "cpp")

    def python(self, sample):
        try:
            compile(of_python(sample), sample.place, "exec")
        except SyntaxError as error:
            return str(error)
        return ""

    def sh(self, sample):
        return run(["sh", "-n"], input=sample.text)

    def text(self, sample):
        return ""

    def cmake(self, sample):
        prefix, project = self.work / "prefix", self.work / "project"
        project.mkdir(exist_ok=True)
        (project / "program.c").write_text("#include <wsrs.h>\nint main(void) { return wsrs_version() == 0; }\n")
        prelude = (HERE / "prelude.cmake").read_text(encoding="utf-8")
        (project / "CMakeLists.txt").write_text(prelude + sample.text, encoding="utf-8")
        folder = str(project / "build")
        return (run(["cmake", "--install", str(self.build), "--prefix", str(prefix)])
                or run(["cmake", "-S", str(project), "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}"])
                or run(["cmake", "--build", folder]))


def of_python(sample):
    whole = re.search(r"^(import|from) wsrs\b", sample.text, re.M)
    return sample.text if whole else (HERE / "prelude.py").read_text(encoding="utf-8") + sample.text


def mypy(sample):
    return run([sys.executable, "-m", "mypy", "--no-incremental", "--check-untyped-defs", "-c", of_python(sample)])


def report(checks):
    failed = 0
    for sample, complaint in checks:
        print(f"{sample.place}: {sample.language} {'FAILED' if complaint else 'passed'}")
        if complaint:
            failed += 1
            print(complaint)
    return failed != 0


def main(*arguments):
    if arguments[0] == "--mypy":
        found = [sample for sample in gather(Path(arguments[1])) if sample.language == "python"]
        return report((sample, mypy(sample)) for sample in found)
    tree, build = (Path(argument).resolve() for argument in arguments)
    with tempfile.TemporaryDirectory() as work:
        checker = Checker(tree, build, Path(work))
        unknown = lambda sample: f"'{sample.language}' is no language of samples"
        found = [*gather(tree), *of_manual(tree)]
        return report((sample, getattr(checker, sample.language, unknown)(sample)) for sample in found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
