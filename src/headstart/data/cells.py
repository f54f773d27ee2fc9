"""Cells: what may stand in a column of each role, how it is read, stored and hashed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.unfit import UnfitError

Cell = Any  # a text, a number, a list of texts or of whole numbers, or an image (see images.py)


@dataclass(frozen=True)
class Kind:
    """What the cells of a role are: how a raw one is read, and which type it has in a dataset."""

    read: Callable[[Any], Cell]  # raises UnfitError
    stored: str  # text, number, texts, numbers or image
    may_be_empty: bool = False  # is a cell without anything an empty list?


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise UnfitError("not text: choose a text column for task.{role} or write the cells as text")


def _class(value: Any) -> str:
    """A class may be written as a number; a text never is."""
    if isinstance(value, bool | int | float) and not _is_nan(value):
        return str(value)
    return _text(value)


def _number(value: Any) -> float:
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise UnfitError("not a number: choose a column of numbers for task.{role}") from None
    if not math.isfinite(number):
        raise UnfitError("not a finite number: correct or remove the row")
    return number


def _words(value: Any) -> list[str]:
    """Words, or a tag for each of them; in one text they stand between spaces."""
    found = [_class(part) for part in _listed(value, r"\s+")]
    if found:
        return found
    raise UnfitError("an empty list: task.{role} needs at least one word in every row")


def _classes(value: Any) -> list[str]:
    """The classes of a row, each once, sorted; in one text they stand between | or ;."""
    return sorted({_class(part) for part in _listed(value, r"\s*[|;]\s*")})


def _answers(value: Any) -> list[str]:
    """Answers that are equally right; a lone text is one answer, whatever it holds."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [value]
    return [_text(part) for part in _listed(value, r"(?!)")]


def _starts(value: Any) -> list[int]:
    """Places in a text, counted in characters from 0."""
    found = [value] if isinstance(value, int) else _listed(value, r"\s*[|;, ]\s*")
    try:
        return [_whole(part) for part in found]
    except (TypeError, ValueError):
        raise UnfitError("not a list of whole numbers: task.{role} counts characters from 0") from None


def _image(value: Any) -> Cell:
    from headstart.data.images import image_cell

    return image_cell(value)


def _listed(value: Any, separator: str) -> list[Any]:
    """A list as it is, or written out in a text: as JSON, or with separators."""
    if isinstance(value, list | tuple):
        return list(value)
    if hasattr(value, "tolist") and isinstance(value.tolist(), list):  # an array, as parquet readers give
        return value.tolist()
    if isinstance(value, str):
        if value.lstrip().startswith("[") and (found := _json_list(value)) is not None:
            return found
        return [part for part in re.split(separator, value.strip()) if part]
    raise UnfitError("not a list: choose another column for task.{role} or write the cells as lists")


def _json_list(text: str) -> list[Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


TEXT = Kind(_text, "text")
KINDS = {
    **dict.fromkeys(("text", "pair", "question", "context", "output"), TEXT),
    "label": Kind(_class, "text"),
    "labels": Kind(_classes, "texts", may_be_empty=True),
    "number": Kind(_number, "number"),
    "words": Kind(_words, "texts"),
    "tags": Kind(_words, "texts"),
    "answers": Kind(_answers, "texts", may_be_empty=True),
    "starts": Kind(_starts, "numbers", may_be_empty=True),
    "image": Kind(_image, "image"),
}
INPUTS = frozenset({"text", "pair", "words", "question", "context", "image"})  # the others are answers
CLASSES = frozenset({"label"})  # roles that rows can be stratified by


def kind_of(role: str) -> Kind:
    """The kind of a role; a role of a user's own is text."""
    return KINDS.get(role, TEXT)


def is_absent(value: Any) -> bool:
    """Is there nothing in the cell? NaN is what tables of numbers write for nothing."""
    return value is None or _is_nan(value)


def feature(role: str) -> Any:
    """The type of a role's column in a dataset."""
    from datasets import List, Value

    types = {
        "text": Value("string"),
        "number": Value("float64"),
        "texts": List(Value("string")),
        "numbers": List(Value("int64")),
        "image": {
            "sha256": Value("string"),
            "bytes": Value("binary"),
            "path": Value("string"),
            "frames": Value("int64"),
        },
    }
    return types[kind_of(role).stored]


def as_text(cell: Cell) -> str:
    """One text per cell, equal when and only when the cells are: a text is itself, an image its sha256."""
    if isinstance(cell, str):
        return cell
    return cell["sha256"] if isinstance(cell, dict) and "sha256" in cell else json.dumps(cell, sort_keys=True)


def nested(cells: Sequence[Any], path: Sequence[str]) -> list[Any]:
    """What stands at `path` inside every cell: `answers.text` of {"text": [...], "answer_start": [...]},
    or of a list of such mappings; None where there is nothing."""
    return [_inside(cell, path) for cell in cells]


def _inside(cell: Any, path: Sequence[str]) -> Any:
    for place, part in enumerate(path):
        if isinstance(cell, list | tuple):
            return [_inside(item, path[place:]) for item in cell]
        cell = cell.get(part) if isinstance(cell, dict) else None
    return cell


def short(value: Any) -> str:
    """A cell as an error message shows it."""
    if isinstance(value, Path):
        return str(value)  # all of it: that is what must be found
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
