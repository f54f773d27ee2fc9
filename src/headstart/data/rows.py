"""Rows: what every source hands to a task, and the checks that every source shares."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.data.cells import Cell, as_text, feature, is_absent, kind_of, nested, short
from headstart.data.unfit import UnfitError
from headstart.node import DataError, nearest

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = ("train", "validation", "test")
Cells = dict[str, list[Cell]]  # role -> one cell per row, of the kind that cells.KINDS says


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


def checked(raw: RawRows, columns: Mapping[str, str]) -> Cells:
    """The columns that the task uses, renamed to their roles; every cell is there and of its role's kind.

    A dot in a name leads into a nested column: `answers.text`.
    """
    missing = [_missing(raw, role, name) for role, name in columns.items() if not _has(raw, name)]
    if missing:
        raise DataError("; ".join(missing) + raw.hint)
    cells = {role: _column(raw, role, name) for role, name in columns.items()}
    if not all(cells.values()):
        raise DataError(f"{raw.where} holds no rows: give a file or split with at least one row")
    _check_alignment(raw.where, cells)
    return cells


def _has(raw: RawRows, name: str) -> bool:
    return name in raw.names or name.split(".")[0] in raw.names


def _missing(raw: RawRows, role: str, name: str) -> str:
    shown = [column if len(column) <= 30 else column[:29] + "…" for column in raw.names]
    near = nearest(name, shown)
    hint = near if near.startswith("known") else f"{near} known: {', '.join(sorted(shown))}"
    return f"{raw.where} has no column {name!r} (task.{role}): {hint}"


def _column(raw: RawRows, role: str, name: str) -> list[Cell]:
    outer, *path = [name] if name in raw.names else name.split(".")
    values = nested(raw.column(outer), path) if path else raw.column(outer)
    kind = kind_of(role)
    empty = [row for row, value in enumerate(values, 1) if is_absent(value)]
    if empty and not kind.may_be_empty:
        raise DataError(
            f"{raw.where} row {empty[0]} has nothing in column {name!r} ({len(empty)} of {len(values)}): "
            "fill or remove these rows, or choose another split"
        )
    return [
        [] if is_absent(value) else _cell(raw, role, name, row, value) for row, value in enumerate(values, 1)
    ]


def _cell(raw: RawRows, role: str, name: str, row: int, value: Any) -> Cell:
    if role == "image" and isinstance(value, str) and raw.folder is not None:
        value = raw.folder / value
    try:
        return kind_of(role).read(value)
    except UnfitError as problem:
        said = str(problem).replace("{role}", role)
        shown = f"{type(value).__name__} {short(value)}"
        raise DataError(f"{raw.where} row {row} holds {shown} in column {name!r}, {said}") from None


def _check_alignment(where: str, cells: Cells) -> None:
    """Columns that belong together row by row: a tag for each word, a start for each answer."""
    for one, other in (("words", "tags"), ("answers", "starts")):
        if one in cells and other in cells:
            for row, (some, others) in enumerate(zip(cells[one], cells[other], strict=True), 1):
                if len(some) != len(others):
                    raise DataError(
                        f"{where} row {row} has {len(some)} {one} and {len(others)} {other}: "
                        f"task.{one} and task.{other} must be of equal length in every row"
                    )
    if {"context", "answers", "starts"} <= cells.keys():
        rows = zip(cells["context"], cells["answers"], cells["starts"], strict=True)
        for row, (context, answers, starts) in enumerate(rows, 1):
            for answer, start in zip(answers, starts, strict=True):
                _check_answer(f"{where} row {row}", context, answer, start)


def _check_answer(where: str, context: str, answer: str, start: int) -> None:
    found = context[start : start + len(answer)] if start >= 0 else ""
    if not answer.strip() or found.split() != answer.split():
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
