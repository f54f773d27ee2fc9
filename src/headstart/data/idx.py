"""IDX: images and labels in two binary files, as MNIST and data sets in its form are published.

A file holds two zero bytes, the type of its values (8: uint8), the number of dimensions, each dimension as a
big-endian int32, then the values (LeCun, Cortes and Burges 1998). EMNIST holds each image transposed: files
with its name are turned upright.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headstart.data.image_folder import COLUMNS, WORDS
from headstart.data.images import encoded
from headstart.data.rows import RawRows
from headstart.errors import DataError

FILE = re.compile(r"(.*?)[-._]?(images|labels)[-._]idx[13]-ubyte(?:\.gz)?", re.IGNORECASE)
TRANSPOSED = re.compile(r"(?<![a-z])emnist(?![a-z])", re.IGNORECASE)  # Cohen et al. 2017 publish it so
UINT8 = 8


def holds_idx(path: Path) -> bool:
    """Is there any file in this form directly in the folder?"""
    return any(_named(path))


def read_idx_folder(path: Path) -> dict[str, RawRows]:
    """The splits of a folder with train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-...;
    two files without a word for the split are called "". Classes are the numbers in the file of labels."""
    files: dict[str, dict[str, Path]] = {}
    for split, what, file in _named(path):
        if other := files.setdefault(split, {}).get(what):
            raise DataError(
                f"{path}: {other.name} and {file.name} both hold the {what} of {split or 'train'}: "
                "move one away"
            )
        files[split][what] = file
    return {split: _rows(path, split, pair) for split, pair in files.items()}


def _named(path: Path) -> Iterator[tuple[str, str, Path]]:
    """Split, `images` or `labels`, and path of each file in this form."""
    for file in sorted(path.iterdir()):
        if (match := FILE.fullmatch(file.name)) and file.is_file():
            words = re.split(r"[-._]", match[1].casefold())
            splits = {"test" if word == "t10k" else WORDS[word] for word in words if word in (*WORDS, "t10k")}
            yield next(iter(splits), ""), match[2].casefold(), file


def _rows(folder: Path, split: str, pair: dict[str, Path]) -> RawRows:
    for what, other in (("images", "labels"), ("labels", "images")):
        if what not in pair:
            raise DataError(f"{folder}: {pair[other].name} has no file of {what} beside it: add it")
    images, labels = _values(pair["images"], 3), _values(pair["labels"], 1)
    if len(images) != len(labels):
        raise DataError(
            f"{folder}: {pair['images'].name} holds {len(images)} images and {pair['labels'].name} "
            f"{len(labels)} labels: they do not belong together, fetch both again"
        )
    turned = ""
    if TRANSPOSED.search(pair["images"].name):
        images = images.transpose(0, 2, 1)
        turned = ", turned upright: EMNIST stores them transposed (rename the file if yours are upright)"
    columns = {
        "image": lambda: [{"bytes": encoded(image), "path": None} for image in images],
        "label": lambda: [str(label) for label in labels.tolist()],
    }
    height, width = images.shape[1:]
    size = f"{len(images)} images of {height} x {width} pixels"
    note = f"{split or 'train'}: {pair['images'].name}, {size}{turned}"
    return RawRows(str(pair["images"]), COLUMNS, lambda name: columns[name](), notes=(note,))


def _values(path: Path, dimensions: int) -> np.ndarray:
    """The values of a file, (items, ...) uint8; DataError where it is not whole or of another type."""
    content = path.read_bytes()
    try:
        data = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}): fetch it again") from None
    start = 4 + 4 * dimensions
    if len(data) < start or data[:4] != bytes((0, 0, UINT8, dimensions)):
        raise DataError(
            f"{path}: not an IDX file of uint8 in {dimensions} dimension{'s' * (dimensions > 1)}, by its "
            "first bytes: fetch it again, or give images in folders"
        )
    shape = struct.unpack(f">{dimensions}i", data[4:start])
    if min(shape) < 1 or len(data) - start != int(np.prod(shape, dtype=np.int64)):
        size = " x ".join(map(str, shape))
        raise DataError(
            f"{path}: its head says {size} values, and {len(data) - start} bytes follow: it is not whole, "
            "fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
