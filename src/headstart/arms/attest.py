"""Attestation: what a model holds before its first step, tensor by tensor, so that a pair can be checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headstart.arms.layers import fixed

if TYPE_CHECKING:
    import torch
    from torch import nn


def digest(tensor: torch.Tensor) -> str:
    """sha256 (16 hex) of a tensor's dtype, shape and bytes."""
    plain = tensor.detach().cpu().contiguous()
    head = f"{plain.dtype}{tuple(plain.shape)}".encode()
    return hashlib.sha256(head + plain.view(-1).view(_bytes()).numpy().tobytes()).hexdigest()[:16]


def digests(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Digest per tensor name, in name order."""
    return {name: digest(tensors[name]) for name in sorted(tensors)}


def constants(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of tensors with one value throughout (zero biases, unit norms): equal ones prove nothing."""
    return [name for name in sorted(tensors) if bool((tensors[name] == tensors[name].reshape(-1)[:1]).all())]


def joint(parts: Mapping[str, str], names: Iterable[str]) -> str:
    """One digest (16 hex) for several named tensors."""
    lines = "".join(f"{name}={parts[name]}\n" for name in sorted(names))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def attest(
    model: nn.Module, head: Iterable[str], poured: Iterable[str], checkpoint: dict[str, Any] | None
) -> dict[str, Any]:
    """The `init` section of the record, for a model at step 0 (parameters and persistent buffers).

    `constant` lists what proves nothing: tensors of one value, and positions that the architecture fixes.
    """
    tensors = dict(model.state_dict(keep_vars=True))
    named = digests(tensors)
    taken = set(poured)
    fresh = [name for name in named if name not in taken]
    return {
        "tensors": named,
        "constant": sorted({*constants(tensors), *fixed(model)}),
        "checkpoint": checkpoint,
        "poured": {"tensors": len(taken), "parameters": _numbers(tensors, taken)},
        "fresh": {"tensors": len(fresh), "parameters": _numbers(tensors, fresh), "names": fresh},
        "head": joint(named, head),
    }


def added(model: nn.Module, names: Iterable[str]) -> dict[str, int]:
    """The `added` part of `init`, for a model after `adapt`: what the arm put beside the architecture."""
    tensors, new = dict(model.state_dict(keep_vars=True)), list(names)
    return {"tensors": len(new), "parameters": _numbers(tensors, new)}


def dtypes(model: nn.Module) -> dict[str, Any]:
    """The `dtypes` and `not_float32` parts of `init`: parameters of each dtype, and those that stand out."""
    kinds = {name: str(p.dtype).removeprefix("torch.") for name, p in model.named_parameters()}
    found = Counter[str]()
    for name, parameter in model.named_parameters():
        found[kinds[name]] += parameter.numel()
    strange = {name: kind for name, kind in kinds.items() if kind != "float32"}
    return {"dtypes": dict(found), "not_float32": strange}


def _numbers(tensors: Mapping[str, torch.Tensor], names: Iterable[str]) -> int:
    """Elements of the named tensors, each tied one once."""
    return sum(tensor.numel() for tensor in {id(tensors[n]): tensors[n] for n in names}.values())


def _bytes() -> torch.dtype:
    import torch

    return torch.uint8
