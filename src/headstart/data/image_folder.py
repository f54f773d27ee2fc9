"""Image folder: images that lie in one folder per class, perhaps in one folder per split above these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
LEFTOVERS = ("__macosx", "thumbs.db", "desktop.ini", "@eadir")  # what systems and archives leave behind
SHOWN = 3  # files and folders that a note names


@dataclass(frozen=True)
class Folder:
    """A folder, the images and other files right in it, and the folders below; leftovers do not count."""

    path: Path
    images: tuple[Path, ...]
    others: tuple[Path, ...]
    folders: tuple[Folder, ...]

    @classmethod
    def at(cls, path: Path) -> Self:
        """All that lies below `path`."""
        below = sorted(item for item in path.iterdir() if not is_leftover(item.name))
        images = tuple(item for item in below if item.is_file() and item.suffix.lower() in SUFFIXES)
        others = tuple(item for item in below if item.is_file() and item.suffix.lower() not in SUFFIXES)
        return cls(path, images, others, tuple(cls.at(item) for item in below if item.is_dir()))

    @property
    def name(self) -> str:
        """What the folder itself is called."""
        return self.path.name

    @property
    def split(self) -> str | None:
        """The split that the name says: `Testing`, `seg_train`, `val2017`; None for other names."""
        splits = {WORDS[word] for word in re.split(r"[-._ 0-9]+", self.name.casefold()) if word in WORDS}
        return splits.pop() if len(splits) == 1 else None

    @property
    def holds_classes(self) -> bool:
        """Whether images lie in the folders below, and none right in it."""
        return not self.images and any(below.all_images() for below in self.folders)

    def all_images(self) -> list[Path]:
        """Images right in it and further below."""
        return [*self.images, *(image for below in self.folders for image in below.all_images())]

    def all_others(self) -> list[Path]:
        """Files that are no images, right in it and further below."""
        return [*self.others, *(file for below in self.folders for file in below.all_others())]


def is_leftover(name: str) -> bool:
    """Whether a file or folder is hidden, or left behind by a system or an archive."""
    return name.startswith(".") or name.lower() in LEFTOVERS


def holds_images(path: Path) -> bool:
    """Is there any image below the folder?"""
    return any(file.suffix.lower() in SUFFIXES and not is_leftover(file.name) for file in path.rglob("*"))


def read_image_folder(path: Path) -> dict[str, RawRows]:
    """The splits of folder/train/cat/x.png; a folder/cat/x.png without splits is called ""."""
    root = Folder.at(path)
    top = _unwrapped(root)
    splits = _splits(top) or {"": top}
    classes = {split: _classes(folder, split in ("", "train")) for split, folder in splits.items()}
    notes = tuple(_notes(root, splits, classes))
    return {split: _rows(splits[split].path, classes[split], notes) for split in splits}


def _unwrapped(folder: Folder) -> Folder:
    """The folder below where that is all there is, as archives often have it: animals/animals/cat/x.png."""
    while not folder.images and len(folder.folders) == 1:
        (only,) = folder.folders
        if only.split not in (None, folder.split) or not only.holds_classes:
            break
        folder = only
    return folder


def _splits(top: Folder) -> dict[str, Folder]:
    """The folders that hold classes and are named like splits; DataError where others lie beside them."""
    named = [folder for folder in top.folders if folder.split and folder.holds_classes]
    beside = [folder for folder in top.folders if folder not in named and folder.all_images()]
    if named and beside:
        name = beside[0].name
        raise DataError(
            f"{top.path}: beside {_names(named)} with a folder per class lies {_names(beside)}, "
            f"which belongs to no split: move it away, or lay it out as {named[0].name}/{name}/1.png "
            f"if it is a class and as test/cat/1.png if it is a split"
        )
    splits: dict[str, Folder] = {}
    for folder in named:
        if (twin := splits.get(str(folder.split))) is not None:
            raise DataError(
                f"{top.path}: {twin.name} and {folder.name} are both named like the split {folder.split}: "
                "join them, or move one of them away"
            )
        splits[str(folder.split)] = folder
    return {split: _unwrapped(folder) for split, folder in splits.items()}


def _classes(folder: Folder, required: bool) -> dict[str, list[Path]]:
    """The images of each class; DataError where a folder is no class, or one of `required` is empty."""
    classes = {below.name: below.all_images() for below in folder.folders}
    if not any(classes.values()):
        raise DataError(_no_classes(folder))
    _check_names(folder)
    empty = [name for name, images in classes.items() if not images]
    if empty and required:
        raise DataError(
            f"{folder.path}: the class folder {empty[0]} holds no images ({USUAL}): "
            "put its images there, or remove the folder"
        )
    return {name: images for name, images in classes.items() if images}


def _no_classes(folder: Folder) -> str:
    tables = [file for file in folder.others if file.suffix.lower() in (".csv", ".tsv", ".jsonl")]
    table = f", or give a table of images and classes, such as {tables[0]}" if tables else ""
    return (
        f"{folder.path} holds no images in folders named by class: lay it out as {folder.name}/cat/1.png "
        f"({USUAL}){table}"
    )


def _check_names(folder: Folder) -> None:
    """Refused where a split would be taken for a class: by its name, or by the folders in it."""
    holding = [below for below in folder.folders if below.all_images()]
    for below in holding:
        if below.name.casefold() in WORDS or all(each.split for each in holding):
            raise DataError(
                f"{folder.path}: the folder {below.name} holds images and is named like a split: rename it "
                f"if it is a class (class_{below.name}), or put its images in a folder per class if it is "
                f"a split ({below.name}/cat/1.png)"
            )
    owners: dict[str, Folder] = {}
    for below in holding:
        shared = [each.name for each in below.folders if each.name in owners]
        if len(shared) > 1 or any(name.casefold() in WORDS for name in shared):
            raise DataError(
                f"{folder.path}: {owners[shared[0]].name} and {below.name} both hold a folder {shared[0]}: "
                "call splits train, validation and test, with a folder of images per class in each "
                "(train/cat/1.png)"
            )
        owners |= {each.name: below for each in below.folders}


def _rows(path: Path, classes: Mapping[str, Sequence[Path]], notes: tuple[str, ...]) -> RawRows:
    columns = {
        "image": [image for images in classes.values() for image in images],
        "label": [name for name, images in classes.items() for _ in images],
    }
    return RawRows(str(path), COLUMNS, columns.__getitem__, notes=notes)


def _notes(
    root: Folder, splits: Mapping[str, Folder], classes: Mapping[str, Mapping[str, Sequence[Path]]]
) -> Iterator[str]:
    """Which folders were used as what, and what in the folder was not."""
    for split, folder in splits.items():
        count = sum(map(len, classes[split].values()))
        name = folder.path.relative_to(root.path).as_posix()
        if name != ".":
            yield f"{split or 'train'}: the folder {name}, {count} images of {len(classes[split])} classes"
        if absent := sorted(set(classes.get("train", ())) - set(classes[split])):
            yield f"{split}: no images of {_listed(absent)}"
        for below in folder.folders:
            if below.folders and below.images:
                yield f"class {below.name}: images of its folders are taken, too"
    used = {image for named in classes.values() for images in named.values() for image in images}
    if loose := [image for image in root.all_images() if image not in used]:
        yield f"left out: {_files(loose, root)} outside the folders of classes"
    if others := root.all_others():
        yield f"left out: {_files(others, root)} not named like an image"


def _files(files: Sequence[Path], root: Folder) -> str:
    names = [file.relative_to(root.path).as_posix() for file in files]
    return f"{len(files)} file{'s' * (len(files) > 1)} ({_listed(names)})"


def _names(folders: Sequence[Folder]) -> str:
    return _listed([folder.name for folder in folders])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
