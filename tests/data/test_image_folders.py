"""Image folders: splits by the hub's words in any case, classes, what lies beside them, what is refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image

from headstart.data.files import Files
from headstart.data.rows import SPLITS, Splits
from headstart.errors import DataError

COLUMNS = {"image": "image", "label": "label"}


def filled(root: Path, *paths: str) -> Path:
    """A folder with these files: every image is another one; `cat/*8` is eight of them."""
    for path in paths:
        name, _, count = path.partition("*")
        names = [f"{name}{number}.png" for number in range(int(count))] if count else [name]
        for each in names:
            (root / each).parent.mkdir(parents=True, exist_ok=True)
            if (root / each).suffix in (".png", ".jpg"):
                colour = zlib.crc32(each.encode()) & 0xFFFFFF
                Image.new("RGB", (2, 2), f"#{colour:06x}").save(root / each, "PNG")
            else:
                (root / each).write_text("no image")
    return root


def load(path: Path, **settings: object) -> Splits:
    return Files.read({"train": str(path), **settings}).load(COLUMNS, "label")


def classes(*splits: str) -> list[str]:
    return [f"{split}/{label}/*8" for split in splits for label in ("cat", "dog")]


@pytest.mark.parametrize(
    ("paths", "used"),
    [
        (classes("Training", "Testing"), {"train": "Training", "test": "Testing"}),
        (
            classes("Train", "Test", "Valid"),
            {"train": "Train", "test": "Test", "validation": "Valid"},
        ),
        (classes("train", "testing"), {"train": "train", "test": "testing"}),
        (
            classes("TRAIN", "DEV", "Evaluation"),
            {"train": "TRAIN", "validation": "DEV", "test": "Evaluation"},
        ),
        (classes("train2017", "val2017"), {"train": "train2017", "validation": "val2017"}),
        (classes("animals/train", "animals/test"), {"train": "animals/train", "test": "animals/test"}),
        (
            classes("seg_train/seg_train", "seg_test/seg_test"),
            {"train": "seg_train/seg_train", "test": "seg_test/seg_test"},
        ),
        (classes("training_set/training_set"), {"train": "training_set/training_set"}),
        (
            [
                *classes("train", "val"),
                "__MACOSX/train/cat/._1.png",
                ".DS_Store",
                "train/cat/Thumbs.db",
                ".ipynb_checkpoints/1.png",
            ],
            {"train": "train", "validation": "val"},
        ),
    ],
)
def test_splits_are_known_by_the_words_of_the_hub(
    paths: list[str], used: dict[str, str], tmp_path: Path
) -> None:
    splits = load(filled(tmp_path, *paths))
    parts = {split: getattr(splits, split)["image"][:] for split in SPLITS}
    every = [cell["path"] for cells in parts.values() for cell in cells]
    assert len(every) == 16 * len(used)
    for split, folder in used.items():
        assert sum(path.startswith(f"{tmp_path / folder}/") for path in every) == 16
        assert all(cell["path"].startswith(f"{tmp_path / folder}/") for cell in parts[split])
        assert f"{split}: the folder {folder}, 16 images of 2 classes" in splits.notes
    assert set(splits.train["label"]) == {"cat", "dog"}
    assert not any("left out" in note for note in splits.notes)
    held_out = [note.split(":")[0] for note in splits.notes if "held out" in note]
    assert sorted([*used, *held_out]) == sorted(SPLITS)


def test_the_words_are_those_of_the_hub() -> None:
    from datasets.data_files import SPLIT_KEYWORDS

    from headstart.data.image_folder import WORDS

    assert {word: str(split) for split, words in SPLIT_KEYWORDS.items() for word in words} == WORDS


def test_one_folder_may_be_packed_into_another(tmp_path: Path) -> None:
    splits = load(filled(tmp_path, *classes("archive/animals")))
    assert set(splits.train["label"]) == {"cat", "dog"}
    assert "train: the folder archive/animals, 16 images of 2 classes" in splits.notes


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    filled(tmp_path, *classes("train"), "test/cat/*8", "train/cat/notes.md", "README.md", "all.png")
    filled(tmp_path, "train/cat/kittens/1.png")
    notes = load(tmp_path).notes
    assert "test: no images of dog" in notes
    assert "class cat: images of its folders are taken, too" in notes
    assert "left out: 1 file (all.png) outside the folders of classes" in notes
    assert "left out: 2 files (README.md, train/cat/notes.md) not named like an image" in notes


@pytest.mark.parametrize("name", ["1.jfif", "1.JPG", "1.webp", "1.bmp", "1.TIF", "1.jpg"])
def test_images_go_by_what_is_in_them_and_not_by_their_suffix(name: str, tmp_path: Path) -> None:
    filled(tmp_path, "cat/*8", "dog/*8")
    Image.new("RGB", (2, 2), "red").save(tmp_path / "cat" / name, "WEBP")
    splits = load(tmp_path)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == 17


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (
            ["test/*8", "cat/*8", "dog/*8"],
            "the folder test holds images and is named like a split: rename it if it is a class (class_test)",
        ),
        (["train/*8", "bus/*8", "car/*8"], "the folder train holds images and is named like a split"),
        (["Training/*8", "Testing/*8"], "if it is a split (Testing/cat/1.png)"),
        (["train2017/*8", "val2017/*8"], "the folder train2017 holds images and is named like a split"),
        ([*classes("train"), "train/val/*8"], "the folder val holds images and is named like a split"),
        (
            [*classes("train"), "test/*8"],
            "beside train with a folder per class lies test, which belongs to no split: move it away",
        ),
        ([*classes("train", "test"), "extra/*2"], "lies extra, which belongs to no split"),
        ([*classes("test"), "cat/*8", "dog/*8"], "beside test with a folder per class lies cat, dog, which"),
        (
            [*classes("train", "Training")],
            "Training and train are both named like the split train: join them",
        ),
        (["cat/train/*8", "cat/test/*8", "dog/train/*8", "dog/test/*8"], "cat and dog both hold a folder te"),
        (classes("trainset", "testset"), "testset and trainset both hold a folder cat: call splits train,"),
        ([*classes("train"), "train/bird/notes.md"], "the class folder bird holds no images (png, jpg, "),
        ([*classes("train"), "test/bird/*8"], "test has the label 'bird', which no train row has"),
        (classes("val", "test"), "has no split 'train'"),
        (["1.png", "labels.csv"], "or give a table of images and classes, such as"),
        (
            [*classes("train"), "train/cat/1.heic"],
            "not an image that Pillow can read (of no kind that it know",
        ),
    ],
)
def test_a_split_is_never_taken_for_a_class_nor_left_out(paths: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load(filled(tmp_path, *paths))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_classes_may_keep_their_images_in_a_folder_each(tmp_path: Path) -> None:
    splits = load(filled(tmp_path, "train/n01/images/*8", "train/n02/images/*8"))
    assert set(splits.train["label"]) == {"n01", "n02"}


def test_leftovers_do_not_change_what_the_rows_are(tmp_path: Path) -> None:
    filled(tmp_path, *classes("train"))
    before = Files.read({"train": str(tmp_path)}).digest()
    filled(tmp_path, ".DS_Store", "train/cat/Thumbs.db", "__MACOSX/train/cat/._1.png")
    assert Files.read({"train": str(tmp_path)}).digest() == before
    filled(tmp_path, "train/cat/new.png")
    assert Files.read({"train": str(tmp_path)}).digest() != before


def test_a_folder_of_another_split_beside_that_of_train_is_used(tmp_path: Path) -> None:
    filled(tmp_path, *classes("Training", "Testing"), "valid/*3")
    splits = load(tmp_path / "Training")
    assert len(splits.test) == 16 and {"Testing"} == {
        Path(c["path"]).parts[-3] for c in splits.test["image"][:]
    }
    assert "test: Testing, beside train" in splits.notes
    assert len(load(tmp_path / "Training", siblings=False).test) < 16
