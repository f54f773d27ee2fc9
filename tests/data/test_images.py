"""Images: digits, files named in a table, folders by class, datasets of the hub, and what is broken."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.digits import Digits
from headstart.data.files import Files
from headstart.data.formats import dataset_rows
from headstart.data.images import decoded, encoded, image_cell, pixels
from headstart.data.rows import Splits, checked, rows_digest
from headstart.errors import DataError

COLUMNS = {"image": "image", "label": "label"}


def picture(number: int, size: int = 4) -> Image.Image:
    """A picture like no other: (size, size) RGB."""
    return Image.fromarray(np.random.default_rng(number).integers(0, 255, (size, size, 3), np.uint8))


def folder_of(root: Path, count: int = 10, suffix: str = "png") -> Path:
    """root/cat/0.png, root/dog/0.png and so on."""
    for place, label in enumerate(("cat", "dog")):
        (root / label).mkdir(parents=True)
        for number in range(count):
            picture(count * place + number).save(root / label / f"{number}.{suffix}")
    return root


def load(path: Path, **settings: object) -> Splits:
    return Files.read({"train": str(path), **settings}).load(COLUMNS, "label")


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as error:
        load(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_digits_are_ten_classes_in_three_parts():
    node = Digits()
    splits = node.load(COLUMNS, "label")
    parts = (splits.train, splits.validation, splits.test)
    assert sum(map(len, parts)) == 1797
    assert [round(len(part) / 1797, 1) for part in parts] == [0.7, 0.1, 0.2]
    assert all(set(part["label"]) == set("0123456789") for part in parts)
    assert len({cell["sha256"] for part in parts for cell in part["image"]}) == 1797
    assert splits.source == node.digest() != Digits(split_seed=1).digest()
    assert rows_digest(splits.test) == "e0e8506afcb437b83f089ca1f87915d0"
    images = np.stack([pixels(cell, (8, 8), channels=1) for cell in splits.train["image"]])
    assert images.shape == (len(splits.train), 1, 8, 8)
    assert images.min() == 0 and images.max() == 255


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    expected = {tuple(np.asarray(image)): str(label) for image, label in zip(images, labels, strict=True)}
    train = Digits().load(COLUMNS).train
    for cell, label in zip(train["image"], train["label"], strict=True):
        assert expected[tuple(np.round(pixels(cell, (8, 8), 1).ravel() / 255 * 16))] == label


def test_digits_are_absent_only_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("headstart.data.digits.folder", lambda library: tmp_path)
    with pytest.raises(DataError, match=r"scikit-learn .* does not carry .*digits.csv.gz: install another"):
        Digits().digest()


def test_a_folder_by_class_is_read_with_and_without_splits(tmp_path: Path):
    splits = load(folder_of(tmp_path / "all"))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [14, 2, 4]
    assert set(splits.train["label"]) == {"cat", "dog"}
    folder_of(tmp_path / "parts" / "train")
    folder_of(tmp_path / "parts" / "val", 3)
    (tmp_path / "parts" / "train" / "cat" / "notes.md").write_text("no image")
    parts = load(tmp_path / "parts")
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [16, 6, 4]
    assert Path(parts.train["image"][0]["path"]).is_file()
    assert parts.train["image"][0]["bytes"] is None


def test_a_table_names_files_beside_it(tmp_path: Path):
    folder_of(tmp_path / "pictures", suffix="jpg")
    lines = [f"pictures/{label}/{number}.jpg,{label}" for label in ("cat", "dog") for number in range(10)]
    (tmp_path / "rows.csv").write_text("image,label\n" + "\n".join(lines) + "\n")
    splits = load(tmp_path / "rows.csv")
    assert [pixels(cell, (6, 8)).shape for cell in splits.test["image"]] == 4 * [(3, 6, 8)]
    assert splits.train["image"][0]["path"].startswith(str(tmp_path))


def test_datasets_keep_their_images_inside(tmp_path: Path):
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageFeature

    buffer = io.BytesIO()
    picture(0).save(buffer, format="PNG")
    features = Features({"image": ImageFeature(), "label": Value("string")})
    rows = {"image": [{"bytes": buffer.getvalue(), "path": None}], "label": ["cat"]}
    whole = Dataset.from_dict(rows, features=features)
    (cell,) = checked(dataset_rows(whole, "hub"), COLUMNS)["image"]
    assert cell["bytes"] == buffer.getvalue()
    assert np.array_equal(np.asarray(decoded(cell)), np.asarray(picture(0)))
    whole.to_parquet(str(tmp_path / "rows.parquet"))
    again = checked(dataset_rows(Dataset.from_parquet(str(tmp_path / "rows.parquet")), "file"), COLUMNS)
    assert again["image"] == [cell]


def test_pixels_are_ordered_and_resized():
    table = np.zeros((2, 3, 3), np.uint8)
    table[0, 2] = [255, 0, 51]  # the upper right pixel
    image = pixels(image_cell(encoded(table)), (2, 3))
    assert image.dtype == np.uint8
    assert image[:, 0, 2].tolist() == [255, 0, 51]
    assert image.sum() == 255 + 51
    assert pixels(image_cell(encoded(table)), (4, 6), channels=1).shape == (1, 4, 6)


def test_copies_of_an_image_are_held_out_together(tmp_path: Path):
    folder_of(tmp_path / "all")
    for number in range(10):
        picture(number).save(tmp_path / "all" / "cat" / f"copy{number}.png")
    splits = load(tmp_path / "all")
    train, test = ({cell["sha256"] for cell in part["image"]} for part in (splits.train, splits.test))
    assert not train & test


def test_what_is_no_image_is_refused_with_its_path(tmp_path: Path):
    folder_of(tmp_path / "all")
    (tmp_path / "all" / "dog" / "3.png").write_text("broken")
    assert "dog/3.png in column 'image', not an image that Pillow can read (" in refusal(tmp_path / "all")
    (tmp_path / "rows.csv").write_text("image,label\nall/cat/1.png,cat\nall/cat/99.png,cat\n")
    said = refusal(tmp_path / "rows.csv")
    assert said.startswith(f"{tmp_path}/rows.csv line 3 holds PosixPath {tmp_path}/all/cat/99.png in column")
    assert said.endswith("a file that cannot be read (No such file or directory): correct the path")


def test_an_image_that_ends_too_early_is_named_when_it_is_decoded(tmp_path: Path):
    picture(0, 64).save(tmp_path / "half.jpg", quality=95)
    data = (tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    cell = image_cell(tmp_path / "half.jpg")
    with pytest.raises(DataError, match=r"half.jpg cannot be decoded \(.*\): replace or remove it"):
        pixels(cell, (4, 4))


def test_an_image_that_vanished_is_named(tmp_path: Path):
    picture(0).save(tmp_path / "gone.png")
    cell = image_cell(tmp_path / "gone.png")
    (tmp_path / "gone.png").unlink()
    with pytest.raises(DataError, match=r"gone.png cannot be decoded \(.*No such file"):
        decoded(cell)


def test_folders_that_hold_no_classes_are_refused(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert "not a folder that `save_to_disk` made" in refusal(tmp_path / "empty")
    assert "and no folder of images by class" in refusal(tmp_path / "empty")
    (tmp_path / "flat").mkdir()
    picture(0).save(tmp_path / "flat" / "1.png")
    assert refusal(tmp_path / "flat").startswith(
        f"{tmp_path}/flat holds no images in folders named by class: lay it"
    )
    folder_of(tmp_path / "one")
    for file in (tmp_path / "one" / "dog").iterdir():
        file.unlink()
    assert "the class folder dog holds no images (png, " in refusal(tmp_path / "one")
    (tmp_path / "one" / "dog").rmdir()
    assert refusal(tmp_path / "one").startswith("train has one label only ('cat')")
