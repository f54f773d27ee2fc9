"""Image classification: one image to one of a few classes, by transformers or convolutional networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from headstart.data.digits import Digits
from headstart.data.size import Size
from headstart.models.model import Model
from headstart.tasks.family import Batch, Family, Judged, Observed, Prepared, Shape, in_row_order
from headstart.tasks.labels import OneClass, named
from headstart.tasks.pixels import PixelFormat, pixel_format, pixels_of

if TYPE_CHECKING:
    import torch
    from torch import nn


LOOKED_AT = 256  # images
NARROW = 32  # of 256 levels


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

    def take(self, rows: Sequence[int]) -> Self:
        """The same, for some rows in that order."""
        chosen = list(rows)
        return replace(
            self,
            ids=[self.ids[i] for i in chosen],
            texts=[self.texts[i] for i in chosen],
            places=self.places[chosen],
            labels=self.labels[chosen],
        )

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


class ImageClassification(Family):
    """Which columns are the image and its class. `image_size` is in pixels; null: as the model has it.

    A size that is given also goes into the model's configuration, for those that have a place for it.
    """

    metrics_here: ClassVar = OneClass.metrics
    sources: ClassVar = ("digits", "files", "hub")

    kind: Literal["image_classification"]
    digits: Digits | None = None
    image: str = "image"
    label: str = "label"
    names: tuple[str, ...] | None = Field(default=None, strict=False, min_length=2)  # of classes 0, 1, 2, ...
    image_size: int | None = Field(default=None, ge=1)
    metrics: tuple[str, ...] = Field(default=OneClass.metrics, strict=False, min_length=1)
    headline: str = "accuracy"

    @property
    def auto_class(self) -> str:
        """The transformers class that puts this family's head on a backbone."""
        return "AutoModelForImageClassification"

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and decoded; DataError when they cannot be used."""
        wanted = pixel_format(model, self.image_size)
        loaded = self.source.load({"image": self.image, "label": self.label}, stratify="label")
        splits = named(loaded, "label", self.names)
        chosen = size.choose(splits.train["label"][:], splits.train["id"][:])
        train = splits.train.select(chosen)
        answer = OneClass.learn(splits, train, self.label)
        whole = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        ready = {name: _labelled(rows, answer, wanted) for name, rows in whole.items()}
        ready["train"] = ready["train"].take(chosen)
        seen = [*_frames(whole), *_range(ready["train"].pixels)]
        notes = [*splits.notes, wanted.words(), *seen, *answer.notes(ready["train"].labels)]
        facts = self.facts(splits, train, ready, classes=list(answer.classes), notes=notes)
        sized = {} if self.image_size is None else {"image_size": self.image_size}
        return Prepared(**ready, classes=answer.classes, facts=facts, head=answer.head | sized)

    def processor(self, model: Model) -> Any:
        """How images become the model's inputs, kept beside trained weights."""
        return pixel_format(model, self.image_size)

    def inputs(self, *shape: int) -> Batch:
        """pixel_values: (1, channels, height, width) on the meta device."""
        import torch

        return {"pixel_values": torch.zeros(1, *shape, device="meta")}

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy in nats, ()."""
        return OneClass.loss(self.observe(model, batch)["logits"], batch["labels"])

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """logits: (batch, classes) fp32."""
        return {"logits": model(pixel_values=batch["pixel_values"]).logits.float()}

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Mean cross-entropy, the metrics, and the probability that each true class was given."""
        examples: Any = prepared.part(split)
        logits = in_row_order(observed, "logits").astype(np.float64)
        return examples.answer.judged(logits, examples.labels, examples.texts, self.metrics)


def _frames(whole: Mapping[str, Any]) -> list[str]:
    """How many images are more than one: moving ones, and documents of several pages."""
    cells = [cell for rows in whole.values() for cell in rows["image"][:] if cell["frames"] > 1]
    if not cells:
        return []
    named = ", ".join(cell["path"] or f"sha256 {cell['sha256'][:12]}…" for cell in cells[:3])
    return [f"{len(cells)} images have several frames or pages, of which the first is used: {named}"]


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


def _labelled(rows: Any, answer: OneClass, wanted: PixelFormat) -> LabelledImages:
    ids, cells = rows["id"][:], rows["image"][:]
    return LabelledImages(
        ids=ids,
        texts=[cell["path"] or name for name, cell in zip(ids, cells, strict=True)],
        pixels=pixels_of(cells, wanted),
        places=np.arange(len(ids)),
        labels=answer.targets(rows),
        answer=answer,
        format=wanted,
    )
