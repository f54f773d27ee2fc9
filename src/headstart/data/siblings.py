"""Siblings: validation and test files, or folders of images, beside those of train, by the hub's words."""

from __future__ import annotations

import re
from pathlib import Path

from headstart.data.image_folder import WORDS, Folder
from headstart.errors import DataError


def siblings(train: Path) -> dict[str, Path]:
    """The files called like `train` but for the word of their split: dev.tsv and test.tsv beside train.tsv,
    mine_VALID.csv beside mine_train.csv, and folders of classes; none where `train` does not say that it is
    one."""
    parts = _parts(train)
    places = [place for place, part in enumerate(parts) if WORDS.get(part) == "train"]
    if len(places) != 1 or not _alike(train, train):
        return {}
    (place,) = places
    files: dict[str, Path] = {}
    for file in sorted(train.parent.iterdir()):
        theirs = _parts(file)
        split = WORDS.get(theirs[place]) if len(theirs) == len(parts) else None
        same = (
            split is not None
            and theirs[:place] == parts[:place]
            and theirs[place + 1 :] == parts[place + 1 :]
        )
        if split is None or split == "train" or not same or not _alike(train, file):
            continue
        if split in files:
            raise DataError(
                f"beside {train} lie {files[split].name} and {file.name}: name the one to use in "
                f"task.files.{split}"
            )
        files[split] = file
    return files


def _alike(train: Path, other: Path) -> bool:
    return other.is_file() if train.is_file() else other.is_dir() and Folder.at(other).holds_classes


def _parts(file: Path) -> list[str]:
    """The words of a file's name, and what stands between them: its suffix is the last."""
    return re.split(r"([^a-z]+)", file.name.casefold())
