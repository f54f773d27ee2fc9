"""Rows: what every source hands to a task, and the checks that every source shares."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.config import nearest
from headstart.data.cells import INPUTS, TEXT, Cell, as_text, feature, inside, is_absent, kind_of, short
from headstart.data.literals import literal
from headstart.errors import DataError, UnfitError

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = ("train", "validation", "test")
Cells = dict[str, list[Cell]]  # role -> one cell per row, of the kind that cells.KINDS says
Columns = Mapping[str, str | tuple[str, ...]]  # role -> name, or the names of columns of 0 and 1


class UnlabelledError(DataError):
    """There are rows, and no row has an answer."""


@dataclass(frozen=True)
class Splits:
    """The rows of a task: three datasets with a column `id` and one column per role (see cells.KINDS)."""

    train: Dataset
    validation: Dataset
    test: Dataset
    source: str  # digest of the raw source
    notes: tuple[str, ...] = ()  # what the record should say about these rows


@dataclass(frozen=True)
class RawRows:
    """A table as a source delivered it, unchecked: `column(name)` lists the cells of one column."""

    where: str  # as the reader of an error would call it: a path, or a split of a hub dataset
    names: tuple[str, ...]
    column: Callable[[str], Sequence[Any]]
    hint: str = ""  # what may be wrong when a column is missing
    folder: Path | None = None  # where paths in its cells start
    notes: tuple[str, ...] = ()  # what the record should say about how they were read
    lines: Sequence[int] | None = None  # of the file, on which each row begins

    def at(self, row: int) -> str:
        """The place of a row (from 0) as the reader of an error would look for it."""
        where = f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.where} {where}"


def checked(raw: RawRows, columns: Columns) -> Cells:
    """The columns that the task uses, renamed to their roles; every cell is there and of its role's kind.

    A dot in a name leads into a nested column: `answers.text`.
    """
    wanted = [(role, name) for role, names in columns.items() for name in _names(names)]
    missing = [(role, name) for role, name in wanted if not _has(raw, name)]
    if missing:
        unlabelled = not any(role in INPUTS for role, _ in missing)
        said = "; ".join(_missing(raw, role, name) for role, name in missing) + raw.hint
        raise UnlabelledError(said) if unlabelled else DataError(said)
    cells = {role: _read(raw, role, names) for role, names in columns.items()}
    _check_alignment(raw, cells)
    return cells


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _has(raw: RawRows, name: str) -> bool:
    return name in raw.names or name.split(".")[0] in raw.names


def _missing(raw: RawRows, role: str, name: str) -> str:
    known = [part for column in raw.names for part in _parts(raw, column)]
    shown = [column if len(column) <= 30 else column[:29] + "…" for column in known]
    unlabelled = "" if role in INPUTS else "; from rows without it nothing can be learnt or scored"
    near = nearest(name, shown)
    hint = near + unlabelled if near.startswith("known") else f"{near} known: {', '.join(sorted(shown))}"
    return f"{raw.where} has no column {name!r} (task.{role}): {hint}"


def _parts(raw: RawRows, column: str) -> list[str]:
    """The column, or the names of what is inside its first cell."""
    first = next(iter(raw.column(column)), None)
    cell = literal(first) if isinstance(first, str) else first
    cell = cell[0] if isinstance(cell, list) and cell else cell
    return [f"{column}.{part}" for part in cell] if isinstance(cell, dict) else [column]


def _read(raw: RawRows, role: str, names: str | tuple[str, ...]) -> list[Cell]:
    """The cells of one column, or for each row the names of those columns that hold 1."""
    if isinstance(names, str):
        cells = _column(raw, role, names)
    else:
        flags = {name: _column(raw, "flag", name) for name in names}
        cells = [sorted(name for name in names if flags[name][row]) for row in range(len(flags[names[0]]))]
    if kind_of(role).may_be_empty and role != "starts" and not any(cells):
        raise UnlabelledError(_unlabelled(raw, role, names, len(cells)))
    return cells


def _column(raw: RawRows, role: str, name: str) -> list[Cell]:
    outer, *path = [name] if name in raw.names else name.split(".")
    whole = raw.column(outer)
    if not len(whole):
        raise DataError(f"{raw.where} holds no rows: give a file or split with at least one row")
    values = [_fitting(raw, role, name, *cell, lambda cell: inside(cell, path)) for cell in enumerate(whole)]
    absent = [row for row, value in enumerate(values) if is_absent(role, value)]
    if len(absent) == len(values) and role not in INPUTS:
        raise UnlabelledError(_unlabelled(raw, role, name, len(values)))
    if absent:
        none = f", or write [] where a row has no {role}" if kind_of(role).may_be_empty else ""
        raise DataError(
            f"{raw.at(absent[0])} has nothing in column {name!r} ({len(absent)} of {len(values)}): "
            f"fill or remove these rows{none}, or choose another split"
        )
    if kind_of(role) is TEXT and all(
        isinstance(value, str) and literal(value) is not None for value in values
    ):
        raise DataError(
            f"{raw.where} holds lists and not text in column {name!r} ({short(values[0])}): choose a text "
            f"column for task.{role}, or write the cells as text"
        )
    return [_cell(raw, role, name, row, value) for row, value in enumerate(values)]


def _unlabelled(raw: RawRows, role: str, names: str | tuple[str, ...], rows: int) -> str:
    return (
        f"{raw.where} has no {role.removesuffix('s')}s: column {' and '.join(map(repr, _names(names)))} is "
        f"empty in all {rows} rows; from an unlabelled file nothing can be learnt or scored: use another"
    )


def _cell(raw: RawRows, role: str, name: str, row: int, value: Any) -> Cell:
    if role == "image" and isinstance(value, str) and raw.folder is not None:
        value = raw.folder / value
    return _fitting(raw, role, name, row, value, kind_of(role).read)


def _fitting(raw: RawRows, role: str, name: str, row: int, value: Any, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of a cell; DataError with its place where it does not fit."""
    try:
        return read(value)
    except UnfitError as problem:
        said = str(problem).replace("{role}", role)
        shown = f"{type(value).__name__} {short(value)}"
        raise DataError(f"{raw.at(row)} holds {shown} in column {name!r}, {said}") from None


