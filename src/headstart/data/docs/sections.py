"""Sections: the parameters and the return value that a docstring describes, in any of the usual styles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from headstart.data.docs.prose import RULE, plain

PARAMETERS = re.compile(
    r"(?i)(?:(?:other|keyword|optional|init) )?(?:param(?:eter)?|arg(?:ument)?|kwarg)s?\s*:{0,2}"
)
RETURNS = re.compile(r"(?i)(?:returns?|yields?)\s*:{0,2}")
NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::\s*(.*))?")  # name, other : type
GOOGLE_ENTRY = re.compile(r"[`*]*(\w+)[`*]*\s*(?:\((.*?)\))?\s*(?::|--)\s*(.*)")  # name (type): text
FIELD = re.compile(r":param (?:[\w.\[\], |]+ )?\*{0,2}(\w+):\s*(.*)")
RETURNED_TYPE = re.compile(r"(?:[`~:\w.\[\]|, ()]*`|[A-Za-z_][\w.\[\], |]*?)\s*(?:\([^)]*\))?\s*:\s+(?=\S)")
SELF = {"self", "cls"}


@dataclass(frozen=True)
class Parameter:
    """One parameter as its docstring describes it, without markup."""

    name: str
    type: str  # "" where none is given
    text: str


def parameters(text: str) -> list[Parameter]:
    """The parameters that are described, in the order of the docstring, each name once."""
    found: dict[str, Parameter] = {}
    for body, underlined in _bodies(text, PARAMETERS):
        for head, below in _entries(body):
            for parameter in _read(head, below, underlined):
                found.setdefault(parameter.name, parameter)
    for name, first in FIELD.findall(text):
        found.setdefault(name, Parameter(name, "", plain(first)))
    return list(found.values())


def returned(text: str) -> str:
    """What is said about the return value; "" when nothing is said beyond its type."""
    for body, underlined in _bodies(text, RETURNS):
        if not underlined:
            said = plain("\n".join(body))
            return RETURNED_TYPE.sub("", said, count=1) if RETURNED_TYPE.match(said) else said
        entries = list(_entries(body))
        if entries and entries[0][1]:
            return plain("\n".join(entries[0][1]))
    return ""


def signature_names(signature: str) -> list[str]:
    """The names between the parentheses of a signature, in order, `self` and `cls` left out."""
    return [name for name, _ in _arguments(signature)]


def short_signature(signature: str) -> str:
    """Names, stars and defaults of a signature; no annotations, no `self`, long defaults cut."""
    return f"({', '.join(shown for _, shown in _arguments(signature))})"


def _arguments(signature: str) -> list[tuple[str, str]]:
    """(name, how it is shown); a lone `*` or `/` is left out, since it is no parameter."""
    try:
        definition = ast.parse(f"def f{signature}: pass").body[0]
    except (SyntaxError, ValueError):
        return []
    assert isinstance(definition, ast.FunctionDef)  # noqa: S101  what the line above spells
    given = definition.args
    ordinary = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(ordinary) - len(given.defaults)) + list(given.defaults)
    shown = [(a.arg, _default(a.arg, d)) for a, d in zip(ordinary, defaults, strict=True)]
    if given.vararg:
        shown.append((given.vararg.arg, f"*{given.vararg.arg}"))
    shown += [(a.arg, _default(a.arg, d)) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        shown.append((given.kwarg.arg, f"**{given.kwarg.arg}"))
    return [pair for pair in shown if pair[0] not in SELF]


def _default(name: str, default: ast.expr | None) -> str:
    if default is None:
        return name
    written = ast.unparse(default)
    return f"{name}={written if len(written) <= 24 else '...'}"


def _bodies(text: str, title: re.Pattern[str]) -> Iterator[tuple[list[str], bool]]:
    """The lines of every section with that title, and whether its title is underlined."""
    lines = text.expandtabs().splitlines()
    for number, line in enumerate(lines):
        heading = line.strip().strip("*")
        if not title.fullmatch(heading):
            continue
        below = lines[number + 1] if number + 1 < len(lines) else ""
        underlined = RULE.fullmatch(below) is not None
        if underlined:
            yield _until_next_title(lines[number + 2 :]), True
        elif ":" in heading:
            yield _indented(lines[number + 1 :], len(line) - len(line.lstrip())), False


def _until_next_title(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines[1:]):
        if RULE.fullmatch(line) and lines[number].strip():
            return lines[:number]
    return lines


def _indented(lines: list[str], indent: int) -> list[str]:
    for number, line in enumerate(lines):
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return lines[:number]
    return lines


def _entries(body: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(head line, lines below it): a head stands at the indent of the first line, the rest deeper."""
    filled = [line for line in body if line.strip()]
    if not filled:
        return
    margin = len(filled[0]) - len(filled[0].lstrip())
    head: str | None = None
    below: list[str] = []
    for line in body:
        if line.strip() and len(line) - len(line.lstrip()) <= margin:
            if head is not None:
                yield head, below
            head, below = line.strip(), []
        elif head is not None:
            below.append(line)
    if head is not None:
        yield head, below


def _read(head: str, below: list[str], underlined: bool) -> Iterator[Parameter]:
    """The parameters that one entry describes: several where they share a description."""
    if underlined and (entry := NUMPY_ENTRY.fullmatch(head)) is not None:
        said = plain("\n".join(below))
        for name in entry[1].split(","):
            yield Parameter(name.strip().lstrip("*"), plain(entry[2] or ""), said)
    elif not underlined and (entry := GOOGLE_ENTRY.fullmatch(head.lstrip("-*+ "))) is not None:
        yield Parameter(entry[1], plain(entry[2] or ""), plain("\n".join([entry[3], *below])))
