"""Files: rows from files of the user's own, or from a folder that holds a dataset or images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from headstart.config import Config, nearest
from headstart.data.cells import is_absent
from headstart.data.formats import FORMATS, read_file, read_folder
from headstart.data.image_folder import is_leftover
from headstart.data.rows import SPLITS, Cells, Columns, RawRows, Splits, UnlabelledError, checked
from headstart.data.siblings import siblings
from headstart.data.splits import Holdout
from headstart.errors import DataError


class Files(Config):
    """Files of one of FORMATS, one per split, or a folder: saved by `datasets`, or of images by class."""

    train: str
    validation: str | None = None
    test: str | None = None
    siblings: bool = True  # where neither is named, those beside train.csv: dev.csv, test.csv
    encoding: str = "utf-8"
    separator: str | None = Field(default=None, min_length=1, max_length=1)  # null: as the lines say
    columns: tuple[str, ...] | None = Field(default=None, strict=False)  # where a file does not name them
    sentence: str | None = None  # the column that says which sentence a row is of, where a row is one word
    holdout: Holdout = Holdout()
    split_seed: int = 0

    def digest(self) -> str:
        """sha256 over the bytes of every file, and over which split each of them is. Images that a table
        names are not read for it: their hashes are in the digest of the rows."""
        whole = hashlib.sha256()
        for split, path in self._paths().items():
            for file in _files_below(path):
                inside = "" if file == path else file.relative_to(path).as_posix()
                whole.update(f"{split}\0{inside}\0{_sha256(file)}\n".encode())
        return f"files:{whole.hexdigest()[:32]}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """Read and check the files, then hold out what is missing; `columns` maps role to column name."""
        raw = self.raw()
        beside = self._siblings()
        given: dict[str, Cells] = {}
        notes = [note for rows in raw.values() for note in rows.notes]
        for split in (split for split in SPLITS if split in raw):
            try:
                given[split] = checked(raw[split], columns)
            except UnlabelledError as problem:
                if split not in beside:
                    raise
                notes.append(f"{split}: {beside[split].name}, beside train, is not used ({problem})")
            else:
                notes += [f"{split}: {beside[split].name}, beside train"] if split in beside else []
        return self.holdout.complete(
            given, stratify, self.split_seed, self.digest(), list(dict.fromkeys(notes))
        )

    def raw(self) -> dict[str, RawRows]:
        """The rows of every split that has some, unchecked."""
        paths = self._paths()
        raw: dict[str, RawRows] = {}
        for split, path in paths.items():
            if path.is_dir():
                saved = read_folder(path)
                raw[split] = _split_of(saved, split, path)
                if split == "train":  # a folder of several splits also answers for those without a path
                    raw |= {
                        name: rows for name, rows in saved.items() if name in SPLITS and name not in paths
                    }
            else:
                raw[split] = read_file(path, self.encoding, self.separator, self.columns)
        return (
            {split: sentences(rows, self.sentence) for split, rows in raw.items()} if self.sentence else raw
        )

    def _siblings(self) -> dict[str, Path]:
        wanted = self.siblings and self.validation is None and self.test is None
        return siblings(Path(self.train).expanduser()) if wanted else {}

    def _paths(self) -> dict[str, Path]:
        """The path of each split that has one, each of them checked to exist."""
        named = {split: getattr(self, split) for split in SPLITS}
        paths = {split: Path(path).expanduser() for split, path in named.items() if path is not None}
        for split, path in paths.items():
            if not path.exists():
                raise DataError(_absent(split, path))
            if path.is_file() and path.suffix.lower() not in FORMATS:
                raise DataError(
                    f"task.files.{split}={path}: suffix {path.suffix!r} is not one that can be read: "
                    f"rename or convert the file to one of {', '.join(FORMATS)} (a label and a text per line "
                    "are a tsv where a tab parts them, and a txt where the label is written __label__x)"
                )
        return paths | self._siblings()


def sentences(raw: RawRows, column: str) -> RawRows:
    """Rows of one word as rows of one sentence: of all rows that follow one another with the same cell, or
    nothing, in a column. Every other column holds lists."""
    if column not in raw.names:
        raise DataError(
            f"{raw.where} has no column {column!r} (task.files.sentence): {nearest(column, raw.names)}"
        )
    begins: list[int] = []
    before: Any = None
    for row, cell in enumerate(raw.column(column)):
        if not begins or (not is_absent("", cell) and cell != before):
            begins.append(row)
        before = before if is_absent("", cell) else cell
    return replace(
        raw,
        column=lambda name: _cut(raw.column(name), begins),
        lines=None if raw.lines is None else [raw.lines[row] for row in begins],
    )


def _cut(cells: Sequence[Any], begins: Sequence[int]) -> list[list[Any]]:
    return [list(cells[begin:end]) for begin, end in zip(begins, [*begins[1:], None], strict=True)]


def _split_of(saved: dict[str, RawRows], split: str, path: Path) -> RawRows:
    """The split in a saved folder: the one of that name, or the only one when it has no name."""
    if "" in saved:
        return saved[""]
    if split not in saved:
        raise DataError(f"folder {path} has no split {split!r}: {nearest(split, saved)}")
    return saved[split]


def _absent(split: str, path: Path) -> str:
    place = path.parent if path.parent.is_dir() else Path.cwd()
    beside = [file.name for file in sorted(place.iterdir())[:50]]
    hint = nearest(path.name, beside) if path.parent.is_dir() else f"relative paths start at {place}"
    return f"task.files.{split}={path}: no such file or folder ({hint})"


def _files_below(path: Path) -> Iterator[Path]:
    """The file itself, or every file in a folder, in an order that does not depend on the disk."""
    if path.is_file():
        yield path
    else:
        files = sorted(file for file in path.rglob("*") if file.is_file())
        yield from (file for file in files if not any(map(is_leftover, file.relative_to(path).parts)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
