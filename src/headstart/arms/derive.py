"""Derived weights: a checkpoint's numbers without its features, to tell their scale from what they know.

Mean and variance per tensor: Raghu et al. 2019, "Transfusion" (arXiv:1902.07208); Wu et al. 2022, "Insights
into pre-training via simpler synthetic tasks" (arXiv:2206.10139).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Derivation = Literal["shuffled", "mean_var"]


def derive(
    tensors: Mapping[str, torch.Tensor], owner: Mapping[str, str], how: Derivation, seed: int
) -> dict[str, torch.Tensor]:
    """The learnt tensors anew: their own numbers permuted, or normal ones of equal mean and variance.

    `owner` maps each name to the first name of its tensor: tied tensors get the same numbers. A tensor's
    numbers depend on `seed` and its own name alone, not on what else is derived.
    """
    return {name: _WAYS[how](tensor, _generator(seed, owner[name])) for name, tensor in tensors.items()}


def _shuffled(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    import torch

    order = torch.randperm(tensor.numel(), generator=generator)
    return tensor.reshape(-1)[order].reshape(tensor.shape)


def _mean_var(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    import torch

    exact = tensor.double()
    drawn = torch.empty_like(exact).normal_(generator=generator)
    return (exact.mean() + drawn * exact.std(correction=0)).to(tensor.dtype)


_WAYS: Mapping[Derivation, Callable[[torch.Tensor, torch.Generator], torch.Tensor]]
_WAYS = {"shuffled": _shuffled, "mean_var": _mean_var}


def _generator(seed: int, name: str) -> torch.Generator:
    import torch

    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
