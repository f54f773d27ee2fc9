"""The kinds of arm: the one declared difference between the runs of a pair; a user may add their own."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headstart.arms.arm import BaseArm
from headstart.arms.derive import Derivation
from headstart.arms.layers import Layout
from headstart.arms.transfer import Transfer
from headstart.config import NAME
from headstart.plugins import Kinds

Arm = Annotated[BaseArm, Kinds(BaseArm)]  # every class with a kind in this folder or in own/arms


class Scratch(BaseArm):
    """Random weights: the seeded model, unchanged."""

    kind: Literal["scratch"]
    name: str = Field(default="scratch", pattern=NAME)


class Pretrained(Transfer):
    """The whole checkpoint, loaded into the seeded model."""

    kind: Literal["pretrained"]
    name: str = Field(default="pretrained", pattern=NAME)


class FromRun(Transfer):
    """The weights that another run saved (`keep_weights=true`), loaded into the seeded model."""

    kind: Literal["from_run"]
    name: str = Field(default="from_run", pattern=NAME)

    @model_validator(mode="after")
    def _needs_a_run(self) -> Self:
        if self.run is None and not self.pretraining:
            raise ValueError(
                "run is missing: give the folder of a run that kept its weights, or a pretraining"
            )
        return self


class Partial(Transfer):
    """A part of the checkpoint is loaded; the other tensors stay random.

    `part` is the embeddings, the norms, the first `layers` layers with the embeddings below them, or all
    but the top `layers` layers. Encoder and decoder are treated the same.
    """

    kind: Literal["partial"]
    name: str = Field(default="partial", pattern=NAME)
    part: Literal["embeddings", "norms", "first_layers", "all_but_top_layers"]
    layers: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _number_of_layers(self) -> Self:
        if (self.layers is not None) != self.part.endswith("_layers"):
            raise ValueError("layers is a number for first_layers and all_but_top_layers, and null otherwise")
        return self

    def wanted(self, parts: Layout) -> frozenset[str]:
        if self.part == "embeddings":
            return parts.embeddings
        if self.part == "norms":
            return parts.norms
        number = self.layers or 0
        parts.need_layers(number)
        if self.part == "first_layers":
            return parts.embeddings | {name for name, index in parts.from_bottom.items() if index < number}
        top = {name for name, index in parts.from_top.items() if index < number}
        return (parts.backbone | parts.head) - top


class Derived(Transfer):
    """The checkpoint without its features: each tensor is permuted, or only keeps mean and variance."""

    kind: Literal["derived"]
    name: str = Field(default="derived", pattern=NAME)
    numbers: Derivation

    def derivation(self) -> Derivation:
        return self.numbers
