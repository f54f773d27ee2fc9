"""Attestation: what a model holds before its first step, tensor by tensor, so that a pair can be checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headstart.arms.layers import fixed
from headstart.errors import WeightsError

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


class Attestation:
    """The tensors of one model, parameters and persistent buffers: as seeded, and again at step 0.

    Made of the seeded model, before anything is loaded into it. `constant` lists what proves nothing:
    tensors of one value, and positions that the architecture fixes.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model, self.seeded = model, digests(model.state_dict())
        self._tensors = dict(model.state_dict(keep_vars=True))
        self._fixed = fixed(model)
        self._names = {name: name for name in self._tensors}  # of the architecture: as they are called now

    def follow(self) -> None:
        """Find the tensors again once the arm has adapted the model; WeightsError when one is gone."""
        known: dict[int, list[str]] = {}
        for name, tensor in self._tensors.items():
            known.setdefault(id(tensor), []).append(name)  # tied tensors are one with several names
        now = self.model.state_dict(keep_vars=True)
        self._names = {known[id(t)].pop(0): name for name, t in now.items() if known.get(id(t))}
        if gone := sorted(self._tensors.keys() - self._names.keys()):
            raise WeightsError(
                f"arm: {len(gone)} tensors were taken out of the model or replaced ({some(gone)}); "
                f"adapt() may only add parameters, and leaves those that are there as they are"
            )

    def at_step_zero(
        self, head: Iterable[str], poured: Iterable[str], checkpoint: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The `init` section of the record; `changed` holds what is not as it was seeded, or was added."""
        state = dict(self.model.state_dict(keep_vars=True))
        extra = {name: state[name] for name in state.keys() - set(self._names.values())}
        tensors = {name: state[now] for name, now in self._names.items()}
        named, taken = digests(tensors), set(poured)
        fresh = [name for name in named if name not in taken]
        return {
            "seeded": self.seeded,
            "changed": {n: d for n, d in named.items() if d != self.seeded[n]} | digests(extra),
            "constant": sorted({*constants(tensors), *self._fixed}),
            "checkpoint": checkpoint,
            "poured": {"tensors": len(taken), "parameters": _numbers(tensors, taken)},
            "fresh": {"tensors": len(fresh), "parameters": _numbers(tensors, fresh), "names": fresh},
            "added": {"tensors": len(extra), "parameters": _numbers(extra, extra)},
            "head": joint(named, head),
        }


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


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
