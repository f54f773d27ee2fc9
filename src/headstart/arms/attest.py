"""Attestation: what a model holds before its first step, tensor by tensor, so that a pair can be checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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
    """The `init` section of the record, for a model at step 0 (parameters and persistent buffers)."""
    tensors = dict(model.state_dict())
    named = digests(tensors)
    taken = set(poured)
    fresh = [name for name in named if name not in taken]
    return {
        "tensors": named,
        "constant": constants(tensors),
        "checkpoint": checkpoint,
        "poured": {"tensors": len(taken), "parameters": _numbers(tensors, taken)},
        "fresh": {"tensors": len(fresh), "parameters": _numbers(tensors, fresh), "names": fresh},
        "head": joint(named, head),
    }


def _numbers(tensors: Mapping[str, torch.Tensor], names: Iterable[str]) -> int:
    return sum(tensors[name].numel() for name in names)


def _bytes() -> torch.dtype:
    import torch

    return torch.uint8
