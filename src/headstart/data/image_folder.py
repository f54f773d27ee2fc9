"""Image folder: images in one folder per class, with or without a folder per split around these."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headstart.data.images import SUFFIXES, USUAL
from headstart.data.rows import RawRows
from headstart.errors import DataError

COLUMNS = ("image", "label")
WORDS = {  # as the hub names its splits: datasets.data_files.SPLIT_KEYWORDS
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "dev", "val"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
LEFTOVERS = ("__macosx", "thumbs.db", "desktop.ini", "@eadir")  # files of operating systems and archives
SHOWN = 3  # number of files and folders that a note names


@dataclass(frozen=True)
class Folder:
    """A folder: images and other files directly in it, and folders below; without leftovers."""

    path: Path
    images: tuple[Path, ...]
    others: tuple[Path, ...]
    folders: tuple[Folder, ...]

    @classmethod
    def at(cls, path: Path) -> Self:
        """The folder at `path`, with everything below."""
        below = sorted(item for item in path.iterdir() if not is_leftover(item.name))
        images = tuple(item for item in below if item.is_file() and item.suffix.lower() in SUFFIXES)
        others = tuple(item for item in below if item.is_file() and item.suffix.lower() not in SUFFIXES)
        return cls(path, images, others, tuple(cls.at(item) for item in below if item.is_dir()))

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def split(self) -> str | None:
        """The split in its name: `Testing`, `seg_train`, `val2017`; None for other names."""
        splits = {WORDS[word] for word in re.split(r"[-._ 0-9]+", self.name.casefold()) if word in WORDS}
        return splits.pop() if len(splits) == 1 else None

    @property
    def holds_classes(self) -> bool:
        """Are there images in the folders below, and none directly in it?"""
        return not self.images and any(below.all_images() for below in self.folders)

    def all_images(self) -> list[Path]:
        return [*self.images, *(image for below in self.folders for image in below.all_images())]

    def all_others(self) -> list[Path]:
        return [*self.others, *(file for below in self.folders for file in below.all_others())]


def is_leftover(name: str) -> bool:
    """Is a file or folder hidden, or a leftover of an operating system or an archive?"""
    return name.startswith(".") or name.lower() in LEFTOVERS


def holds_images(path: Path) -> bool:
    return any(file.suffix.lower() in SUFFIXES and not is_leftover(file.name) for file in path.rglob("*"))


def read_image_folder(path: Path) -> dict[str, RawRows]:
    """The splits of folder/train/cat/x.png; a folder/cat/x.png without splits is called ""."""
    root = Folder.at(path)
    top = _unwrapped(root)
    splits = _splits(top) or {"": top}
    classes = {split: _classes(folder, split in ("", "train")) for split, folder in splits.items()}
    notes = tuple(_notes(root, splits, classes))
    rows = {}
    for split, images in classes.items():
        columns = {
            "image": [image for paths in images.values() for image in paths],
            "label": [name for name, paths in images.items() for _ in paths],
        }
        rows[split] = RawRows(str(splits[split].path), COLUMNS, columns.__getitem__, notes=notes)
    return rows


def _unwrapped(folder: Folder) -> Folder:
    """The folder below if it is the only one, as in many archives: animals/animals/cat/x.png."""
    while not folder.images and len(folder.folders) == 1:
        (only,) = folder.folders
        if only.split not in (None, folder.split) or not only.holds_classes:
            break
        folder = only
    return folder


def _splits(top: Folder) -> dict[str, Folder]:
    """The folders of classes that are named like splits; DataError if there are other folders of images."""
    named = [folder for folder in top.folders if folder.split and folder.holds_classes]
    beside = [folder.name for folder in top.folders if folder not in named and folder.all_images()]
    if named and beside:
        raise DataError(
            f"{top.path}: beside {_listed([folder.name for folder in named])} with a folder per class lies "
            f"{_listed(beside)}, which belongs to no split: move it away, or lay it out as "
            f"{named[0].name}/{beside[0]}/1.png if it is a class and as test/cat/1.png if it is a split"
        )
    splits: dict[str, Folder] = {}
    for folder in named:
        split = str(folder.split)
        if split in splits:
            raise DataError(
                f"{top.path}: {splits[split].name} and {folder.name} are both named like the split {split}: "
                "join them, or move one of them away"
            )
        splits[split] = folder
    return {split: _unwrapped(folder) for split, folder in splits.items()}


def _classes(folder: Folder, required: bool) -> dict[str, list[Path]]:
    """The images of each class; DataError if a folder is no class, or is empty and `required`."""
    classes = {below.name: below.all_images() for below in folder.folders}
    if not any(classes.values()):
        tables = [file for file in folder.others if file.suffix.lower() in (".csv", ".tsv", ".jsonl")]
        table = f", or give a table of images and classes, such as {tables[0]}" if tables else ""
        raise DataError(
            f"{folder.path} holds no images in folders named by class: lay it out as "
            f"{folder.name}/cat/1.png ({USUAL}){table}"
        )
    _refuse_splits(folder)
    empty = [name for name, images in classes.items() if not images]
    if empty and required:
        raise DataError(
            f"{folder.path}: the class folder {empty[0]} holds no images ({USUAL}): "
            "put its images there, or remove the folder"
        )
    return {name: images for name, images in classes.items() if images}


def _refuse_splits(folder: Folder) -> None:
    """DataError if a split would become a class, judged by its name or by the folders in it."""
    with_images = [below for below in folder.folders if below.all_images()]
    all_named = all(below.split for below in with_images)
    for below in with_images:
        if below.name.casefold() in WORDS or all_named:
            raise DataError(
                f"{folder.path}: the folder {below.name} holds images and is named like a split: rename it "
                f"if it is a class (class_{below.name}), or put its images in a folder per class if it is "
                f"a split ({below.name}/cat/1.png)"
            )
    owners: dict[str, Folder] = {}
    for below in with_images:
        shared = [inner.name for inner in below.folders if inner.name in owners]
        if len(shared) > 1 or any(name.casefold() in WORDS for name in shared):
            raise DataError(
                f"{folder.path}: {owners[shared[0]].name} and {below.name} both hold a folder {shared[0]}: "
                "call splits train, validation and test, with a folder of images per class in each "
                "(train/cat/1.png)"
            )
        owners |= {inner.name: below for inner in below.folders}


def _notes(
    root: Folder, splits: Mapping[str, Folder], classes: Mapping[str, Mapping[str, Sequence[Path]]]
) -> list[str]:
    """Notes on how folders were used, and on unused files."""
    notes = []
    for split, folder in splits.items():
        name = folder.path.relative_to(root.path).as_posix()
        if name != ".":
            count = sum(map(len, classes[split].values()))
            size = f"{count} images of {len(classes[split])} classes"
            notes.append(f"{split or 'train'}: the folder {name}, {size}")
        if absent := sorted(set(classes.get("train", ())) - set(classes[split])):
            notes.append(f"{split}: no images of {_listed(absent)}")
        mixed = [below.name for below in folder.folders if below.folders and below.images]
        notes += [f"class {name}: images of its folders are taken, too" for name in mixed]
    used = {image for named in classes.values() for images in named.values() for image in images}
    loose = [image for image in root.all_images() if image not in used]
    left_out = {"outside the folders of classes": loose, "not named like an image": root.all_others()}
    for reason, files in left_out.items():
        if files:
            names = _listed([file.relative_to(root.path).as_posix() for file in files])
            notes.append(f"left out: {len(files)} file{'s' * (len(files) > 1)} ({names}) {reason}")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
