"""Image folder: images that lie in one folder per class, perhaps in one folder per split above these."""

from __future__ import annotations

from pathlib import Path

from headstart.data.images import SUFFIXES
from headstart.data.rows import SPLITS, RawRows
from headstart.node import DataError

COLUMNS = ("image", "label")
SPLIT_NAMES = {name: name for name in SPLITS} | {"valid": "validation", "val": "validation"}


def holds_images(path: Path) -> bool:
    """Is there any image below the folder?"""
    return any(_is_image(file) for file in path.rglob("*"))


def read_image_folder(path: Path) -> dict[str, RawRows]:
    """The splits of folder/train/cat/x.png; a folder/cat/x.png without splits is called ""."""
    splits = {SPLIT_NAMES[below.name]: below for below in _folders(path) if below.name in SPLIT_NAMES}
    return {split: _rows(below) for split, below in (splits or {"": path}).items()}


def _rows(path: Path) -> RawRows:
    found = [
        (file, below.name) for below in _folders(path) for file in sorted(below.rglob("*")) if _is_image(file)
    ]
    if not found:
        raise DataError(
            f"{path} holds no images in folders named by class: lay it out as {path.name}/cat/1.png "
            f"({', '.join(sorted(SUFFIXES))})"
        )
    columns = {"image": [file for file, _ in found], "label": [label for _, label in found]}
    return RawRows(str(path), COLUMNS, columns.__getitem__)


def _folders(path: Path) -> list[Path]:
    return sorted(below for below in path.iterdir() if below.is_dir() and not below.name.startswith("."))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
