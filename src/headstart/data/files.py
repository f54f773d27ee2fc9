"""Files: rows from files of the user's own, or from a folder that holds a dataset or images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from headstart.data.holdout import Holdout
from headstart.data.image_folder import is_leftover
from headstart.data.reading import FORMATS, read_file, read_folder
from headstart.data.rows import SPLITS, Columns, RawRows, Splits, checked
from headstart.node import DataError, Node, nearest


class Files(Node):
    """Files of one of FORMATS, one per split, or a folder: saved by `datasets`, or of images by class."""

    train: str
    validation: str | None = None
    test: str | None = None
    encoding: str = "utf-8"
    separator: str | None = Field(default=None, min_length=1, max_length=1)  # null: as the lines say
    columns: tuple[str, ...] | None = Field(
        default=None, strict=False
    )  # for .conll, and files without a header
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
        given = {split: checked(raw[split], columns) for split in SPLITS if split in raw}
        notes = list(dict.fromkeys(note for rows in raw.values() for note in rows.notes))
        return self.holdout.complete(given, stratify, self.split_seed, self.digest(), notes)

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
        return raw

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
                    f"rename or convert the file to one of {', '.join(FORMATS)}"
                )
        return paths


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
