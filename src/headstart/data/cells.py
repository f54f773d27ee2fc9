"""Cells: the values that a column of each role may hold; how they are read, stored and hashed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.config import nearest
from headstart.data.images import image_cell
from headstart.data.literals import literal
from headstart.errors import UnfitError

Cell = Any  # a text, a number, a list of texts or of integers, or an image (see images.py)
# A text that starts like a list. A bracket before a space may be the first word of a sentence.
LIST_BEGINS = re.compile(r"""["']?\[\s*["']\S|\[\S""")
NO_LIST = "text that begins like a list and is not a whole one: write it as [\"a\", \"b\"] or ['a', 'b']"


@dataclass(frozen=True)
class Kind:
    """The kind of a role's cells: how a raw value is read, and its type in a dataset."""

    read: Callable[[Any], Cell]  # raises UnfitError
    stored: str  # text, number, texts, numbers or image
    may_be_empty: bool = False  # may a list be empty? A cell without a value is never allowed


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitError("not text: choose a text column for task.{role} or write the cells as text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnfitError(
            f"with half a character (U+{ord(value[error.start]):04X} has no meaning without its other half): "
            "write the whole character, or remove the half"
        ) from None
    return value


def _class(value: Any) -> str:
    """A class may be written as a number; other texts may not."""
    return str(value) if isinstance(value, bool | int | float) and not _is_nan(value) else _text(value)


def _label(value: Any) -> str:
    if isinstance(value, str) and literal(value) is not None:
        raise UnfitError("a list and not one class: several classes per row are task.labels")
    return _class(value)


def _number(value: Any) -> float:
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise UnfitError("not a number: choose a column of numbers for task.{role}") from None
    if not math.isfinite(number):
        raise UnfitError("not a finite number: correct or remove the row")
    return number


def _flag(value: Any) -> float:
    number = _number(float(value) if isinstance(value, bool) else value)
    if number not in (0, 1):
        raise UnfitError("neither 0 nor 1: task.labels=[...] lists columns that say of one class each")
    return number


def _words(value: Any) -> list[str]:
    """A list of words, or a text with spaces between them."""
    words = [_class(word) for word in _list(value, r"\s+")]
    if not words:
        raise UnfitError("an empty list: task.{role} needs at least one word in every row")
    return words


def _tags(value: Any) -> list[str]:
    """A tag for each word; no tag is empty, and no text is an incomplete list."""
    tags = _words(value)
    if isinstance(value, str) and tags[0] == "[":
        raise UnfitError(NO_LIST)
    if isinstance(value, str) and len(tags) > 1 and all(tag.endswith(",") for tag in tags[:-1]):
        raise UnfitError("tags with commas between them: write them with spaces alone, or as a list")
    if not all(map(str.strip, tags)):
        raise UnfitError("with an empty tag: every word needs one")
    return tags


def _classes(value: Any) -> list[str]:
    """The distinct classes of a row, sorted; in a text they are separated by | or ;."""
    classes = _list(value, r"\s*[|;]\s*")
    zeros, ones = classes.count(0), classes.count(1)
    if zeros + ones == len(classes) > 1 and max(zeros, ones) > 1:
        raise UnfitError(
            "a 0 or 1 for every class: write the classes that the row has, or a column of 0 and 1 for every "
            "class, and name these in task.labels=[...]"
        )
    return sorted({_class(name) for name in classes})


def _answers(value: Any) -> list[str]:
    """Equally correct answers; a text is one answer, unless it is a written list."""
    answers = literal(value) if isinstance(value, str) else value
    if isinstance(answers, Mapping):
        keys = ", ".join(f".{key}" for key in answers)
        raise UnfitError(f"a mapping and not a list of answers: choose a part of it: {keys}")
    return [_text(value)] if answers is None else [_text(answer) for answer in _list(answers, "")]


def _starts(value: Any) -> list[int]:
    """Positions in a text, counted in characters from 0."""
    starts = [value] if isinstance(value, int) else _list(value, r"\s*[|;, ]\s*")
    try:
        if any(isinstance(start, bool) or (isinstance(start, float) and start % 1) for start in starts):
            raise ValueError(starts)
        return [int(start) for start in starts]
    except (TypeError, ValueError):
        raise UnfitError("not a list of whole numbers: task.{role} counts characters from 0") from None


def _list(value: Any, separator: str) -> list[Any]:
    """The list itself; of a text, the list written in it, or its parts between separators."""
    if hasattr(value, "tolist"):  # an array, as from parquet readers
        value = value.tolist()
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        raise UnfitError("not a list: choose another column for task.{role} or write the cells as lists")
    written = literal(value)
    if isinstance(written, list):
        return written
    if LIST_BEGINS.match(value.lstrip()):
        raise UnfitError(NO_LIST)
    return [part for part in re.split(separator, value.strip()) if part]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


TEXT = Kind(_text, "text")
KINDS = {
    **dict.fromkeys(("text", "pair", "question", "context", "output"), TEXT),
    "label": Kind(_label, "text"),
    "labels": Kind(_classes, "texts", may_be_empty=True),
    "number": Kind(_number, "number"),
    "flag": Kind(_flag, "number"),
    "words": Kind(_words, "texts"),
    "tags": Kind(_tags, "texts"),
    "answers": Kind(_answers, "texts", may_be_empty=True),
    "starts": Kind(_starts, "numbers", may_be_empty=True),
    "image": Kind(image_cell, "image"),
    "group": Kind(_class, "text"),
}
INPUTS = frozenset(
    {"text", "pair", "words", "question", "context", "image"}
)  # the others are answers, but for the group
GROUP = "group"  # what a row shares with the rows that it belongs together with; no model sees it
CLASSES = frozenset({"label"})  # roles that rows can be stratified by


def kind_of(role: str) -> Kind:
    """The kind of a role; unknown roles are text."""
    return KINDS.get(role, TEXT)


def is_absent(role: str, value: Any) -> bool:
    """Does the cell have no value? None, NaN, or a blank text as an answer."""
    blank = role not in INPUTS and isinstance(value, str) and not value.strip()
    return value is None or _is_nan(value) or blank


def feature(role: str) -> Any:
    """The type of a role's column in a dataset."""
    from datasets import List, Value

    text, integer = Value("string"), Value("int64")
    types = {
        "text": text,
        "number": Value("float64"),
        "texts": List(text),
        "numbers": List(integer),
        "image": {"sha256": text, "bytes": Value("binary"), "path": text, "frames": integer},
    }
    return types[kind_of(role).stored]


def as_text(cell: Cell) -> str:
    """A text that is equal if and only if the cells are: the text itself, or the sha256 of an image."""
    if isinstance(cell, str):
        return cell
    return cell["sha256"] if isinstance(cell, dict) and "sha256" in cell else json.dumps(cell, sort_keys=True)


def inside(cell: Any, path: Sequence[str]) -> Any:
    """The value at `path` inside a cell: `text` of {"text": [...], "answer_start": [...]}, of a list of such
    mappings, or of a text with one; a cell without a value is returned unchanged. UnfitError without it."""
    if not path or is_absent("", cell):
        return cell
    if isinstance(cell, str):
        cell = literal(cell)
    if isinstance(cell, list | tuple):
        return [inside(item, path) for item in cell]
    if not isinstance(cell, Mapping):
        raise UnfitError(f"with nothing that could be called {path[0]!r} inside: correct task.{{role}}")
    if path[0] not in cell:
        raise UnfitError(f"without {path[0]!r} inside: {nearest(path[0], map(str, cell))}")
    return inside(cell[path[0]], path[1:])


def short(value: Any) -> str:
    """A cell in an error message; a path is never shortened."""
    if isinstance(value, Path):
        return str(value)
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
