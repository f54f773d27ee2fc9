"""Unfreezing: arms that load all weights; layers train later, or more slowly, than the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from headstart.arms.arm import Stage, trainable_names
from headstart.arms.layers import layout
from headstart.arms.transfer import Transfer
from headstart.config import NAME

if TYPE_CHECKING:
    from torch import nn


class GradualUnfreezing(Transfer):
    """The head trains first, then one more layer from the top per stage, the embeddings last.

    The stages begin at equal distances within the first `until` share of all steps. Howard & Ruder 2018,
    "Universal language model fine-tuning for text classification" (arXiv:1801.06146).
    """

    kind: Literal["gradual_unfreezing"]
    name: str = Field(default="gradual_unfreezing", pattern=NAME)
    until: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _own_schedule(self) -> Self:
        if self.trainable != "all":
            raise ValueError("trainable cannot be chosen here: this arm trains everything in the end")
        return self

    def stages(self, model: nn.Module) -> tuple[Stage, ...]:
        """Head, head and top layer, ..., everything; encoder and decoder layers together."""
        parts = layout(model)
        depth = parts.need_layers()
        head = self._with_head(parts)
        unfrozen = [head] if trainable_names(model, head) else []
        for layer in range(depth):
            top_layers = {name for name, index in parts.from_top.items() if index <= layer}
            unfrozen.append(head | parts.above | top_layers)
        unfrozen.append(parts.head | parts.backbone)
        distance = self.until / (len(unfrozen) - 1)
        return tuple(Stage(i * distance, trainable_names(model, names)) for i, names in enumerate(unfrozen))


class LayerwiseDecay(Transfer):
    """Everything trains, lower layers more slowly: a factor of `decay` per layer, counted from the top.

    The head and the tensors above the layers have factor 1, the top layer `decay`, the embeddings the
    smallest. Clark et al. 2020, "ELECTRA" (arXiv:2003.10555), whose values are 0.8 to 0.9.
    """

    kind: Literal["layerwise_decay"]
    name: str = Field(default="layerwise_decay", pattern=NAME)
    decay: float = Field(default=0.9, gt=0, le=1)

    def lr_factors(self, model: nn.Module) -> dict[str, float]:
        """decay ** number of the layer, counted from the top; the embeddings come after the lowest layer."""
        parts = layout(model)
        steps = dict.fromkeys(parts.head | parts.above, 0)
        steps |= {name: index + 1 for name, index in parts.from_top.items()}
        steps |= dict.fromkeys(parts.embeddings, parts.need_layers() + 1)
        return {name: self.decay ** steps[name] for name in sorted(trainable_names(model))}
