"""Writes the HTML reference: include/wsrs.h and docs/guide.md in the form that doxygen reads, and runs doxygen on them.

    reference.py HEADER SAMPLES GUIDE OUT [DOXYGEN]      OUT: gets html/ and doxygen's warnings, and is emptied before

The functions of a handle are one chapter with its type; other structs, results and constants have a chapter each.
"""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import samples
from header import NAME, read, sentences, summary

HERE = Path(__file__).resolve().parent


def escaped(text):
    """Text in which doxygen finds no command, tag or emphasis."""
    text = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[#@%*]", r"\\\g<0>", text)


def comment(text):
    return f"/**\n{text.strip()}\n*/\n"


class Reference:
    def __init__(self, header, examples):
        self.header = header
        self.examples = examples
        self.handles = {type.name: type for type in header.types.values() if [m.name for m in type.members] == ["id"]}
        self.members = {member.name: "wsrs_callbacks" for member in header.types["wsrs_callbacks"].members[1:]}
        limits = [member.name for member in header.types["wsrs_limits"].members]
        self.members.update({name: "wsrs_limits" for name in limits if "_" in name})

    def link(self, name):
        if name in self.members:
            return f'@ref {self.members[name]}::{name} "{name}"'
        known = name in self.header.functions or name in self.header.types or name in self.header.constants
        return f'@ref {name} "{name}"' if known else None

    def words(self, text):
        """A paragraph in which names are links."""
        pattern = NAME.pattern + r"|\b(?:" + "|".join(self.members) + r")\b"
        return re.sub(pattern, lambda match: self.link(match.group()) or match.group(), escaped(text))

    def body(self, blocks):
        out = []
        for block in blocks:
            if block.kind == "indented" and any(";" in line for line in block.lines):
                out.append("@code{.c}\n" + textwrap.dedent("\n".join(block.lines)) + "\n@endcode")
            elif block.kind == "indented":
                out.append("@verbatim\n" + textwrap.dedent("\n".join(block.lines)) + "\n@endverbatim")
            elif block.kind == "list":
                out.append("\n".join("- " + self.words(line) for line in block.lines))
            else:
                out.append(self.words(block.lines[0]))
        return "\n\n".join(out)

    def described(self, entry):
        """What lists show, and the whole."""
        about = summary(entry.blocks)
        brief = f"@brief {self.words(about if NAME.match(about) else about[0].upper() + about[1:])}.\n\n"
        paragraph = entry.blocks[0].lines[0]
        if sentences(paragraph)[0].lower() == about.lower() + ".":
            rest = " ".join(sentences(paragraph)[1:])
            return brief + "\n\n".join(filter(None, [rest and self.words(rest), self.body(entry.blocks[1:])]))
        return brief + self.body(entry.blocks)

    def example(self, name):
        found = [sample for sample in self.examples if name in sample.names]
        return "".join(f"\n@par Example\n{self.words(sample.about)}\n@include {sample.file}\n" for sample in found)

    def function(self, function):
        text = self.described(function) + "\n\n@par Threads\n" + self.words(function.threads)
        if function.results:
            text += "\n\n@return " + self.words(function.results.replace("Returns ", "", 1))
        if function.promises:
            promises = "\n".join("- " + self.words(line) for line in function.promises)
            text += f"\n\n@par The caller promises\n{promises}"
        declared = ", ".join(parameter.declaration for parameter in function.parameters) or "void"
        text += "\n" + self.example(function.name)
        return f"{comment(text)}{function.returns} {function.name}({declared});\n\n"

    def type(self, type):
        uses = [] if type.name in self.handles else type.uses
        uses = "".join(f"\n@par {label}\n{self.words(text)}\n" for label, text in uses)
        text = comment(self.described(type) + "\n" + uses + self.example(type.name))
        if type.declaration:
            return text + type.declaration + "\n\n"
        members = "".join(f"{comment(self.words(m.text))}{m.declaration};\n" for m in type.members)
        return f"{text}typedef struct {{\n{members}}} {type.name};\n\n"

    def constants(self, wanted):
        found = [constant for constant in self.header.constants.values() if wanted(constant.name)]
        return "".join(comment(self.words(c.text)) + f"#define {c.name} {c.value}\n\n" for c in found)

    def handle(self, type):
        """A type with its functions, in the groups that its comment lists."""
        body = self.type(type)
        for label, text in type.uses:
            functions = [self.header.functions[name] for name in NAME.findall(text)]
            members = "".join(self.function(function) for function in functions)
            body += f"/** @name {label} */\n/** @{{ */\n{members}/** @}} */\n\n"
        return self.chapter(type.name, f"{type.name}: {summary(type.blocks)}", body)

    def chapter(self, name, title, body):
        return f"/** @defgroup chapter_{name} {title}\n * @{{ */\n\n{body}/** @}} */\n\n"

    def declarations(self):
        types = [type for type in self.header.types.values() if type.name not in self.handles and type.members]
        result = self.header.types["wsrs_result"]
        of_no_type = [f for f in self.header.functions.values() if self.header.type_of(f) is None]
        of_results = [f for f in of_no_type if f.name in str(result.uses)]
        of_version = [f for f in of_no_type if f not in of_results]
        results = self.constants(lambda name: name.startswith(("WSRS_OK", "WSRS_ERR_")))
        versions = self.constants(lambda name: name.startswith("WSRS_VERSION"))
        others = self.constants(lambda name: not name.startswith(("WSRS_OK", "WSRS_ERR_", "WSRS_VERSION")))
        return "".join([
            *map(self.handle, self.handles.values()),
            self.chapter("structs", "Structs", "".join(map(self.type, types))),
            self.chapter("results", "Results", self.type(result) + "".join(map(self.function, of_results)) + results),
            self.chapter("constants", "Constants and initialisers", others),
            self.chapter("version", "Version", "".join(map(self.function, of_version)) + versions),
        ])

    def main_page(self):
        """The first comment of the header, whose paragraphs may begin with a title in capitals."""
        out = []
        for block in self.header.overview:
            begin = re.match(r"([A-Z][A-Z ]+)\. ", block.lines[0]) if block.kind == "paragraph" else None
            if begin:
                title = begin.group(1).capitalize()
                out.append(f"@section overview_{title.replace(' ', '_').lower()} {title}")
                block.lines[0] = block.lines[0][begin.end():]
            out.append(self.body([block]))
        out[0] = out[0].split(": ", 1)[1]
        return comment("@mainpage Overview\n\n" + "\n\n".join(out))

    def guide(self, text):
        """docs/guide.md, in which code that is a name becomes a link, and links to other files become text."""
        places = []

        def link(match):
            found = self.link(match.group(1))
            return f"<tt>{found}</tt>" if found else match.group()

        def heading(match):
            place = re.sub(r"[^\w -]", "", match.group(2)).lower().replace(" ", "-")
            places.append(place)
            again = places.count(place) - 1
            return f"{match.group()} {{#guide-{place}" + (f"-{again}}}" if again else "}")

        title, rest = text.split("\n", 1)
        rest = re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]*\)", r"`\1`", rest)
        rest = re.sub(r"^(##+) ([\w ,'-]+)$", heading, rest, flags=re.M).replace("](#", "](#guide-")
        rest = re.sub(r"`(\w+)`", link, rest)
        return f"{title} {{#guide}}\n\n@tableofcontents\n{rest}"


