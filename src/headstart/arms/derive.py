"""Derived weights: values with the scale of a checkpoint but without its features.

Mean and variance per tensor: Raghu et al. 2019, "Transfusion" (arXiv:1902.07208); Wu et al. 2022, "Insights
into pre-training via simpler synthetic tasks" (arXiv:2206.10139).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Derivation = Literal["shuffled", "mean_var"]


def derive(
    tensors: Mapping[str, torch.Tensor], owner: Mapping[str, str], how: Derivation, seed: int
) -> dict[str, torch.Tensor]:
    """New values per tensor: its values permuted, or normal ones of equal mean and variance.

    `owner` maps each name to the first name of its tensor: tied tensors get the same values. They depend
    only on `seed` and that name, not on other tensors.
    """
    import torch

    derived = {}
    for name, tensor in tensors.items():
        digest = hashlib.sha256(f"{seed}:{owner[name]}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        if how == "shuffled":
            order = torch.randperm(tensor.numel(), generator=generator)
            derived[name] = tensor.reshape(-1)[order].reshape(tensor.shape)
        else:
            exact = tensor.double()
            normal = torch.empty_like(exact).normal_(generator=generator)
            derived[name] = (exact.mean() + normal * exact.std(correction=0)).to(tensor.dtype)
    return derived
