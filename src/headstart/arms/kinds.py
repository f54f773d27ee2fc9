"""The kinds of arm: the one declared difference between the runs of a pair; a user may add their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from headstart.arms.arm import BaseArm
from headstart.arms.attest import digests
from headstart.arms.derive import Derivation
from headstart.arms.layers import Layout
from headstart.arms.load import Loaded, head_names
from headstart.arms.transfer import Transfer
from headstart.config import NAME
from headstart.models.model import Model
from headstart.plugins import Kinds

if TYPE_CHECKING:
    from torch import nn

Arm = Annotated[BaseArm, Kinds(BaseArm)]  # every class with a kind in this folder or in own/arms


class Scratch(BaseArm):
    """Random weights: the seeded model, unchanged."""

    kind: Literal["scratch"]
    name: str = Field(default="scratch", pattern=NAME)


class ScratchAgain(BaseArm):
    """Other random weights of the same distribution, from the arm's own stream, under the seeded head."""

    kind: Literal["scratch_again"]
    name: str = Field(default="scratch_again", pattern=NAME)

    def load_weights(self, seeded: nn.Module, model: Model, seed: int = 0) -> Loaded:
        target = seeded.state_dict()  # the model's own memory
        if any(tensor.is_meta for tensor in target.values()):
            return Loaded()
        head = set(head_names(seeded))
        again = model.drawn_again(seeded, seed).state_dict()
        drawn = {name: tensor for name, tensor in again.items() if name not in head}
        for name, tensor in drawn.items():
            target[name].copy_(tensor)
        return Loaded(drawn_again=digests(drawn))


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
