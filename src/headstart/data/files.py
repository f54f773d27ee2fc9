"""Files: rows from the user's files, or from a folder with a dataset or images."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from headstart.config import Config, nearest
from headstart.data.cells import is_absent
from headstart.data.formats import FORMATS, read_file, read_folder
from headstart.data.image_folder import WORDS, Folder, is_leftover
from headstart.data.rows import SPLITS, Cells, Columns, RawRows, Splits, UnlabelledError, checked
from headstart.data.splits import Holdout
from headstart.errors import AbsentError, DataError


class Files(Config):
    """Files of one of FORMATS, one per split, or a folder: saved by `datasets`, or of images by class."""

    train: str
    validation: str | None = None
    test: str | None = None
    siblings: bool = True  # without validation and test: use dev.csv and test.csv beside train.csv
    encoding: str = "utf-8"
    separator: str | None = Field(default=None, min_length=1, max_length=1)  # null: detected from the lines
    columns: tuple[str, ...] | None = Field(default=None, strict=False)  # for files without a header line
    sentence: str | None = None  # for files with one word per row: the column with its sentence
    holdout: Holdout = Holdout()
    split_seed: int = 0

    def digest(self) -> str:
        """sha256 over the bytes of every file and its split. Images that a table names are not read here:
        their hashes are in the digest of the rows."""
        digest = hashlib.sha256()
        for split, path in self.paths().items():
            below = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
            for file in below:
                relative = file.relative_to(path)
                if not any(map(is_leftover, relative.parts)):
                    name = relative.as_posix() if relative.parts else ""
                    with file.open("rb") as opened:
                        content = hashlib.file_digest(opened, "sha256").hexdigest()
                    digest.update(f"{split}\0{name}\0{content}\n".encode())
        return f"files:{digest.hexdigest()[:32]}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """Read and check the files, then hold out the missing splits; `columns` maps role to column name."""
        raw = self.raw()
        beside = self._siblings()
        splits: dict[str, Cells] = {}
        notes = [note for rows in raw.values() for note in rows.notes]
        for split in (split for split in SPLITS if split in raw):
            try:
                splits[split] = checked(raw[split], columns)
            except UnlabelledError as problem:
                if split not in beside:
                    raise
                notes.append(f"{split}: {beside[split].name}, beside train, is not used ({problem})")
            else:
                notes += [f"{split}: {beside[split].name}, beside train"] if split in beside else []
        return self.holdout.complete(
            splits, stratify, self.split_seed, self.digest(), list(dict.fromkeys(notes))
        )

    def raw(self) -> dict[str, RawRows]:
        """The unchecked rows of every split that exists."""
        paths = self.paths()
        raw: dict[str, RawRows] = {}
        for split, path in paths.items():
            if not path.is_dir():
                raw[split] = read_file(path, self.encoding, self.separator, self.columns)
                continue
            saved = read_folder(path)
            if "" not in saved and split not in saved:
                raise DataError(f"folder {path} has no split {split!r}: {nearest(split, saved)}")
            raw[split] = saved[""] if "" in saved else saved[split]
            if split == "train":  # a folder of several splits is also used for those without a path
                raw |= {name: rows for name, rows in saved.items() if name in SPLITS and name not in paths}
        if self.sentence:
            return {split: sentences(rows, self.sentence) for split, rows in raw.items()}
        return raw

    def _siblings(self) -> dict[str, Path]:
        if not self.siblings or self.validation is not None or self.test is not None:
            return {}
        return siblings(Path(self.train).expanduser())

    def paths(self) -> dict[str, Path]:
        """The path of each split that has one; DataError if it does not exist or cannot be read."""
        named = {split: getattr(self, split) for split in SPLITS}
        paths = {split: Path(path).expanduser() for split, path in named.items() if path is not None}
        for split, path in paths.items():
            if not path.exists():
                folder = path.parent if path.parent.is_dir() else Path.cwd()
                files = [file.name for file in sorted(folder.iterdir())[:50]]
                hint = (
                    nearest(path.name, files)
                    if folder == path.parent
                    else f"relative paths start at {folder}"
                )
                raise AbsentError(f"task.files.{split}={path}: no such file or folder ({hint})")
            if path.is_file() and path.suffix.lower() not in FORMATS:
                raise DataError(
                    f"task.files.{split}={path}: suffix {path.suffix!r} is not one that can be read: "
                    f"rename or convert the file to one of {', '.join(FORMATS)} (a label and a text per line "
                    "are a tsv where a tab separates them, and a txt where the label is written __label__x)"
                )
        return paths | self._siblings()


def sentences(raw: RawRows, column: str) -> RawRows:
    """Join rows of one word to rows of one sentence: consecutive rows with the same cell in `column`, or with
    an empty one after the first. All columns then hold lists."""
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

    def cut(name: str) -> list[list[Any]]:
        cells = raw.column(name)
        return [list(cells[begin:end]) for begin, end in zip(begins, [*begins[1:], None], strict=True)]

    lines = None if raw.lines is None else [raw.lines[row] for row in begins]
    return replace(raw, column=cut, lines=lines)


def siblings(train: Path) -> dict[str, Path]:
    """The files beside `train` whose names differ only in the word for the split: dev.tsv and test.tsv beside
    train.tsv, mine_VALID.csv beside mine_train.csv, and folders of classes; none if the name of `train` has
    no such word."""

    def words_of(path: Path) -> list[str]:  # words and separators; the last is the suffix
        return re.split(r"([^a-z]+)", path.name.casefold())

    def holds_rows(path: Path) -> bool:
        return path.is_file() if train.is_file() else path.is_dir() and Folder.at(path).holds_classes

    words = words_of(train)
    positions = [position for position, word in enumerate(words) if WORDS.get(word) == "train"]
    if len(positions) != 1 or not holds_rows(train):
        return {}
    files: dict[str, Path] = {}
    for file in sorted(train.parent.iterdir()):
        sibling = words_of(file)
        split = WORDS.get(sibling[positions[0]]) if len(sibling) == len(words) else None
        if split is None or split == "train":
            continue
        sibling[positions[0]] = words[positions[0]]
        if sibling != words or not holds_rows(file):
            continue
        if split in files:
            raise DataError(
                f"beside {train} lie {files[split].name} and {file.name}: name the one to use in "
                f"task.files.{split}"
            )
        files[split] = file
    return files
