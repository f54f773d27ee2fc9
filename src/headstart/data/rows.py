"""Rows: what every source hands to a task, and the checks that every source shares."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headstart.node import DataError, nearest

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = ("train", "validation", "test")
NUMBER_ROLES = frozenset({"label"})  # a class may be written as a number; a text never is
Cells = dict[str, list[str]]  # role -> one text per row


@dataclass(frozen=True)
class Splits:
    """The rows of a task: three datasets with a column `id` and one column per role, all of them text."""

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


def checked(raw: RawRows, columns: Mapping[str, str]) -> Cells:
    """The columns that the task uses, renamed to their roles; every cell is a text that is there."""
    missing = [_missing(raw, role, name) for role, name in columns.items() if name not in raw.names]
    if missing:
        raise DataError("; ".join(missing) + raw.hint)
    cells = {role: _texts(raw, role, name) for role, name in columns.items()}
    if not all(cells.values()):
        raise DataError(f"{raw.where} holds no rows: give a file or split with at least one row")
    return cells


def _missing(raw: RawRows, role: str, name: str) -> str:
    shown = [column if len(column) <= 30 else column[:29] + "…" for column in raw.names]
    near = nearest(name, shown)
    hint = near if near.startswith("known") else f"{near} known: {', '.join(sorted(shown))}"
    return f"{raw.where} has no column {name!r} (task.{role}): {hint}"


def _texts(raw: RawRows, role: str, name: str) -> list[str]:
    values = raw.column(name)
    empty = [row for row, value in enumerate(values, 1) if value is None]
    if empty:
        raise DataError(
            f"{raw.where} row {empty[0]} has nothing in column {name!r} ({len(empty)} of {len(values)}): "
            "fill or remove these rows, or choose another split"
        )
    return [_text(raw, role, name, row, value) for row, value in enumerate(values, 1)]


def _text(raw: RawRows, role: str, name: str, row: int, value: Any) -> str:
    if isinstance(value, str):
        return value
    if role in NUMBER_ROLES and isinstance(value, bool | int | float):
        return str(value)
    raise DataError(
        f"{raw.where} row {row} holds {type(value).__name__} {_short(value)} in column {name!r}, not text: "
        f"choose a text column for task.{role} or write the cells as text"
    )


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def as_dataset(cells: Mapping[str, list[str]], ids: Sequence[str] | None = None) -> Dataset:
    """Checked cells as a dataset with an `id` per row: its content hash unless `ids` are given."""
    from datasets import Dataset, Features, Value

    names = ["id", *cells]
    features = Features({name: Value("string") for name in names})
    rows = {"id": list(ids) if ids is not None else content_ids(cells), **cells}
    return Dataset.from_dict(rows, features=features)


def content_ids(cells: Mapping[str, list[str]]) -> list[str]:
    """One id per row, made of its content alone; the n-th copy of a row gets `-n` appended."""
    seen: Counter[str] = Counter()
    ids = []
    for key in row_keys(cells):
        seen[key] += 1
        ids.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return ids


def row_keys(cells: Mapping[str, list[str]]) -> list[str]:
    """16 hex digits per row, equal when and only when all cells are equal (roles in sorted order)."""
    roles = sorted(cells)
    return [_row_key(row) for row in zip(*(cells[role] for role in roles), strict=True)]


def _row_key(row: Iterable[str]) -> str:
    return hashlib.blake2b(b"".join(map(_framed, row)), digest_size=8).hexdigest()


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
        digest.update(b"".join(map(_cell, dataset[name][:])))
    return digest.hexdigest()[:32]


def _cell(value: Any) -> bytes:
    if isinstance(value, str):
        return b"t" + _framed(value)
    return b"j" + _framed(json.dumps(value, sort_keys=True))