def _check_alignment(raw: RawRows, cells: Cells) -> None:
    """Columns that belong together row by row: a tag for each word, a start for each answer."""
    for one, other in (("words", "tags"), ("answers", "starts")):
        if one in cells and other in cells:
            for row, (some, others) in enumerate(zip(cells[one], cells[other], strict=True)):
                if len(some) != len(others):
                    raise DataError(
                        f"{raw.at(row)} has {len(some)} {one} and {len(others)} {other}: "
                        f"task.{one} and task.{other} must be of equal length in every row"
                    )
    if {"context", "answers", "starts"} <= cells.keys():
        rows = zip(cells["context"], cells["answers"], cells["starts"], strict=True)
        for row, (context, answers, starts) in enumerate(rows):
            for answer, start in zip(answers, starts, strict=True):
                _check_answer(raw.at(row), context, answer, start)


def _check_answer(where: str, context: str, answer: str, start: int) -> None:
    if not answer.strip():
        raise DataError(f"{where} has an empty answer: write an empty list where a question has none")
    found = context[start : start + len(answer)] if start >= 0 else ""
    if found.split() != answer.split():
        raise DataError(
            f"{where}: the answer {short(answer)} does not stand at character {start} of its context "
            f"({short(found)} does): correct task.starts, which counts characters from 0"
        )


def as_dataset(cells: Mapping[str, list[Cell]], ids: Sequence[str] | None = None) -> Dataset:
    """Checked cells as a dataset with an `id` per row: its content hash unless `ids` are given."""
    from datasets import Dataset, Features, Value

    features = Features({"id": Value("string"), **{role: feature(role) for role in cells}})
    rows = {"id": list(ids) if ids is not None else content_ids(cells), **cells}
    return Dataset.from_dict(rows, features=features)


def content_ids(cells: Mapping[str, list[Cell]]) -> list[str]:
    """One id per row, made of its content alone; the n-th copy of a row gets `-n` appended."""
    seen: Counter[str] = Counter()
    ids = []
    for key in row_keys(cells):
        seen[key] += 1
        ids.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return ids


def row_keys(cells: Mapping[str, list[Cell]]) -> list[str]:
    """16 hex digits per row, equal when and only when all cells are equal (roles in sorted order)."""
    roles = sorted(cells)
    return [_row_key(row) for row in zip(*(cells[role] for role in roles), strict=True)]


def _row_key(row: Iterable[Cell]) -> str:
    return hashlib.blake2b(b"".join(_framed(as_text(cell)) for cell in row), digest_size=8).hexdigest()


def _framed(text: str) -> bytes:
    """The text with its length before it, so that ("ab", "c") and ("a", "bc") differ."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def hashed_rank(seed: int, key: str) -> bytes:
    """A place in an order that only the seed and the key decide, on every platform alike."""
    return hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def rows_digest(dataset: Dataset) -> str:
    """32 hex digits over names and cells in row order, whatever the Arrow layout, chunks or cache."""
    digest = hashlib.sha256()
    for name in sorted(dataset.column_names):
        digest.update(_framed(name) + len(dataset).to_bytes(8, "little"))
        digest.update(b"".join(map(_typed, dataset[name][:])))
    return digest.hexdigest()[:32]


def _typed(value: Any) -> bytes:
    return (b"t" if isinstance(value, str) else b"j") + _framed(as_text(value))
