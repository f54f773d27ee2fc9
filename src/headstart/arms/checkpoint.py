"""Checkpoint: the tensors in a folder of weights, whatever wrapped the model that was saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from headstart.arms.attest import some
from headstart.errors import WeightsError
from headstart.models.weights import Found

if TYPE_CHECKING:
    import torch
    from torch import nn

_COMPILED = "_orig_mod."  # torch.compile puts it before the names of what it wraps
_WRAPPERS = ("module.", "model.")  # DistributedDataParallel, and a model inside another module


def read_tensors(model: nn.Module, found: Found) -> dict[str, torch.Tensor]:
    """Every stored tensor by its name without wrappers; WeightsError for numbers that cannot be trained."""
    import torch
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in found.weights:
        stored |= load_file(path)
    if packed := [name for name, t in stored.items() if t.element_size() == 1 and t.dtype != torch.bool]:
        raise WeightsError(
            f"{found.origin} holds quantised weights ({some(packed)}); "
            f"choose the checkpoint that they were made from"
        )
    names = _unwrapped(model, stored)
    return {new: stored[old] for old, new in names.items()}


def refuse_not_finite(tensors: Mapping[str, torch.Tensor], found: Found) -> None:
    """WeightsError when a tensor holds NaN or infinity: nothing would train from there."""
    bad = [name for name, t in tensors.items() if t.is_floating_point() and not _finite(t)]
    if bad:
        raise WeightsError(
            f"{found.origin} has NaN or infinite numbers in {len(bad)} tensors ({some(bad)}); "
            f"choose another checkpoint, or fetch it again"
        )


def _finite(tensor: torch.Tensor) -> bool:
    """Adding up is quick, and ends well unless a number is bad or all are huge."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def _unwrapped(model: nn.Module, stored: Iterable[str]) -> dict[str, str]:
    """Stored names, each with the name that the model has for it as far as wrappers go."""
    names = {name: name.replace(_COMPILED, "") for name in stored}
    own, prefix = set(model.state_dict()), f"{getattr(model, 'base_model_prefix', '')}."
    known = own | {name.removeprefix(prefix) for name in own}
    while known.isdisjoint(names.values()):
        wrapper = next((w for w in _WRAPPERS if all(new.startswith(w) for new in names.values())), None)
        if wrapper is None:
            break
        names = {old: new.removeprefix(wrapper) for old, new in names.items()}
    return names
