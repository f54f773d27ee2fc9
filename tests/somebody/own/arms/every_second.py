"""Every second layer: an arm of somebody's own that loads half of the layers."""

from typing import Literal

from pydantic import Field

from headstart.arms.layers import Layout
from headstart.arms.transfer import Transfer


class EverySecond(Transfer):
    """The embeddings and every second layer, counted from `first`, are loaded; the rest stays random."""

    kind: Literal["every_second"]
    first: int = Field(default=0, ge=0, le=1)

    def wanted(self, parts: Layout) -> frozenset[str]:
        layers = {name for name, layer in parts.from_bottom.items() if layer % 2 == self.first}
        return parts.embeddings | layers
