"""History: loss, gradient norm and learning rate of some training steps, on the device until read."""

from __future__ import annotations

import math
from typing import Any

import torch

from headstart.optim import Optim
from headstart.training.rank import Rank

KEPT = 25  # steps between two evaluations at most


class History:
    """Of every few steps since the last evaluation; nothing waits for the GPU before `take`."""

    def __init__(self, optim: Optim, steps: int, every: int, rank: Rank | None = None) -> None:
        self._optim, self._steps, self._rank = optim, steps, rank or Rank()
        self._stride = -(-every // KEPT)
        self._kept: list[tuple[int, torch.Tensor]] = []  # step, (2,) loss and norm

    def add(self, step: int, loss: torch.Tensor, norm: torch.Tensor | None) -> None:
        """Keep the values of `step`, counted from 1, if it is its turn; `norm` None: not computed."""
        if step % self._stride == 0:
            values = [loss, torch.full_like(loss, torch.nan) if norm is None else norm]
            self._kept.append((step, torch.stack([value.detach().float() for value in values])))

    def take(self) -> list[dict[str, Any]]:
        """A mapping per kept step since the last call. `gradient_norm`: before clipping, None without it.

        All ranks call it together.
        """
        pairs = [pair for _, pair in self._kept]
        values = self._rank.mean(torch.stack(pairs)).tolist() if pairs else []
        rows = [
            {
                "step": step,
                "loss": loss,
                "gradient_norm": None if math.isnan(norm) else norm,
                "learning_rate": self._optim.lr * self._optim.factor(step - 1, self._steps),
            }
            for (step, _), (loss, norm) in zip(self._kept, values, strict=True)
        ]
        self._kept.clear()
        return rows
