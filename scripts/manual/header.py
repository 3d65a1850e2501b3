"""Reads include/wsrs.h: its declarations with the comments before them. man.py and doxygen.py write the manual from it.

The header follows rules that its generator keeps: a comment stands directly before what it explains, members of structs
have one each, and in the comment of a function a sentence "Any thread" or "Loop thread" begins what is said about
threads, "Returns" what is said about results, and "The caller promises:" a list. What breaks a rule is an error here.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

COMMENT = r"/\*((?:(?!\*/).)*)\*/\n"
DECLARATION = re.compile(
    rf"^{COMMENT}"
    r"(#define [^\n]*(?:\n#define [^\n]*)*|typedef struct \{.*?\n\} \w+;|typedef [^{;]+;|[a-z][^;{#]*\);)",
    re.M | re.S,
)
MEMBER = re.compile(r"^    " + COMMENT + r"    ([^;]+);", re.M | re.S)
# A word that names something of the library; a star stands for several ("WSRS_STATE_*").
NAME = re.compile(r"\b(?:(?:wsrs|WSRS)_\w*\*?\w*|on_[a-z]+)")


@dataclass
class Block:
    """A paragraph (one line of text), a list (its items) or indented lines (as they stand)."""

    kind: str
    lines: list


@dataclass
class Constant:
    name: str
    value: str
    text: str


@dataclass
class Variable:
    """A member of a struct or a parameter: "const char *reason" is named reason."""

    declaration: str
    text: str = ""

    @property
    def name(self):
        pointer = re.search(r"\(\*(\w+)\)", self.declaration)
        return pointer.group(1) if pointer else re.findall(r"\w+", self.declaration)[-1]


@dataclass
class Type:
    name: str
    blocks: list
    members: list
    declaration: str
    # What its comment lists: label ("Functions", "Given to", …) and the sentence's text.
    uses: list = field(default_factory=list)


@dataclass
class Function:
    name: str
    returns: str
    parameters: list
    blocks: list
    threads: str
    results: str
    promises: list


@dataclass
class Header:
    version: str
    overview: list
    constants: dict
    types: dict
    functions: dict

    def constants_in(self, text):
        """The constants that a text names, WSRS_STATE_* being all of them, without the macros that initialise."""
        found = []
        for name in NAME.findall(text):
            pattern = re.escape(name).replace(r"\*", ".+") + "$"
            found += [c for c in self.constants.values() if re.match(pattern, c.name) and c not in found]
        return [c for c in found if not c.name.endswith(("_INIT", "_NONE"))]

    def results_of(self, function):
        """The constants that a function may return, also those of the function whose results it shares."""
        found = self.constants_in(function.results)
        for name in re.findall(r"(?:Returns|;|and else) as (wsrs_\w+)", function.results):
            found += [c for c in self.results_of(self.functions[name]) if c not in found]
        return sorted(found, key=lambda c: -int(c.value.strip("()")))

    def type_of(self, function):
        """The handle that a function is about: wsrs_conn for wsrs_conn_send."""
        return self.types.get("_".join(function.name.split("_")[:2]))

    def related(self, function):
        """The functions that the comment of its type lists beside it."""
        about = self.type_of(function)
        if about is None:
            listed = [type for type in self.types.values() if any(function.name in text for _, text in type.uses)]
            return [name for type in listed for _, text in type.uses for name in NAME.findall(text)]
        for _, text in about.uses:
            if function.name in NAME.findall(text):
                return [name for name in NAME.findall(text) if name != function.name]
        raise SystemExit(f"the comment of {about.name} does not list {function.name}")

    def mentioned(self, text):
        """The functions and types that a text names."""
        names = dict.fromkeys(NAME.findall(text))
        return [name for name in names if name in self.functions or name in self.types]


def plain(comment):
    """The text of a comment without its stars."""
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip("\n").split("\n")]
    return "\n".join(lines).strip()


def blocks(text):
    """Cuts a comment into blocks."""
    found = []
    for part in re.split(r"\n{2,}", text):
        lines = part.split("\n")
        if lines[0].startswith("    "):
            if found and found[-1].kind == "indented":
                found[-1].lines += ["", *lines]
            else:
                found.append(Block("indented", lines))
            continue
        first = next((at for at, line in enumerate(lines) if line.startswith("- ")), len(lines))
        if first > 0:
            found.append(Block("paragraph", [" ".join(line.strip() for line in lines[:first])]))
        if first < len(lines):
            items = re.split(r"(?:^|\n)- ", "\n".join(lines[first:]))[1:]
            found.append(Block("list", [" ".join(item.split()) for item in items]))
    return found


def sentences(text):
    return re.split(r"(?<=\w\.) (?=[A-Za-z])", text)


def summary(parts):
    """The first sentence, cut where it goes into details, without its full stop."""
    text = sentences(parts[0].lines[0])[0].rstrip(".")
    # "Servers: the request's path": who may call it.
    text = re.sub(r"^(\w+): ", lambda match: match.group(1).lower() + ", ", text).split(": ")[0]
    for mark in ("; ", ", ", r" \("):
        if len(text) > 84:
            text = re.split(mark, text)[0]
    # A first word that is a name or an abbreviation keeps its case.
    return text[0].lower() + text[1:] if text[:2].istitle() else text


def constants(comment, body):
    shared = " ".join(plain(comment).split())
    for name, value in re.findall(r"^#define (\w+) (.*)$", body, re.M):
        yield Constant(name, value, shared)


def type_of(comment, body):
    name = re.search(r"(\w+);$", body).group(1)
    members = [Variable(" ".join(code.split()), " ".join(plain(text).split())) for text, code in MEMBER.findall(body)]
    if "{" in body and re.sub(r"/\*.*?\*/", "", body, flags=re.S).count(";") != len(members) + 1:
        raise SystemExit(f"{name}: a member without a comment")
    result = Type(name, [], members, body if "{" not in body else "")
    for block in blocks(plain(comment)):
        rest = []
        for sentence in sentences(block.lines[0]) if block.kind == "paragraph" else []:
            label, _, text = sentence.partition(": ")
            if re.fullmatch(r"[A-Z][a-z]+( [a-z]+){0,2}", label) and NAME.match(text):
                result.uses.append((label, text))
            else:
                rest.append(sentence)
        if rest:
            result.blocks.append(Block("paragraph", [" ".join(rest)]))
        elif block.kind != "paragraph":
            result.blocks.append(block)
    return result


def function(comment, body):
    declaration = " ".join(body.split())
    returns, name, parameters = re.fullmatch(r"(.*?)(wsrs_\w+)\((.*)\);", declaration).groups()
    # Commas inside of the parentheses of a function pointer don't end a parameter.
    split = [] if parameters == "void" else re.split(r", (?![^(]*\))", parameters)
    found = blocks(plain(comment))
    result = Function(name, returns.strip(), [Variable(p) for p in split], [], "", "", [])
    while found:
        block = found.pop(0)
        text = block.lines[0]
        if block.kind == "paragraph" and text == "The caller promises:":
            result.promises = found.pop(0).lines
            continue
        if block.kind != "paragraph":
            result.blocks.append(block)
            continue
        described = []
        for sentence in sentences(text):
            if result.results or sentence.startswith("Returns "):
                result.results += (" " if result.results else "") + sentence
            elif result.threads or re.match(r"(Any|Loop) thread\b", sentence):
                result.threads += (" " if result.threads else "") + sentence
            else:
                described.append(sentence)
        if described:
            result.blocks.append(Block("paragraph", [" ".join(described)]))
    if not result.threads or not result.blocks:
        raise SystemExit(f"{name}: the comment does not say what it does and on which thread it may be called")
    if (result.returns == "wsrs_result") != bool(result.results):
        raise SystemExit(f"{name}: the comment does not say what it returns")
    return result


def read(path):
    text = Path(path).read_text(encoding="ascii")
    overview = re.search(r"^" + COMMENT.replace(r"\n", r"\n\n"), text[text.index("#include") :], re.M | re.S)
    header = Header("", blocks(plain(overview.group(1))), {}, {}, {})
    for comment, body in DECLARATION.findall(text):
        if body.startswith("#define"):
            header.constants.update((c.name, c) for c in constants(comment, body))
        elif body.startswith("typedef"):
            found = type_of(comment, body)
            header.types[found.name] = found
        else:
            found = function(comment, body)
            header.functions[found.name] = found
    header.version = ".".join(header.constants[f"WSRS_VERSION_{part}"].value for part in ("MAJOR", "MINOR", "PATCH"))
    return header
