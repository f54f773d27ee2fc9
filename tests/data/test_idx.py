"""Files of MNIST's form: read under the names that people have, refused where they are not whole."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from headstart.data.files import Files
from headstart.data.images import pixels
from headstart.data.rows import Splits
from headstart.errors import DataError

COLUMNS = {"image": "image", "label": "label"}
MNIST = "{split}-{what}-idx{dimensions}-ubyte.gz"


def idx(values: np.ndarray) -> bytes:
    """The bytes of a file, written by the description of the format."""
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}i", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def filled(folder: Path, name: str = MNIST, rows: tuple[int, ...] = (40, 20)) -> Path:
    """Images of 4 x 3 pixels of two classes, in train and t10k."""
    folder.mkdir(exist_ok=True)
    draw = np.random.default_rng(0)
    for split, count in zip(("train", "t10k"), rows, strict=False):
        contents = {
            "images": draw.integers(0, 256, (count, 4, 3)),
            "labels": np.arange(count) % 2 + 7,
        }
        for what, values in contents.items():
            path = folder / name.format(split=split, what=what, dimensions=values.ndim)
            data = idx(values)
            path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder


def load(folder: Path) -> Splits:
    return Files.read({"train": str(folder)}).load(COLUMNS, "label")


@pytest.mark.parametrize("name", [MNIST, "{split}-{what}.idx{dimensions}-ubyte", "memnist-" + MNIST])
def test_every_image_and_label_is_read(name: str, tmp_path: Path) -> None:
    splits = load(filled(tmp_path, name))
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [36, 4, 20]
    rows = np.random.default_rng(0)
    rows.integers(0, 256, (40, 4, 3))
    expected = rows.integers(0, 256, (20, 4, 3))
    assert splits.test["label"][:] == ["7", "8"] * 10
    for cell, image in zip(splits.test["image"][:], expected, strict=True):
        assert np.array_equal(pixels(cell, (4, 3), channels=1)[0], image)
    assert any("40 images of 4 x 3 pixels" in note for note in splits.notes)


@pytest.mark.parametrize("name", ["emnist-digits-" + MNIST, "EMNIST_" + MNIST])
def test_images_of_emnist_are_turned_upright_and_the_record_says_so(name: str, tmp_path: Path) -> None:
    stored, turned = load(filled(tmp_path / "mnist")), load(filled(tmp_path / "emnist", name))
    for upright, cell in zip(turned.test["image"][:], stored.test["image"][:], strict=True):
        assert np.array_equal(pixels(upright, (3, 4), 1)[0], pixels(cell, (4, 3), 1)[0].T)
    assert any("of 3 x 4 pixels, turned upright: EMNIST" in note for note in turned.notes)
    assert not any("turned" in note for note in stored.notes)


def test_files_without_a_split_are_train(tmp_path: Path) -> None:
    folder = filled(tmp_path, "{what}-idx{dimensions}-ubyte", rows=(40,))
    splits = load(folder)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == 40


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("train-images-idx3-ubyte.gz", lambda data: data[:-9], "not a whole gzip file"),
        (
            "train-images-idx3-ubyte.gz",
            lambda data: gzip.compress(gzip.decompress(data)[:-1]),
            "40 x 4 x 3 values, and 479",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda data: b"<html>",
            "not an IDX file of uint8 in 1 dimension, by its",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda data: idx(np.zeros(39)),
            "holds 40 images and train-labels-idx1",
        ),
        ("train-labels-idx1-ubyte.gz", None, "train-images-idx3-ubyte.gz has no file of labels beside it"),
        ("train-images-idx3-ubyte", lambda data: idx(np.zeros((1, 2, 2))), "both hold the images of train"),
    ],
)
def test_what_is_not_whole_is_one_sentence(name: str, change, said: str, tmp_path: Path) -> None:
    path = filled(tmp_path) / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))
    with pytest.raises(DataError) as error:
        load(tmp_path)
    assert said in str(error.value) and "\n" not in str(error.value)
