"""The kinds of arm: the one declared difference between the runs of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from headstart.arms.from_run import FromRun
from headstart.arms.pour import Poured, pour
from headstart.models.model import Model
from headstart.node import NAME, Node

if TYPE_CHECKING:
    from torch import nn


class Scratch(Node):
    """Random weights: the seeded model as it is."""

    kind: Literal["scratch"]
    name: str = Field(default="scratch", pattern=NAME)

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """No weights, so no digest."""
        return None

    def pour(self, seeded: nn.Module, model: Model) -> Poured:
        """Nothing is poured."""
        return Poured()


class Pretrained(Node):
    """Published weights, poured over the seeded model; `fresh` names tensors that may stay random."""

    kind: Literal["pretrained"]
    name: str = Field(default="pretrained", pattern=NAME)
    fresh: tuple[str, ...] = Field(default=(), strict=False)

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the checkpoint, verified against the promised one."""
        return model.weights_digest(fetch)

    def pour(self, seeded: nn.Module, model: Model) -> Poured:
        """The checkpoint's backbone over `seeded`; WeightsError when any of it does not arrive."""
        return pour(seeded, model.find(), model.weights_digest(), self.fresh)


Arm = Annotated[Scratch | Pretrained | FromRun, Field(discriminator="kind")]
