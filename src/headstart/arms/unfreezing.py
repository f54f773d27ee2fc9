"""Schedules: arms that pour everything and differ in when, or how fast, each layer trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from headstart.arms.arm import Stage, learnt
from headstart.arms.layers import layout
from headstart.arms.transfer import Transfer
from headstart.config import NAME

if TYPE_CHECKING:
    from torch import nn


class GradualUnfreezing(Transfer):
    """The head first, then one more layer from the top at a time, the embeddings last.

    The stages begin at equal distances within the first `until` share of all steps. Howard & Ruder 2018,
    "Universal language model fine-tuning for text classification" (arXiv:1801.06146).
    """

    kind: Literal["gradual_unfreezing"]
    name: str = Field(default="gradual_unfreezing", pattern=NAME)
    until: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _own_schedule(self) -> Self:
        if self.trainable != "all":
            raise ValueError("trainable cannot be chosen here: this arm ends with everything in training")
        return self

    def stages(self, model: nn.Module) -> tuple[Stage, ...]:
        """Head, head and top layer, ..., everything; encoder and decoder thaw together."""
        places = layout(model)
        depth = places.need_layers()
        head = self._with_head(places)
        thawed = [head] if learnt(model, head) else []
        for layer in range(depth):
            lowest = {name for name, index in places.from_top.items() if index <= layer}
            thawed.append(head | places.above | lowest)
        thawed.append(places.head | places.backbone)
        distance = self.until / (len(thawed) - 1)
        return tuple(Stage(i * distance, learnt(model, names)) for i, names in enumerate(thawed))


class LayerwiseDecay(Transfer):
    """Everything trains, the slower the deeper: a factor of `decay` per layer, counted from the top.

    The head and what stands above the layers have factor 1, the top layer has `decay`, the embeddings the
    least. Clark et al. 2020, "ELECTRA" (arXiv:2003.10555), whose values are 0.8 to 0.9.
    """

    kind: Literal["layerwise_decay"]
    name: str = Field(default="layerwise_decay", pattern=NAME)
    decay: float = Field(default=0.9, gt=0, le=1)

    def factors(self, model: nn.Module) -> dict[str, float]:
        """decay ** (layers from the top, the top one 1, the embeddings one more than the deepest)."""
        places = layout(model)
        steps = dict.fromkeys(places.head | places.above, 0)
        steps |= {name: index + 1 for name, index in places.from_top.items()}
        steps |= dict.fromkeys(places.embeddings, places.need_layers() + 1)
        return {name: self.decay ** steps[name] for name in sorted(learnt(model))}
