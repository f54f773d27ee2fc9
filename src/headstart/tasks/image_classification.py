"""Image classification: one image to one of a few classes, by transformers or convolutional networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from headstart.data.digits import Digits
from headstart.data.rows import SPLITS, Splits
from headstart.models.model import Model
from headstart.tasks.family import Batch, Encoded, Prepared, Shape
from headstart.tasks.labels import Classes, Labelled, Names, OneClass, named, only
from headstart.tasks.pixels import PixelFormat, pixel_format, pixels_of
from headstart.tasks.rules import labels as rules
from headstart.tasks.rules.rule import Rule, bound_of, thinned
from headstart.tasks.scores import Metrics

if TYPE_CHECKING:
    import torch
    from torch import nn


LOOKED_AT = 256  # images
NARROW = 32  # of 256 levels
NEIGHBOURS = 5000  # training images that are compared with


@dataclass(frozen=True)
class LabelledImages:
    """The images of one split, what they are called, and the number of their class."""

    ids: list[str]
    texts: list[str]  # the path of each image, or its id
    pixels: np.ndarray  # (images, channels, height, width) uint8, on disk
    places: np.ndarray  # (rows,) int64: where each row's image is
    labels: np.ndarray  # (rows,) int64
    answer: OneClass
    format: PixelFormat

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Pixels of each row's image, all the same: (rows,) int64."""
        return np.full(len(self), self.format.height * self.format.width, dtype=np.int64)

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """pixel_values: (batch, channels, height, width) fp32; labels: (batch,)."""
        import torch

        chosen = list(rows)
        images = torch.from_numpy(self.pixels[self.places[chosen]])
        return {
            "pixel_values": self.format.normalised(images),
            "labels": torch.from_numpy(self.labels[chosen]),
        }

    def shape(self, rows: Sequence[int]) -> Shape:
        """(channels, height, width)."""
        return self.format.shape

    def real(self, rows: Sequence[int]) -> int:
        """Pixels of these rows: what stands for tokens, since networks differ in their patches."""
        return len(rows) * self.format.height * self.format.width

    padded = real


class ImageClassification(Labelled):
    """Which columns are the image and its class. `image_size` is in pixels; null: as the model has it.

    A size that is given also goes into the model's configuration, for those that have a place for it.
    """

    auto_class: ClassVar = "AutoModelForImageClassification"
    roles: ClassVar = ("image", "label")
    statistics: ClassVar = OneClass.statistics
    sources: ClassVar = ("digits", "files", "hub")

    kind: Literal["image_classification"]
    digits: Digits | None = None
    image: str = "image"
    label: str = "label"
    names: Names = None
    classes: Classes = None
    image_size: int | None = Field(default=None, ge=1)
    metrics: Metrics = OneClass.metrics
    headline: str = "accuracy"

    @property
    def stratify(self) -> str | None:
        return "label"

    def cleaned(self, splits: Splits) -> Splits:
        return only(named(splits, "label", self.names), "label", self.classes)

    def encode(self, model: Model, encoder: None, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Images of the model's size with their classes; all training rows are decoded, for every size."""
        form = pixel_format(model, self.image_size)
        answer = OneClass.learn(splits, splits.train.select(chosen), self.label)
        examples: dict[str, LabelledImages] = {}
        for split in SPLITS:
            rows = getattr(splits, split)
            places = chosen if split == "train" else range(len(rows))
            examples[split] = _labelled(rows, np.array(places, dtype=np.int64), answer, form)
        train = examples["train"]
        notes = [form.words(), *_frames(splits), *_range(train.pixels), *answer.notes(train.labels)]
        sized = {} if self.image_size is None else {"image_size": self.image_size}
        return Encoded(examples, answer.classes, answer.head | sized, notes)

    def processor(self, model: Model) -> Any:
        """How images become the model's inputs, kept beside trained weights."""
        return pixel_format(model, self.image_size)

    def inputs(self, *shape: int) -> Batch:
        import torch

        return {"pixel_values": torch.zeros(1, *shape, device="meta")}

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy in nats, ()."""
        return OneClass.loss(self.observe(model, batch)["logits"], batch["labels"])

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """logits: (batch, classes) fp32."""
        return {"logits": model(pixel_values=batch["pixel_values"]).logits.float()}

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The most frequent class, and that of the nearest training image."""
        train: Any = prepared.train
        test: Any = prepared.test
        classes, rows = len(train.answer.classes), len(train)

        how = "the most frequent class of the training rows"
        yield self.rule(prepared, "majority", how, rules.majority(train.labels, classes, len(test)))
        used = thinned(rows, NEIGHBOURS)
        logits = rules.nearest(
            rules.small(train.pixels[train.places[used]]),
            train.labels[used],
            lambda some: rules.small(test.pixels[test.places[some]]),
            len(test),
            classes,
        )
        how = "the class of the nearest training image"
        yield self.rule(prepared, "nearest", how, logits, bound_of(len(used), rows))


def _frames(splits: Splits) -> list[str]:
    """How many images are more than one: moving ones, and documents of several pages."""
    cells = [cell for split in SPLITS for cell in getattr(splits, split)["image"][:] if cell["frames"] > 1]
    if not cells:
        return []
    first = ", ".join(cell["path"] or f"sha256 {cell['sha256'][:12]}…" for cell in cells[:3])
    return [f"{len(cells)} images have several frames or pages, of which the first is used: {first}"]


def _range(pixels: np.ndarray) -> list[str]:
    """A note where images of (images, channels, height, width) uint8 are of one colour all over."""
    first = pixels[:LOOKED_AT]
    darkest, brightest = int(first.min()), int(first.max())
    if brightest - darkest >= NARROW:
        return []
    return [
        f"the pixels of the first {len(first)} images lie between {darkest} and {brightest} of 0 to 255, "
        "which a viewer shows as one colour: stretch grey levels of 12 bits that lie in files of 16"
    ]


def _labelled(rows: Any, places: np.ndarray, answer: OneClass, wanted: PixelFormat) -> LabelledImages:
    ids, cells = rows["id"][:], rows["image"][:]
    return LabelledImages(
        ids=[ids[place] for place in places],
        texts=[cells[place]["path"] or ids[place] for place in places],
        pixels=pixels_of(cells, wanted),
        places=places,
        labels=answer.targets(rows)[places],
        answer=answer,
        format=wanted,
    )
