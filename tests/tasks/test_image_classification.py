"""Image classification: pixels as a model wants them, convolutions counted exactly, both arms trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.training.runs import curve, trained

from headstart.data.images import encoded, image_cell
from headstart.data.size import All, PerClass
from headstart.errors import ConfigError, DataError
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model
from headstart.records.predictions import read_predictions
from headstart.tasks.image_classification import ImageClassification, LabelledImages
from headstart.tasks.pixels import PixelFormat, pixel_format, pixels_of

H, INNER, PATCH, SIDE, CLASSES = 32, 64, 2, 8, 10
VIT = {
    "model_type": "vit",
    "hidden_size": H,
    "intermediate_size": INNER,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
    "num_channels": 1,
}
RESNET = {
    "model_type": "resnet",
    "layer_type": "basic",
    "embedding_size": 8,
    "hidden_sizes": [8, 16],
    "depths": [1, 1],
    "num_channels": 3,
    "image_size": 16,
}


def digits(**settings: Any) -> ImageClassification:
    return ImageClassification.read(
        {"kind": "image_classification", "name": "digits", "digits": {}, **settings}
    )


def own(architecture: dict[str, Any]) -> Model:
    return Model(name="mine", architecture=architecture)


# What a model wants.


@pytest.fixture
def published(tmp_path: Path) -> Callable[..., Model]:
    """A vision checkpoint with a preprocessor_config.json of these settings, or without one."""

    def make(architecture: dict[str, Any] = VIT, **settings: Any) -> Model:
        folder = tmp_path / "published"
        torch.manual_seed(5)
        config = own(architecture).transformers_config()
        tf.AutoModel.from_config(config).save_pretrained(folder)
        if settings:
            (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf8")
        return Model(name=str(folder))

    return make


IMAGENET = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}


@pytest.mark.parametrize(
    ("settings", "size", "mean"),
    [
        ({}, (SIDE, SIDE), (0.5,)),
        ({"image_mean": [0.3], "image_std": [0.2], "size": 99}, (SIDE, SIDE), (0.3,)),
        ({"image_mean": 0.3, "image_std": 0.2, "rescale_factor": 1 / 255}, (SIDE, SIDE), (0.3,)),
        ({"image_mean": [0.3], "image_std": [0.2], "do_normalize": False}, (SIDE, SIDE), (0.0,)),
    ],
)
def test_a_checkpoint_says_how_its_images_are_scaled(
    published: Callable[..., Model], settings: dict[str, Any], size: tuple[int, int], mean: tuple[float, ...]
) -> None:
    found = pixel_format(published(**settings), None)
    assert (found.channels, found.height, found.width, found.mean) == (1, *size, mean)


@pytest.mark.parametrize(
    ("published_size", "shape"),
    [
        ({"size": 24}, (3, 24, 24)),
        ({"size": {"height": 20, "width": 30}}, (3, 20, 30)),
        ({"size": {"shortest_edge": 28}, "crop_size": {"height": 24, "width": 24}}, (3, 24, 24)),
        ({"size": {"shortest_edge": 28}}, (3, 28, 28)),
    ],
)
def test_a_network_without_a_size_takes_that_of_its_checkpoint(
    published: Callable[..., Model], published_size: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    architecture = {name: value for name, value in RESNET.items() if name != "image_size"}
    model = published(architecture, **IMAGENET, **published_size)
    assert pixel_format(model, None) == PixelFormat(*shape, mean=(0.4, 0.5, 0.6), deviation=(0.2, 0.25, 0.3))
    assert pixel_format(model, 12).shape == (3, 12, 12)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (IMAGENET, "3 numbers in image_mean for 1 channels"),
        ({"rescale_factor": 0.5}, "only 1/255 is supported"),
    ],
)
def test_a_checkpoint_that_wants_something_else(
    published: Callable[..., Model], settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        pixel_format(published(**settings), None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_size": None}, r"task\.image_size: mine takes images of any size"),
        ({"num_channels": 4}, "4 channels"),
    ],
)
def test_an_architecture_without_an_answer(change: dict[str, Any], said: str) -> None:
    architecture = {name: value for name, value in {**RESNET, **change}.items() if value is not None}
    with pytest.raises(ConfigError, match=said):
        pixel_format(own(architecture), None)


def test_transformers_prepares_images_as_training_did(tmp_path: Path) -> None:
    wanted = PixelFormat(3, 24, 20, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    picture = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    wanted.save_pretrained(tmp_path)
    theirs = tf.AutoImageProcessor.from_pretrained(tmp_path, use_fast=False)
    expected = theirs(Image.fromarray(picture), return_tensors="np")["pixel_values"]
    ours = wanted.normalised(torch.from_numpy(pixels_of([image_cell(encoded(picture))], wanted).copy()))
    assert ours.shape == (1, 3, 24, 20)
    assert np.abs(ours.numpy() - expected).max() < 0.02  # a rounded grey level is 1 / 255 / 0.2


# Images as numbers.


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_small_images_are_kept_as_they_are(height: int, width: int, channels: int, seed: int) -> None:
    shape = (height, width) if channels == 1 else (height, width, 3)
    picture = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    kept = pixels_of([image_cell(encoded(picture))], PixelFormat(channels, 9, 9, (0.5,), (0.5,)))
    assert kept.dtype == np.uint8 and kept.shape == (1, channels, height, width)
    assert np.array_equal(kept[0], picture[None] if channels == 1 else picture.transpose(2, 0, 1))


def test_images_are_as_large_as_the_model_wants_where_they_differ_or_are_larger() -> None:
    flat = [np.full(shape, 200, dtype=np.uint8) for shape in ((4, 4), (4, 6), (30, 30))]
    wanted = PixelFormat(3, 8, 8, (0.5,) * 3, (0.5,) * 3)
    for cells in ([flat[0], flat[1]], [flat[2]]):
        found = pixels_of([image_cell(encoded(table)) for table in cells], wanted)
        assert found.shape == (len(cells), 3, 8, 8) and (found == 200).all()  # grey in all three channels
    small = pixels_of([image_cell(encoded(flat[0]))], wanted)
    assert small.shape == (1, 3, 4, 4)
    assert torch.allclose(wanted.normalised(torch.from_numpy(small.copy())), torch.tensor(2 * 200 / 255 - 1))


def test_decoded_images_come_from_the_cache_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = PixelFormat(1, 8, 8, (0.5,), (0.5,))
    picture = np.random.default_rng(3).integers(0, 256, (5, 5), dtype=np.uint8)
    cells = []
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encoded(picture))
        cells.append(image_cell(str(tmp_path / name)))
    first = pixels_of(cells[:1], wanted)
    monkeypatch.setattr("headstart.tasks.pixels._write", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(pixels_of(cells[1:], wanted), first)  # another path, the same content


# The family.


def test_a_digit_is_what_its_label_says() -> None:
    prepared = digits().prepare(own(VIT), PerClass(per_class=3))
    assert isinstance(prepared.train, LabelledImages)
    assert prepared.classes == tuple("0123456789") and prepared.head["id2label"][7] == "7"
    batch = prepared.train.batch([4, 0], None)
    assert batch["pixel_values"].shape == (2, 1, SIDE, SIDE) and batch["pixel_values"].dtype == torch.float32
    assert batch["pixel_values"].min() == -1 and batch["pixel_values"].max() == 1
    assert prepared.train.shape([4, 0]) == (1, SIDE, SIDE)
    assert prepared.train.real([4, 0]) == prepared.train.padded([4, 0]) == 2 * SIDE**2
    assert prepared.facts["tokenizer"] == "" and prepared.facts["counts"]["train"] == 30
    assert "images: 1 x 8 x 8, mean/deviation 0.5/0.5" in prepared.facts["notes"]


def test_only_some_classes() -> None:
    """Of all splits; written as numbers or as words, or by their names."""
    model, names = own(VIT), [f"digit {number}" for number in range(10)]
    whole = digits().prepare(model, All())
    for chosen, named in (([7, 5], None), (["5", "7"], None), (["digit 7", "digit 5"], names)):
        half = digits(classes=chosen, names=named).prepare(model, All())
        assert half.classes == (("5", "7") if named is None else ("digit 5", "digit 7"))
        for split in ("train", "validation", "test"):
            every: Any = whole.part(split)
            some: Any = half.part(split)
            kept = {
                name: int(label == 7)
                for name, label in zip(every.ids, every.labels, strict=True)
                if label in (5, 7)
            }
            assert len(some) == len(kept)
            if not named:  # an id goes by all of its row, the name of its class too
                assert dict(zip(some.ids, some.labels, strict=True)) == kept
    with pytest.raises(DataError, match=r"task.classes: no training row has the label 'x'; .*known"):
        digits(classes=["x", "5"]).prepare(model, All())
    with pytest.raises(ConfigError, match="classes"):
        digits(classes=["5"])


@pytest.mark.parametrize(
    ("levels", "suffix", "said"),
    [
        (
            np.arange(64, dtype=np.uint16) * 64,
            "png",
            "lie between 0 and 16 of 0 to 255, which a viewer shows as one",
        ),
        (
            np.arange(64, dtype=np.uint8) * 4,
            "gif",
            "12 images have several frames or pages, of which the first is",
        ),
        (np.arange(64, dtype=np.uint8) * 4, "png", None),
    ],
)
def test_what_a_person_should_know_of_the_images_is_noted(
    tmp_path: Path, levels: np.ndarray, suffix: str, said: str | None
) -> None:
    for number in range(12):
        file = tmp_path / "ab"[number % 2] / f"{number}.{suffix}"
        file.parent.mkdir(exist_ok=True)
        first, second = (
            Image.fromarray(np.roll(levels, turn).reshape(8, 8)) for turn in (number, -number - 9)
        )
        first.save(file, **({"save_all": True, "append_images": [second]} if suffix == "gif" else {}))
    task = ImageClassification.read(
        {"kind": "image_classification", "name": "mine", "files": {"train": str(tmp_path)}}
    )
    notes = task.prepare(own(VIT), All()).facts["notes"]
    assert any(said in note for note in notes) if said else not any("viewer" in note for note in notes)


def test_a_given_size_goes_into_the_architecture() -> None:
    asked = digits(image_size=16)
    prepared = asked.prepare(own(VIT), PerClass(per_class=1))
    assert prepared.train.batch([0], None)["pixel_values"].shape == (1, 1, 16, 16)
    model = own(VIT).seeded(asked.auto_class, own(VIT).transformers_config(**prepared.head), 0)
    assert asked.observe(model, prepared.train.batch([0, 1], None))["logits"].shape == (2, CLASSES)


def vit_forward(classes: int) -> int:
    """Patches as a convolution, then one layer over patches and [CLS], then the head."""
    patches = (SIDE // PATCH) ** 2
    s = patches + 1
    return 2 * PATCH**2 * H * patches + 8 * s * H**2 + 4 * s * H * INNER + 4 * s**2 * H + 2 * H * classes


def resnet_forward(classes: int) -> int:
    """Every convolution: 2 x inputs x kernel x outputs x positions. The stem halves 16 to 8, its pooling
    to 4; the second stage halves to 2 and needs a shortcut of 1 x 1, the first one needs none."""
    stem = 2 * 3 * 49 * 8 * 8**2
    first = 2 * (2 * 8 * 9 * 8 * 4**2)
    second = 2 * 8 * 9 * 16 * 2**2 + 2 * 16 * 9 * 16 * 2**2 + 2 * 8 * 1 * 16 * 2**2
    return stem + first + second + 2 * 16 * classes


@pytest.mark.parametrize(
    ("architecture", "shape", "forward", "first"),
    [
        (VIT, (1, 8, 8), vit_forward(CLASSES), 2 * PATCH**2 * H * 16),
        (RESNET, (3, 16, 16), resnet_forward(CLASSES), 2 * 3 * 49 * 8 * 8**2),
    ],
)
def test_flops_equal_the_closed_form(
    architecture: dict[str, Any], shape: tuple[int, ...], forward: int, first: int
) -> None:
    asked, model = digits(), own(architecture)
    prepared = asked.prepare(model, PerClass(per_class=1))
    skeleton = model.skeleton(asked.auto_class, model.transformers_config(**prepared.head))
    counter = FlopCounter(skeleton, {name for name, _ in skeleton.named_parameters()}, asked.inputs)
    assert prepared.train.shape([0]) == shape
    assert counter.forward(5, *shape) == 5 * forward
    assert counter.train(5, *shape) == 5 * (3 * forward - first)  # no gradient of the pixels themselves
    assert counter.without_formula == set()


# Whole runs.


def overrides(model: Path, *more: str) -> list[str]:
    return [
        "task=digits",
        "model=hub",
        f"model.name={model}",
        "size=k16",
        "budget.epochs=6",
        "budget.evaluations=2",
        "optim.lr=5e-3",
        "hardware=cpu",
        "tracker=none",
        "meter=none",
        "precision=fp32",
        *more,
    ]


def checkpoint(folder: Path, architecture: dict[str, Any]) -> Path:
    """A backbone as it is published: without a head, with what its images were like."""
    torch.manual_seed(7)
    config = own(architecture).transformers_config()
    tf.AutoModel.from_config(config).save_pretrained(folder)
    side, channels = architecture["image_size"], architecture["num_channels"]
    PixelFormat(channels, side, side, (0.5,) * channels, (0.5,) * channels).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("architecture", "least"), [(VIT, 0.18), (RESNET, 0.6)])
def test_a_run_learns_to_read_digits(tmp_path: Path, architecture: dict[str, Any], least: float) -> None:
    model = checkpoint(tmp_path / "model", architecture)
    record = trained(tmp_path / "run", overrides(model, "arm=scratch"))
    first, *_, last = (point["validation"]["loss"] for point in curve(tmp_path / "run"))
    assert last < 0.9 * first and record["scores"]["test"]["accuracy"] > least
    predictions = read_predictions(tmp_path / "run/predictions.parquet")
    assert predictions.texts[0] == predictions.ids[0] and set(predictions.statistics) == {"score"}
    right = np.mean(predictions.labels == predictions.predictions)
    assert right == pytest.approx(record["scores"]["test"]["accuracy"])


def test_files_of_images_and_weights_that_transformers_can_use(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["path,kind"]
    for number in range(60):
        kind = ("dark", "light")[number % 2]
        grey = rng.integers(0, 100, (12, 10), dtype=np.uint8) + np.uint8(120 * (kind == "light"))
        (tmp_path / f"{number}.png").write_bytes(encoded(grey))
        lines.append(f"{number}.png,{kind}")
    (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n", "utf8")
    asked = overrides(
        checkpoint(tmp_path / "model", RESNET), "size=all", "keep_weights=true", "budget.epochs=3"
    )
    asked[0] = "task=files_images"
    asked += [f"task.files.train={tmp_path / 'mine.csv'}", "task.image=path", "task.label=kind"]
    record = trained(tmp_path / "run", asked)
    assert record["scores"]["test"]["accuracy"] > 0.9
    told = read_predictions(tmp_path / "run/predictions.parquet")
    assert all(Path(text).is_file() for text in told.texts)

    kept = tf.AutoModelForImageClassification.from_pretrained(tmp_path / "run/model")
    processor = tf.AutoImageProcessor.from_pretrained(tmp_path / "run/model", use_fast=False)
    images = [Image.open(text).convert("RGB") for text in told.texts]
    with torch.no_grad():
        chosen = kept(**processor(images, return_tensors="pt")).logits.argmax(1)
    assert np.mean([("dark", "light")[i] for i in chosen] == told.predictions) > 0.9


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not pixels", "utf8")
    (tmp_path / "mine.csv").write_text("image,label\na.png,x\na.png,y\n", "utf8")
    asked = digits(digits=None, files={"train": str(tmp_path / "mine.csv")})
    with pytest.raises(DataError, match=r"a\.png"):
        asked.prepare(own(VIT), All())
