"""Writes the manual pages: wsrs(7), and one of section 3 for each function and type of include/wsrs.h.

    man.py HEADER SAMPLES OUT      SAMPLES: the folder of the examples; OUT: gets man3/ and man7/, and is emptied before

What a page says is what the comments of the header say, in the sections that manual pages have. SOURCE_DATE_EPOCH sets
the date that they bear, otherwise it is that of the header.
"""

import os
import re
import shutil
import sys
import textwrap
import time
from pathlib import Path

import samples
from header import NAME, Variable, read, summary


ROFF = {"\\": "\\e", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"}
IN_TEXT = str.maketrans(ROFF)
IN_CODE = str.maketrans({**ROFF, "-": "\\-", "'": "\\(aq"})
# A word before the name of a parameter that makes it an ordinary word: "a text", "the function".
ORDINARY = "a all an as at be first is its no of one same that the this to with".split()


def escaped(text):
    """Text that roff shows as it is; hyphens stay, minus signs and those of options don't break."""
    return re.sub(r"(?<!\w)-(?=[\w-])", r"\\-", " ".join(text.translate(IN_TEXT).split()))


def lines(text):
    """Text with each sentence on lines of its own, none of which is taken for a request."""
    parts = [textwrap.fill(part, 78, break_on_hyphens=False) for part in re.split(r"(?<=[.:;]) ", text)]
    return re.sub(r"^(?=[.'])", r"\\&", "\n".join(parts), flags=re.M) + "\n"


def code(text_lines):
    text = textwrap.dedent("\n".join(text_lines)).rstrip().translate(IN_CODE)
    return "\n.EX\n" + re.sub(r"^(?=\.)", r"\\&", text, flags=re.M) + "\n.EE\n"


class Pages:
    def __init__(self, header, examples, date):
        self.header = header
        self.examples = examples
        self.date = date

    def words(self, text, variables=()):
        """A paragraph: names of the library in bold, those of variables in italics."""

        def mark(match):
            name = match.group()
            if match.group("variable"):
                return f"\\fI{name}\\fP"
            # Inside of code a name is no reference: sizeof(wsrs_limits), wsrs_context_poll(context, 0).
            before, after = match.string[: match.start()], match.string[match.end() :]
            in_code = before.endswith("sizeof(") or re.match(r"\(| \w+ = ", after)
            page = not in_code and (name in self.header.functions or name in self.header.types)
            return f"\\fB\\%{name}\\fP" + ("(3)" if page else "")

        ordinary = "".join(f"(?<!\\b{word} )" for word in ORDINARY)
        names = "|".join(variable.name for variable in variables) or "(?!)"
        pattern = rf"{NAME.pattern}|{ordinary}\b(?P<variable>{names})\b(?![-'])"
        return lines(re.sub(pattern, mark, escaped(text)))

    def body(self, blocks, variables=()):
        out = ""
        for at, block in enumerate(blocks):
            if block.kind == "indented":
                out += ".PP\n.RS 4" + code(block.lines) + ".RE\n"
            elif block.kind == "list":
                out += self.items(block.lines, variables)
            else:
                out += (".PP\n" if at else "") + self.words(block.lines[0], variables)
        return out

    def items(self, lines, variables):
        return "".join(".IP \\(bu 2\n" + self.words(line, variables) for line in lines)

    def defined(self, constants):
        values = ((c, escaped(c.value.strip("()"))) for c in constants)
        return "".join(f'.TP\n.BR {c.name} " ({value})"\n{self.words(c.text)}' for c, value in values)

    def listed(self, entries):
        """Functions or types with what they are in a sentence."""
        out = ""
        for entry in entries:
            about = summary(entry.blocks)
            about = about if about.startswith("wsrs") else about[0].upper() + about[1:]
            out += f".TP\n.BR {entry.name} (3)\n{self.words(about + '.')}"
        return out

    def page(self, name, section, about, parts):
        """A whole page; parts without text are left out."""
        text = f'.TH {name.upper()} {section} {self.date} "wsrs {self.header.version}" "wsrs manual"\n'
        text += f".SH NAME\n{name} \\- {escaped(about)}\n"
        return text + "".join(f".SH {title}\n{body}" for title, body in parts if body)

    def see_also(self, own, names):
        found = sorted(name for name in dict.fromkeys(names) if name != own)
        known = [name for name in found if name in self.header.functions or name in self.header.types]
        return "".join(f".BR {name} (3),\n" for name in known) + ".BR wsrs (7)\n"

    def example(self, name):
        out = ""
        for sample in self.examples:
            if name in sample.names:
                out += self.words(sample.about) + code(sample.lines)
        return out

    def function(self, function):
        text = " ".join(line for block in function.blocks for line in block.lines)
        everything = " ".join([text, function.threads, function.results, *function.promises])
        declared = " ".join([function.returns, *(p.declaration for p in function.parameters)])
        types = [name for name in self.header.mentioned(declared) if name in self.header.types]
        structs = [name for name in types if name != "wsrs_result"]
        results = self.header.results_of(function)
        others = [c for c in self.header.constants_in(text) if c not in results and not c.name.startswith("WSRS_ERR_")]
        threads = self.words(function.threads, function.parameters)
        if function.threads.startswith("Loop thread") and any(c.name == "WSRS_ERR_THREAD" for c in results):
            threads += "On another thread it returns \\fBWSRS_ERR_THREAD\\fP.\n"
        related = self.header.related(function) + self.header.mentioned(everything) + types
        if "on_" in everything:
            related.append("wsrs_callbacks")
        return self.page(function.name, 3, summary(function.blocks), [
            ("LIBRARY", "wsrs, WebSockets for C programs\n.RI ( libwsrs ,\n.IR \\-lwsrs )\n"),
            ("SYNOPSIS", self.synopsis(function)),
            ("DESCRIPTION", self.body(function.blocks, function.parameters)),
            ("RETURN VALUE", self.returned(function, results)),
            ("THREADS", threads),
            ("CALLER'S PROMISES", self.items(function.promises, function.parameters)),
            ("CONSTANTS", self.defined(others)),
            ("TYPES", self.listed(self.header.types[name] for name in structs)),
            ("EXAMPLES", self.example(function.name)),
            ("SEE ALSO", self.see_also(function.name, related)),
        ])

    def synopsis(self, function):
        begin = f"{function.returns} {function.name}(".replace("* ", "*")
        parameters = [styled(parameter) for parameter in function.parameters] or ["\\fBvoid\\fP"]
        plain = begin + ", ".join(p.declaration for p in function.parameters) + ");"
        between = "\\fB,\\fP " if len(plain) < 76 else "\\fB,\\fP\n" + " " * len(begin)
        declared = f"\\fB{begin}\\fP{between.join(parameters)}\\fB);\\fP"
        return (f".nf\n.B #include <wsrs.h>\n.PP\n{declared}\n.fi\n.PP\n"
                "Link with \\fI\\-lwsrs\\fP, or with what\n.B pkg\\-config \\-\\-cflags \\-\\-libs wsrs\nprints.\n")

    def returned(self, function, results):
        if not results:
            return f"What is described above, as \\fB{function.returns}\\fP.\nThere is no error.\n"
        return self.words(function.results, function.parameters) + ".PP\nThese results mean:\n" + self.defined(results)

    def type(self, type):
        text = " ".join([line for block in type.blocks for line in block.lines] + [m.text for m in type.members])
        constants = self.header.constants_in(text + (" WSRS_OK WSRS_ERR_*" if type.name == "wsrs_result" else ""))
        if type.name != "wsrs_result":
            constants = [c for c in constants if not c.name.startswith("WSRS_ERR_")]
        lines = [type.declaration] if type.declaration else [
            "typedef struct {", *(f"    {member.declaration};" for member in type.members), f"}} {type.name};"]
        members = "".join(f".TP\n{styled(member)}\n{self.words(member.text)}" for member in type.members)
        uses = "".join(f".TP\n.B {label}\n{self.words(text)}" for label, text in type.uses)
        listed = [name for _, text in type.uses for name in NAME.findall(text)]
        declared = " ".join(member.declaration for member in type.members)
        related = listed + self.header.mentioned(text + " " + declared)
        if any(name.startswith("on_") for name in listed):
            related.append("wsrs_callbacks")
        return self.page(type.name, 3, summary(type.blocks), [
            ("SYNOPSIS", ".nf\n.B #include <wsrs.h>\n.fi\n.PP" + code(lines)),
            ("DESCRIPTION", self.body(type.blocks)),
            ("MEMBERS", members),
            ("USED BY", uses),
            ("CONSTANTS", self.defined(constants)),
            ("EXAMPLES", self.example(type.name)),
            ("SEE ALSO", self.see_also(type.name, related)),
        ])

    def overview(self):
        """wsrs(7): the first comment of the header, whose paragraphs may begin with a title in capitals."""
        first, *rest = self.header.overview
        name, about = first.lines[0].split(": ", 1)
        parts, title, gathered = [], "DESCRIPTION", []
        for block in rest:
            begin = re.match(r"([A-Z][A-Z ]+)\. ", block.lines[0]) if block.kind == "paragraph" else None
            if begin:
                parts.append((title, self.body(gathered)))
                title, gathered = begin.group(1), []
                block.lines[0] = block.lines[0][begin.end():]
            gathered.append(block)
        parts.append((title, self.body(gathered)))
        others = [c for c in self.header.constants.values() if not c.name.startswith(("WSRS_ERR_", "WSRS_OK"))]
        about, *description = about.split(". ", 1)
        command = "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs wsrs)"
        parts[0] = ("DESCRIPTION", self.words(description[0]) + ".PP\n" + parts[0][1])
        return self.page(name, 7, about, [
            ("SYNOPSIS", f".nf\n.B #include <wsrs.h>\n.PP\n.B {command}\n.fi\n"),
            *parts,
            ("TYPES", self.listed(self.header.types.values())),
            ("FUNCTIONS", self.listed(self.header.functions.values())),
            ("CONSTANTS", "The results are listed in\n.BR wsrs_result (3).\n" + self.defined(others)),
            ("SEE ALSO", self.see_also("", self.header.types).replace(",\n.BR wsrs (7)", "")),
        ])


def styled(variable: Variable):
    """A declaration in bold with its name in italics."""
    before, after = re.fullmatch(rf"(.*?){variable.name}((?:\).*)?)", variable.declaration).groups()
    return f"\\fB{before}\\fP\\fI{variable.name}\\fP" + (f"\\fB{after}\\fP" if after else "")


def main(path, folder, out):
    header = read(path)
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or os.stat(path).st_mtime)
    pages = Pages(header, samples.read(header, folder), time.strftime("%Y-%m-%d", time.gmtime(seconds)))
    shutil.rmtree(out, ignore_errors=True)
    written = {"man7/wsrs.7": pages.overview()}
    written.update((f"man3/{f.name}.3", pages.function(f)) for f in header.functions.values())
    written.update((f"man3/{t.name}.3", pages.type(t)) for t in header.types.values())
    for name, text in written.items():
        file = Path(out, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
