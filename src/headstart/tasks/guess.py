"""Guess: which family of task a file of rows is made for, from its columns and what stands in them."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.data.reading import SEPARATORS, read_file, read_folder
from headstart.data.rows import RawRows
from headstart.node import DataError

LOOKED_AT = 2000  # rows
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
ANSWER_NAMES = ("label", "labels", "class", "category", "target", "sentiment", "score", "rating", "y", "tag")
OUTPUT_NAMES = ("summary", "output", "answer", "response", "target", "translation", "highlights", "title")
CLASSES = 50  # more different values than this are no classes
WORDS_OF_A_NAME = 5
WORDS_OF_A_TEXT = 3  # cells with fewer words on average are no text


@dataclass(frozen=True)
class Column:
    """One column: how many of its cells are there, how many differ, what they are."""

    name: str
    cells: Sequence[Any]  # those that are there
    missing: int

    @property
    def distinct(self) -> int:
        """Different cells."""
        return len({repr(cell) for cell in self.cells})

    @property
    def words(self) -> float:
        """Mean number of words of a cell."""
        return sum(len(str(cell).split()) for cell in self.cells) / max(len(self.cells), 1)

    @property
    def lists(self) -> bool:
        """Whether every cell is a list, written as JSON or as it is."""
        return bool(self.cells) and all(_is_list(cell) for cell in self.cells)

    @property
    def numeric(self) -> bool:
        """Whether every cell is a finite number."""
        return bool(self.cells) and all(_is_number(cell) for cell in self.cells)

    @property
    def pictures(self) -> bool:
        """Whether the cells are images, or name some."""
        named = all(str(cell).lower().endswith(PICTURES) for cell in self.cells)
        return bool(self.cells) and (named or all(isinstance(cell, Mapping) for cell in self.cells))


@dataclass(frozen=True)
class Guess:
    """A family, its columns by role, and what a person should know before believing it."""

    kind: str
    columns: dict[str, str]
    rows: int
    notes: tuple[str, ...] = field(default=())
    header: tuple[str, ...] | None = None  # the names that we gave to the columns of a file without any


def guess(path: Path) -> Guess:
    """What task the rows of a file are made for; DataError when there is none that we know."""
    raw, header = _raw(path)
    columns = [_column(raw, name) for name in raw.names]
    rows = len(raw.column(raw.names[0]))
    found = _tags(columns) or _questions(columns) or _pictures(columns) or _texts(columns)
    if found is None:
        told = ", ".join(f"{c.name} ({c.distinct} different)" for c in columns)
        raise DataError(
            f"{path}: no column holds text, words with tags, or images: {told}; write the yaml by hand"
        )
    kind, roles = found
    return Guess(kind, roles, rows, tuple(_notes(columns, roles, rows)), header)


def _raw(path: Path) -> tuple[RawRows, tuple[str, ...] | None]:
    """The rows, and the names of the columns where we had to give some."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        splits = read_folder(path)
        return splits.get("train") or next(iter(splits.values())), None
    raw = read_file(path)
    if path.suffix.lower() not in SEPARATORS or not any(map(_is_content, raw.names)):
        return raw, None
    names = tuple(f"column_{number}" for number in range(1, len(raw.names) + 1))
    return read_file(path, columns=names), names


def _is_content(name: str) -> bool:
    """Whether the name of a column is more like one of its cells: a number, or half a sentence."""
    return _is_number(name) or len(name.split()) > WORDS_OF_A_NAME


def _column(raw: RawRows, name: str) -> Column:
    cells = list(raw.column(name))[:LOOKED_AT]
    there = [cell for cell in cells if cell is not None and cell != ""]
    return Column(name, there, len(cells) - len(there))


def _tags(columns: Sequence[Column]) -> tuple[str, dict[str, str]] | None:
    """Two columns of lists that are equally long in every row: words and their tags."""
    lists = [column for column in columns if column.lists]
    for words in lists:
        for tags in lists:
            alike = [len(_listed(cell)) for cell in words.cells] == [len(_listed(c)) for c in tags.cells]
            if words is not tags and alike and _values(tags) < _values(words):
                return "token_classification", {"words": words.name, "tags": tags.name}
    return None


