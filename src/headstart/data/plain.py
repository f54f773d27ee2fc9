"""Plain: files without a table in them: paragraphs of text, and sentences with a tag for each word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from headstart.data.rows import RawRows
from headstart.node import DataError

TAGGED = (".conll", ".iob")
FORMATS = (".txt", *TAGGED)
DOCUMENT = "-DOCSTART-"  # what CoNLL-2003 writes between documents
USUAL = {2: ("words", "tags")}  # columns that need no names, by how many there are


def paragraphs(path: Path, text: str) -> RawRows:
    """One text per paragraph where blank lines part them, else one per line; the column is called `text`."""
    lines = [line.strip() for line in text.strip().split("\n")]
    found = [" ".join(block) for block in _blocks(lines)] if "" in lines else lines
    if not any(found):
        raise DataError(f"{path} holds no text: give a file with at least one line")
    return RawRows(str(path), ("text",), lambda name: found)


def sentences(path: Path, text: str, columns: Sequence[str] | None) -> RawRows:
    """One sentence per block of lines, one word per line, its columns parted by spaces or tabs
    (Tjong Kim Sang and De Meulder 2003, doi:10.3115/1119176.1119195)."""
    blocks = [block for block in _numbered(text) if block[0][1][0] != DOCUMENT]
    if not blocks:
        raise DataError(f"{path} holds no sentences: give a file with one word and its tag per line")
    width = len(blocks[0][0][1])
    names = tuple(columns) if columns else USUAL.get(width)
    if names is None:
        raise DataError(
            f"{path} has {width} columns: name them in their order in task.files.columns=[...], "
            "and say with task.words and task.tags which are used"
        )
    for block in blocks:
        for number, cells in block:
            if len(cells) != len(names):
                raise DataError(
                    f"{path} line {number} has {len(cells)} cells where {len(names)} columns are expected "
                    f"({', '.join(names)}): correct the line or task.files.columns"
                )
    place = {name: position for position, name in enumerate(names)}
    return RawRows(
        str(path), names, lambda name: [[cells[place[name]] for _, cells in block] for block in blocks]
    )


def _numbered(text: str) -> Iterator[list[tuple[int, list[str]]]]:
    """Blocks of (line number, cells); split at spaces and tabs only, since other blanks are text."""
    block: list[tuple[int, list[str]]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if cells := re.findall(r"[^ \t\r]+", line):
            block.append((number, cells))
        elif block:
            yield block
            block = []


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []
