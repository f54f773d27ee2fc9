"""Rows: checks the table of a source, and makes datasets with ids and digests."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.config import nearest
from headstart.data.blocks import ROWS, Texts, blocks_of, in_blocks, table_of
from headstart.data.cells import (
    GROUP,
    INPUTS,
    TEXT,
    Cell,
    as_text,
    feature,
    inside,
    is_absent,
    kind_of,
    short,
)
from headstart.data.literals import literal
from headstart.errors import DataError, UnfitError

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

SPLITS = ("train", "validation", "test")
Cells = dict[str, Sequence[Cell]]  # role -> one cell per row, of the kind in cells.KINDS
Columns = Mapping[str, str | tuple[str, ...]]  # role -> column, or several columns of 0 and 1


class UnlabelledError(DataError):
    """No row has an answer."""


@dataclass(frozen=True)
class Splits:
    """The rows of a task: three datasets with a column `id` and one column per role (see cells.KINDS)."""

    train: Dataset
    validation: Dataset
    test: Dataset
    source: str  # digest of the raw source
    notes: tuple[str, ...] = ()  # for the record


@dataclass(frozen=True)
class RawRows:
    """An unchecked table: `column(name)` lists the cells of one column."""

    where: str  # its name in messages: a path, or a split of a hub dataset
    names: tuple[str, ...]
    column: Callable[[str], Sequence[Any]]
    hint: str = ""  # a possible cause when a column is missing
    folder: Path | None = None  # paths in its cells are relative to it
    notes: tuple[str, ...] = ()  # for the record: how they were read
    lines: Sequence[int] | None = None  # the first line of each row in the file

    def at(self, row: int) -> str:
        """The place of a row (from 0) in a message."""
        where = f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.where} {where}"


def checked(raw: RawRows, columns: Columns) -> Cells:
    """The columns that the task uses, by role; every cell has a value of its role's kind.

    A dot in a name selects from a nested column: `answers.text`.
    """
    missing = [
        (role, name)
        for role, names in columns.items()
        for name in listed(names)
        if name not in raw.names and name.split(".")[0] not in raw.names
    ]
    if missing:
        unlabelled = not any(role in INPUTS or role == GROUP for role, _ in missing)
        sentence = "; ".join(_missing(raw, role, name) for role, name in missing) + raw.hint
        raise UnlabelledError(sentence) if unlabelled else DataError(sentence)
    cells = {role: _cells(raw, role, names) for role, names in columns.items()}
    _check_alignment(raw, cells)
    return cells


def listed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """One name or several, as several."""
    return (names,) if isinstance(names, str) else names


def _missing(raw: RawRows, role: str, name: str) -> str:
    names: list[str] = []
    for column in raw.names:  # or the keys inside its first cell
        cell = next(iter(raw.column(column)), None)
        cell = literal(cell) if isinstance(cell, str) else cell
        cell = cell[0] if isinstance(cell, list) and cell else cell
        names += [f"{column}.{key}" for key in cell] if isinstance(cell, dict) else [column]
    names = [column if len(column) <= 30 else column[:29] + "…" for column in names]
    hint = nearest(name, names)
    if not hint.startswith("known"):
        hint += f" known: {', '.join(sorted(names))}"
    elif role not in INPUTS and role != GROUP:
        hint += "; from rows without it nothing can be learnt or scored"
    return f"{raw.where} has no column {name!r} (task.{role}): {hint}"


def _cells(raw: RawRows, role: str, names: str | tuple[str, ...]) -> Sequence[Cell]:
    """The cells of one column; of several columns, the names of those with 1, per row."""
    if isinstance(names, str):
        cells = _column(raw, role, names)
    else:
        flags = [_column(raw, "flag", name) for name in names]
        rows = zip(*flags, strict=True)
        cells = [sorted(name for name, flag in zip(names, row, strict=True) if flag) for row in rows]
    if kind_of(role).may_be_empty and role != "starts" and not any(cells):
        raise _no_answers(raw, role, names, len(cells))
    return cells


def _column(raw: RawRows, role: str, name: str) -> Sequence[Cell]:
    outer, *path = [name] if name in raw.names else name.split(".")
    cells = raw.column(outer)
    if not len(cells):
        raise DataError(f"{raw.where} holds no rows: give a file or split with at least one row")
    values = _read(raw, role, name, cells, lambda cell: inside(cell, path)) if path else cells
    absent = [row for row, value in enumerate(values) if is_absent(role, value)]
    if len(absent) == len(values) and role not in INPUTS and role != GROUP:
        raise _no_answers(raw, role, name, len(values))
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
    if role == "image" and raw.folder is not None:
        values = [raw.folder / value if isinstance(value, str) else value for value in values]
    if not isinstance(values, Texts):
        return _read(raw, role, name, values, kind_of(role).read)
    if kind_of(role) is TEXT:  # read as it is: the column stays where it lies
        for _ in _reading(raw, role, name, values, TEXT.read):
            pass
        return values
    return _read(raw, role, name, values, lru_cache(2**16)(kind_of(role).read))  # one class is one object


def _no_answers(raw: RawRows, role: str, names: str | tuple[str, ...], rows: int) -> UnlabelledError:
    return UnlabelledError(
        f"{raw.where} has no {role.removesuffix('s')}s: column {' and '.join(map(repr, listed(names)))} is "
        f"empty in all {rows} rows; from an unlabelled file nothing can be learnt or scored: use another"
    )


def _read(raw: RawRows, role: str, name: str, cells: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """What `read` makes of each cell; DataError with the position of one that does not fit."""
    return list(_reading(raw, role, name, cells, read))


def _reading(
    raw: RawRows, role: str, name: str, cells: Iterable[Any], read: Callable[[Any], Any]
) -> Iterator[Any]:
    for row, cell in enumerate(cells):
        try:
            yield read(cell)
        except UnfitError as problem:
            reason = str(problem).replace("{role}", role)
            raise DataError(
                f"{raw.at(row)} holds {type(cell).__name__} {short(cell)} in column {name!r}, {reason}"
            ) from None


def _check_alignment(raw: RawRows, cells: Cells) -> None:
    """DataError unless every word has a tag and every answer a start that is correct."""
    for first, second in (("words", "tags"), ("answers", "starts")):
        if first not in cells or second not in cells:
            continue
        for row, (a, b) in enumerate(zip(cells[first], cells[second], strict=True)):
            if len(a) != len(b):
                raise DataError(
                    f"{raw.at(row)} has {len(a)} {first} and {len(b)} {second}: "
                    f"task.{first} and task.{second} must be of equal length in every row"
                )
    if not {"context", "answers", "starts"} <= cells.keys():
        return
    rows = zip(cells["context"], cells["answers"], cells["starts"], strict=True)
    for row, (context, answers, starts) in enumerate(rows):
        for answer, start in zip(answers, starts, strict=True):
            if not answer.strip():
                raise DataError(
                    f"{raw.at(row)} has an empty answer: write an empty list where a question has none"
                )
            passage = context[start : start + len(answer)] if start >= 0 else ""
            if passage.split() != answer.split():
                raise DataError(
                    f"{raw.at(row)}: the answer {short(answer)} does not stand at character {start} of its "
                    f"context ({short(passage)} does): correct task.starts, which counts characters from 0"
                )


def as_dataset(cells: Mapping[str, Sequence[Cell]], ids: Sequence[str] | None = None) -> Dataset:
    """Checked cells as a dataset with an `id` per row: its content hash unless `ids` are given. The group is
    no content: rows keep their names, and so their order, whatever they are grouped by."""
    from datasets import Dataset, DatasetInfo, Features, Value
    from datasets.table import InMemoryTable

    features = Features({"id": Value("string"), **{role: feature(role) for role in cells}})
    content = {role: column for role, column in cells.items() if role != GROUP}
    names: Sequence[Cell] = _distinct(row_keys(content or cells)) if ids is None else ids
    rows: dict[str, Sequence[Cell]] = {"id": names, **cells}
    if not any(isinstance(column, Texts) for column in cells.values()):
        return Dataset.from_dict({name: list(column) for name, column in rows.items()}, features=features)
    schema = features.arrow_schema
    table = table_of(schema, blocks_of(rows, schema))
    return Dataset(InMemoryTable(table), DatasetInfo(features=features), fingerprint=uuid.uuid4().hex[:16])


def _distinct(keys: np.ndarray) -> Texts:
    """The keys, all different: the n-th copy of one has -n behind it."""
    import numpy as np
    import pyarrow as pa

    order = np.argsort(keys, kind="stable")
    places = np.arange(len(keys))
    begins = np.r_[True, keys[order[1:]] != keys[order[:-1]]][: len(keys)]
    copy = np.empty(len(keys), np.int64)  # of each row: how many came before
    copy[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    blocks = (slice(begin, begin + ROWS) for begin in range(0, len(keys), ROWS))
    texts = (
        [
            f"{key.decode()}-{n + 1}" if n else key.decode()
            for key, n in zip(keys[rows].tolist(), copy[rows].tolist(), strict=True)
        ]
        for rows in blocks
    )
    return Texts(pa.chunked_array([pa.array(block, pa.large_string()) for block in texts], pa.large_string()))


def numbered(names: Iterable[str], sign: str) -> list[str]:
    """The names, all different: the n-th copy of one has the sign and n behind it."""
    counts: Counter[str] = Counter()
    distinct = []
    for name in names:
        counts[name] += 1
        distinct.append(name if counts[name] == 1 else f"{name}{sign}{counts[name]}")
    return distinct


def row_keys(cells: Mapping[str, Iterable[Cell]]) -> np.ndarray:
    """16 hex digits per row, equal if and only if all cells are equal, roles sorted: (rows,) S16."""
    import numpy as np

    columns = (map(_framed, map(as_text, cells[role])) for role in sorted(cells))
    texts = map(b"".join, zip(*columns, strict=True))
    return np.fromiter((hashlib.blake2b(text, digest_size=8).hexdigest().encode() for text in texts), "S16")


def _framed(text: str) -> bytes:
    """The text after its length, so that ("ab", "c") and ("a", "bc") differ."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def hashed_rank(seed: int, key: str) -> bytes:
    """A sort key that depends only on the seed and the row's key, the same on every platform."""
    return hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def hashed_number(seed: int, key: str) -> int:
    """The same as a number of 64 bits, in the same order."""
    return int.from_bytes(hashed_rank(seed, key), "big")


def rows_digest(dataset: Dataset) -> str:
    """32 hex digits over names and cells in row order, but for the group that no model sees; independent of
    Arrow's layout, chunks and cache."""
    digest = hashlib.sha256()
    for name in sorted({*dataset.column_names} - {GROUP}):
        digest.update(_framed(name) + len(dataset).to_bytes(8, "little"))
        for value in in_blocks(dataset[name]):
            digest.update((b"t" if isinstance(value, str) else b"j") + _framed(as_text(value)))
    return digest.hexdigest()[:32]
