"""Noise: the random numbers of dropout, a layer at once, from a counter-based generator.

On a processor torch draws them one by one, by one thread: up to a sixth of a training step. Philox (Salmon et
al. 2011, "Parallel random numbers: as easy as 1, 2, 3") gives those of a layer at once, from the seed of the
step and the number of the layer alone. torch's generator on CUDA is a Philox already, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from headstart.run import Run

LEVELS = 2**16  # of a random number: a rate of dropout is rounded to a multiple of 1 / LEVELS


def prepare_attention(run: Run, model: nn.Module) -> None:
    """Let attention call dropout itself: the fused function draws its own numbers, and is slower here."""
    if _draws(run) and callable(choose := getattr(model, "set_attn_implementation", None)):
        choose("eager")


def dropout_noise(run: Run, seed: int) -> AbstractContextManager[Any]:
    """The context of one forward pass in training; `seed` is that of the step and the rank."""
    return Noise(seed) if _draws(run) else nullcontext()


class Noise(TorchFunctionMode):
    """Every call of dropout takes its numbers from here, whatever the architecture."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed, self._layer = seed, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Our dropout for torch's; every other function as it is."""
        return (self._dropout if func is functional.dropout else func)(*args, **(kwargs or {}))

    def _dropout(
        self, input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        dropped = round(p * LEVELS)
        if not training or dropped == 0:
            return input
        layer = np.random.Philox(key=self._seed, counter=[0, 0, 0, self._layer])
        self._layer += 1
        if dropped == LEVELS:
            return input * 0
        numbers = layer.random_raw(-(-input.numel() // 4)).view(np.int16)  # 4 of 64 bits
        kept = torch.from_numpy(numbers)[: input.numel()].view(input.shape) >= dropped - LEVELS // 2
        return input * kept.to(input.dtype).mul_(LEVELS / (LEVELS - dropped))


def _draws(run: Run) -> bool:
    return run.optim.noise == "philox" and run.hardware.device() == "cpu"