def _questions(columns: Sequence[Column]) -> tuple[str, dict[str, str]] | None:
    names = {column.name.lower(): column for column in columns}
    if not {"question", "context"} <= set(names):
        return None
    roles = {"question": names["question"].name, "context": names["context"].name}
    answers = names.get("answers")
    if answers and all(isinstance(cell, Mapping) for cell in answers.cells):
        inside = {"answers": f"{answers.name}.text", "starts": f"{answers.name}.answer_start"}
        return "question_answering", roles | inside
    if answers and "starts" in names:
        return "question_answering", roles | {"answers": answers.name, "starts": names["starts"].name}
    return None


def _pictures(columns: Sequence[Column]) -> tuple[str, dict[str, str]] | None:
    image = next((column for column in columns if column.pictures), None)
    label = _classes([column for column in columns if column is not image])
    if image is None or label is None:
        return None
    return "image_classification", {"image": image.name, "label": label.name}


def _texts(columns: Sequence[Column]) -> tuple[str, dict[str, str]] | None:
    """One text or two, with classes, a number, another text, or nothing to predict."""
    answer = _answer(columns)
    texts = [c for c in columns if c is not answer and not c.numeric and not c.lists and _reads_as_text(c)]
    if not texts:
        return None
    if answer is None:
        output = next((c for c in texts if c.name.lower() in OUTPUT_NAMES), None)
        rest = [c for c in texts if c is not output]
        if output and rest:
            return "text_to_text", {"text": _longest(rest).name, "output": output.name}
        return "masked_lm", {"text": _longest(texts).name}
    first, *others = [c for c in texts if len(texts) <= 2] or [_longest(texts)]
    pair = {"pair": others[0].name} if others else {}
    return "text_classification", {"text": first.name, **pair, _role(answer): answer.name}


def _answer(columns: Sequence[Column]) -> Column | None:
    """The column to predict: named like one, else one with few values, else the last of numbers."""
    named = [c for c in columns if c.name.lower() in ANSWER_NAMES and (c.numeric or _few(c) or _several(c))]
    several = [c for c in columns if _several(c)]
    numbers = [c for c in columns if c.numeric and not _counts_rows(c)]
    few = _classes(columns)
    return next(iter([*named, *([few] if few else []), *several, *reversed(numbers)]), None)


def _classes(columns: Sequence[Column]) -> Column | None:
    """The column with the fewest values that can be classes."""
    few = [column for column in columns if _few(column)]
    return min(few, key=lambda column: column.distinct, default=None)


def _few(column: Column) -> bool:
    return not column.lists and 2 <= column.distinct <= min(CLASSES, max(2, len(column.cells) // 5))


def _several(column: Column) -> bool:
    """Lists of classes, or classes with a bar or semicolon between them."""
    if column.lists:
        return 2 <= _values(column) <= CLASSES
    parts = {part.strip() for cell in column.cells for part in str(cell).replace(";", "|").split("|")}
    return any("|" in str(cell) for cell in column.cells) and 2 <= len(parts) <= CLASSES


def _role(answer: Column) -> str:
    if _several(answer):
        return "labels"
    return "label" if _few(answer) else "number"


def _counts_rows(column: Column) -> bool:
    """Whether these are the rows' own numbers: all different whole numbers, one apart."""
    values = [float(cell) for cell in column.cells]
    return len(values) > 2 and {b - a for a, b in itertools.pairwise(values)} == {1.0}


def _reads_as_text(column: Column) -> bool:
    return not column.pictures and column.words >= WORDS_OF_A_TEXT and column.distinct > 1


def _longest(columns: Sequence[Column]) -> Column:
    return max(columns, key=lambda column: column.words)


def _notes(columns: Sequence[Column], roles: Mapping[str, str], rows: int) -> list[str]:
    used = {name.split(".")[0] for name in roles.values()}
    notes = [
        f"column {c.name} has {c.missing} empty cells: fill or remove these rows"
        for c in columns
        if c.name in used and c.missing
    ]
    notes += [f"{rows} rows are few: expect wide intervals"] if rows < 100 else []
    ignored = [column.name for column in columns if column.name not in used]
    return notes + ([f"not used: {', '.join(ignored)}"] if ignored else [])


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list) or (isinstance(cell, str) and isinstance(_parsed(cell), list))


def _listed(cell: Any) -> list[Any]:
    return cell if isinstance(cell, list) else _parsed(cell)


def _parsed(text: str) -> Any:
    if not text.startswith("["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _values(column: Column) -> int:
    return len({repr(value) for cell in column.cells for value in _listed(cell)})


def _is_number(cell: Any) -> bool:
    try:
        return not isinstance(cell, bool) and math.isfinite(float(cell))
    except (TypeError, ValueError):
        return False