def main(path, folder, guide, out, doxygen="doxygen"):
    header = read(path)
    reference = Reference(header, samples.read(header, folder))
    out = Path(out).resolve()
    shutil.rmtree(out, ignore_errors=True)
    (out / "input").mkdir(parents=True)
    # Not in the comments: what a sample comments on would end them.
    (out / "samples").mkdir()
    for sample in reference.examples:
        (out / "samples" / sample.file).write_text("\n".join(sample.lines) + "\n", encoding="ascii")
    (out / "input/wsrs.h").write_text(
        "/** @file */\n" + reference.declarations() + reference.main_page(), encoding="ascii")
    (out / "input/guide.md").write_text(reference.guide(Path(guide).read_text(encoding="utf-8")), encoding="utf-8")
    paths = {"INPUT": "input", "EXAMPLE_PATH": "samples", "OUTPUT_DIRECTORY": ".", "STRIP_FROM_PATH": "input",
             "WARN_LOGFILE": "warnings"}
    settings = (HERE / "Doxyfile").read_text(encoding="utf-8") + f"PROJECT_NUMBER = {header.version}\n"
    settings += "".join(f'{name} = "{out / path}"\n' for name, path in paths.items())
    sys.exit(subprocess.run([doxygen, "-"], input=settings.encode(), cwd=HERE).returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
