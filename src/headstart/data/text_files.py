"""Text files that are no tables: paragraphs, lines with a class, and sentences with a tag per word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from headstart.data.rows import RawRows
from headstart.errors import DataError

TAGGED = (".conll", ".conllu", ".iob", ".iob2", ".bio")
CLASSED = (".all", ".label")  # a class and a text per line, as several corpora of sentences are published
FORMATS = (".txt", *TAGGED, *CLASSED)
BOUNDARIES = ("-DOCSTART-", "#begin document", "#end document")  # between the documents of a file
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
USUAL = {2: ("words", "tags"), 10: CONLLU}  # number of columns -> their default names
LABEL = "__label__"
COUNTED = re.compile(r"\d+")
SPANNING = re.compile(r"\d+[-.]\d+")  # CoNLL-U: numbers of contracted and of absent words
NOT_TEXT = (
    "; every line of a txt is text: call the file .conll if a line is a word and its tag, or .tsv if tabs "
    "separate its cells"
)

Line = tuple[int, list[str]]  # its number, its cells


def paragraphs(path: Path, text: str) -> RawRows:
    """One text per paragraph if there are blank lines, else per line; the column is `text`."""
    lines = [line.strip() for line in text.strip().split("\n")]
    texts = [" ".join(block) for filled, block in groupby(lines, bool) if filled] if "" in lines else lines
    if not any(texts):
        raise DataError(f"{path} holds no text: give a file with at least one line")
    return RawRows(str(path), ("text",), lambda name: texts, NOT_TEXT)


def labelled(path: Path, text: str) -> RawRows | None:
    """Columns `label` and `text` of lines in the format of fastText, `__label__x a text`; None for other
    files. Of a line with several labels, the label is a list."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines or not all(line.startswith(LABEL) for _, line in lines):
        return None
    columns: dict[str, list[Any]] = {"label": [], "text": []}
    for _, line in lines:
        words = line.split(" ")
        labels = [word.removeprefix(LABEL) for word in takewhile(lambda w: w.startswith(LABEL), words)]
        columns["label"].append(labels[0] if len(labels) == 1 else labels)
        columns["text"].append(" ".join(words[len(labels) :]).strip() or None)
    notes = (f"{path.name}: __label__ begins a label, as in fastText",)
    numbers = [number for number, _ in lines]
    return RawRows(str(path), ("label", "text"), columns.__getitem__, notes=notes, lines=numbers)


def classed(path: Path, text: str) -> RawRows:
    """Columns `label` and `text` of lines that begin with their class, as `1 a text` or `DESC:how How?`."""
    lines = [(number, line.split(None, 1)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    short = next((number for number, cells in lines if len(cells) < 2), None)
    if short:
        raise DataError(f"{path} line {short} has one word: a class and a text are needed in every line")
    if not lines:
        raise DataError(f"{path} is empty: give a file with a class and a text in every line")
    labels = Counter(label for _, (label, _) in lines)
    if len(labels) > len(lines) / 2:
        raise DataError(
            f"{path}: the first words of its lines are {len(labels)} different ones in {len(lines)} lines: "
            "no classes; call the file .txt if every line is a text"
        )
    columns = {"label": [label for _, (label, _) in lines], "text": [rest.strip() for _, (_, rest) in lines]}
    notes = (f"{path.name}: the first word of a line is its class ({len(labels)} classes)",)
    numbers = [number for number, _ in lines]
    return RawRows(str(path), ("label", "text"), columns.__getitem__, notes=notes, lines=numbers)


def sentences(path: Path, text: str, columns: Sequence[str] | None) -> RawRows:
    """One sentence per block of lines, one word per line, its columns separated by spaces or tabs
    (Tjong Kim Sang and De Meulder 2003, doi:10.3115/1119176.1119195); without comments."""
    all_blocks = _blocks(text)
    blocks = _without_comments(all_blocks)
    left_out = sum(map(len, all_blocks)) - sum(map(len, blocks))
    if not blocks:
        raise DataError(f"{path} holds no sentences: give a file with one word and its tag per line")
    width = len(blocks[0][0][1])
    names = tuple(columns) if columns else USUAL.get(width)
    if names is None and width == 1:
        raise DataError(f"{path} has one column: from words without tags nothing can be learnt or scored")
    if names is None:
        raise DataError(
            f"{path} has {width} columns: name them in their order in task.files.columns=[...], and say with "
            "task.words and task.tags which are used"
        )
    for number, cells in (line for block in blocks for line in block):
        if len(cells) != len(names):
            raise DataError(
                f"{path} line {number} has {len(cells)} cells where {len(names)} columns are expected "
                f"({', '.join(names)}): correct the line or task.files.columns"
            )
    position = {name: n for n, name in enumerate(names)}
    return RawRows(
        str(path),
        names,
        lambda name: [[cells[position[name]] for _, cells in block] for block in blocks],
        notes=(f"{path.name}: {left_out} lines are no words but comments or spans",) if left_out else (),
        lines=[block[0][0] for block in blocks],
    )


def _blocks(text: str) -> list[list[Line]]:
    """Blocks of lines. Cells are separated by tabs if all lines then have equally many, so that words may
    contain spaces; else by spaces and tabs. Other white space is text."""
    lines = [line.rstrip(" \t\r") for line in text.split("\n")]
    tabs = {line.count("\t") for line in lines if line.lstrip() and not line.startswith(("#", BOUNDARIES[0]))}
    by_tabs = len(tabs) == 1 and tabs != {0}
    blocks: list[list[Line]] = [[]]
    for number, line in enumerate(lines, 1):
        if not line.strip(" \t") or line.startswith(BOUNDARIES):
            blocks.append([])
            continue
        cells = [cell.strip(" ") for cell in line.split("\t")] if by_tabs else re.findall(r"[^ \t]+", line)
        blocks[-1].append((number, cells))
    return [block for block in blocks if block]


def _without_comments(blocks: list[list[Line]]) -> list[list[Line]]:
    """The blocks without comments. A line with # at the top of a block may also be a word: if it has as many
    cells as other lines, and its tag occurs elsewhere. The tags are the column with the fewest values."""
    comments = [list(takewhile(lambda line: line[1][0].startswith("#"), block)) for block in blocks]
    lines = [block[len(head) :] for block, head in zip(blocks, comments, strict=True)]
    words = [cells for block in lines for _, cells in block]
    width, _ = Counter(map(len, words)).most_common(1)[0] if words else (0, 0)
    table = [set(column) for column in zip(*(cells for cells in words if len(cells) == width), strict=True)]
    tags = min(range(1, width), key=lambda column: len(table[column]), default=0)

    def is_word(line: Line) -> bool:
        return len(line[1]) == width and tags > 0 and line[1][tags] in table[tags]

    sentences = [[*filter(is_word, head), *block] for head, block in zip(comments, lines, strict=True)]
    counted = sum(bool(COUNTED.fullmatch(cells[0])) for cells in words)
    if counted and all(COUNTED.fullmatch(cells[0]) or SPANNING.fullmatch(cells[0]) for cells in words):
        sentences = [[line for line in block if not SPANNING.fullmatch(line[1][0])] for block in sentences]
    return [block for block in sentences if block]
