"""Plain: files without a table in them: paragraphs of text, and sentences with a tag for each word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from headstart.data.rows import RawRows
from headstart.errors import DataError

TAGGED = (".conll", ".conllu", ".iob", ".iob2", ".bio")
FORMATS = (".txt", *TAGGED)
BOUNDARIES = ("-DOCSTART-", "#begin document", "#end document")  # what parts the documents of a file
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
USUAL = {2: ("words", "tags"), 10: CONLLU}  # columns that need no names, by how many there are
LABEL = "__label__"
COUNTED = re.compile(r"\d+")
SPANNING = re.compile(r"\d+[-.]\d+")  # CoNLL-U: several words in one, or a word that is not in the text
NOT_TEXT = (
    "; every line of a txt is text: call the file .conll if a line is a word and its tag, or .tsv if tabs "
    "part its cells"
)

Line = tuple[int, list[str]]  # its number, its cells


def paragraphs(path: Path, text: str) -> RawRows:
    """One text per paragraph where blank lines part them, else one per line; the column is called `text`."""
    lines = [line.strip() for line in text.strip().split("\n")]
    found = [" ".join(block) for block in _blocks(lines)] if "" in lines else lines
    if not any(found):
        raise DataError(f"{path} holds no text: give a file with at least one line")
    return RawRows(str(path), ("text",), lambda name: found, NOT_TEXT)


def labelled(path: Path, text: str) -> RawRows | None:
    """Columns `label` and `text` of lines as fastText has them, `__label__x a text`; None where not every
    line begins so. A line with several labels has a list of them."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines or not all(line.startswith(LABEL) for _, line in lines):
        return None
    words = [line.split(" ") for _, line in lines]
    labels = [[w.removeprefix(LABEL) for w in takewhile(lambda w: w.startswith(LABEL), row)] for row in words]
    columns: dict[str, Sequence[Any]] = {
        "label": [row[0] if len(row) == 1 else row for row in labels],
        "text": [" ".join(row[len(own) :]).strip() or None for row, own in zip(words, labels, strict=True)],
    }
    notes = (f"{path.name}: __label__ begins a label, as in fastText",)
    return RawRows(
        str(path), ("label", "text"), columns.__getitem__, notes=notes, lines=[n for n, _ in lines]
    )


def sentences(path: Path, text: str, columns: Sequence[str] | None) -> RawRows:
    """One sentence per block of lines, one word per line, its columns parted by spaces or tabs
    (Tjong Kim Sang and De Meulder 2003, doi:10.3115/1119176.1119195); comments are left out."""
    numbered = _numbered(text)
    blocks = _sentences(numbered)
    left_out = sum(map(len, numbered)) - sum(map(len, blocks))
    if not blocks:
        raise DataError(f"{path} holds no sentences: give a file with one word and its tag per line")
    width = len(blocks[0][0][1])
    names = tuple(columns) if columns else USUAL.get(width)
    if names is None:
        many = (
            f"{width} columns: name them in their order in task.files.columns=[...], and say with task.words"
        )
        few = "one column: from words without tags nothing can be learnt or scored"
        raise DataError(f"{path} has {few if width == 1 else f'{many} and task.tags which are used'}")
    for block in blocks:
        for number, cells in block:
            if len(cells) != len(names):
                raise DataError(
                    f"{path} line {number} has {len(cells)} cells where {len(names)} columns are expected "
                    f"({', '.join(names)}): correct the line or task.files.columns"
                )
    place = {name: position for position, name in enumerate(names)}
    return RawRows(
        str(path),
        names,
        lambda name: [[cells[place[name]] for _, cells in block] for block in blocks],
        notes=(f"{path.name}: {left_out} lines are no words but comments or spans",) if left_out else (),
        lines=[block[0][0] for block in blocks],
    )


def _numbered(text: str) -> list[list[Line]]:
    """Blocks of lines. Cells are parted by tabs where these part all lines into equally many, so that words
    may hold spaces; else by spaces and tabs, and by no other blanks, which are text."""
    lines = [line.rstrip(" \t\r") for line in text.split("\n")]
    tabs = {line.count("\t") for line in lines if line.lstrip() and not line.startswith(("#", BOUNDARIES[0]))}
    by_tabs = len(tabs) == 1 and tabs != {0}
    blocks: list[list[Line]] = [[]]
    for number, line in enumerate(lines, 1):
        cells = [cell.strip(" ") for cell in line.split("\t")] if by_tabs else re.findall(r"[^ \t]+", line)
        if not line.strip(" \t") or line.startswith(BOUNDARIES):
            blocks.append([])
        else:
            blocks[-1].append((number, cells))
    return [block for block in blocks if block]


def _sentences(blocks: list[list[Line]]) -> list[list[Line]]:
    """The blocks without comments. A line before a block that begins with # may also be a word: it is one
    where it has as many cells as the other lines, and where the column with the fewest different values
    (the tags) holds its value somewhere else."""
    comments = [list(takewhile(lambda line: line[1][0].startswith("#"), block)) for block in blocks]
    rest = [block[len(first) :] for block, first in zip(blocks, comments, strict=True)]
    words = [cells for block in rest for _, cells in block]
    width, _ = Counter(map(len, words)).most_common(1)[0] if words else (0, 0)
    table = [set(column) for column in zip(*(cells for cells in words if len(cells) == width), strict=True)]
    tags = min(range(1, width), key=lambda column: len(table[column]), default=0)

    def is_word(line: Line) -> bool:
        return len(line[1]) == width and tags > 0 and line[1][tags] in table[tags]

    kept = [[*filter(is_word, first), *block] for first, block in zip(comments, rest, strict=True)]
    counted = sum(bool(COUNTED.fullmatch(cells[0])) for cells in words)
    if counted and all(COUNTED.fullmatch(cells[0]) or SPANNING.fullmatch(cells[0]) for cells in words):
        kept = [[line for line in block if not SPANNING.fullmatch(line[1][0])] for block in kept]
    return [block for block in kept if block]


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []
