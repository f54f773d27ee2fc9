"""Attestation: digests of a model's tensors before the first step, to check a pair."""

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
    import torch

    plain = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{plain.dtype}{tuple(plain.shape)}".encode())
    digest.update(plain.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def digests(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Digest per tensor name, in name order."""
    return {name: digest(tensors[name]) for name in sorted(tensors)}


def constants(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of tensors with a single value (zero biases, unit norms): equality proves nothing there."""
    return [name for name in sorted(tensors) if _is_constant(tensors[name].reshape(-1))]


def _is_constant(values: torch.Tensor) -> bool:
    """Two values tell most tensors that vary, without reading the others."""
    return bool((values[-1:] == values[:1]).all()) and bool((values == values[:1]).all())


class Attestation:
    """Digests of the tensors of one model, parameters and persistent buffers: as seeded, and at step 0.

    Made from the seeded model, before weights are loaded. `constant` lists tensors whose equality proves
    nothing: tensors with a single value, and positions fixed by the architecture.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model, self.seeded = model, digests(model.state_dict())
        self._tensors = dict(model.state_dict(keep_vars=True))
        self._fixed = fixed(model)
        self._names = {name: name for name in self._tensors}  # name as seeded -> name now

    def follow(self) -> None:
        """Find the tensors again once the arm has adapted the model; WeightsError when one is missing."""
        names: dict[int, list[str]] = {}
        for name, tensor in self._tensors.items():
            names.setdefault(id(tensor), []).append(name)  # a tied tensor has several names
        state = self.model.state_dict(keep_vars=True)
        self._names = {names[id(t)].pop(0): name for name, t in state.items() if names.get(id(t))}
        if missing := sorted(self._tensors.keys() - self._names.keys()):
            raise WeightsError(
                f"arm: {len(missing)} tensors were taken out of the model or replaced ({some(missing)}); "
                f"adapt() may only add parameters, and must keep the existing ones"
            )

    def at_step_zero(
        self,
        head: Iterable[str],
        loaded: Iterable[str],
        checkpoint: dict[str, Any] | None,
        drawn_again: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The `init` section of the record; `changed`: tensors that differ from their seed, or were added."""
        state = dict(self.model.state_dict(keep_vars=True))
        added = {name: state[name] for name in state.keys() - set(self._names.values())}
        tensors = {name: state[new_name] for name, new_name in self._names.items()}
        named, loaded, again = digests(tensors), set(loaded), dict(drawn_again or {})
        new = [name for name in named if name not in loaded and name not in again]
        head_lines = "".join(f"{name}={named[name]}\n" for name in sorted(head))
        return {
            "seeded": self.seeded,
            "changed": {n: d for n, d in named.items() if d != self.seeded[n]} | digests(added),
            "constant": sorted({*constants(tensors), *self._fixed}),
            "checkpoint": checkpoint,
            **({"drawn_again": again} if again else {}),
            "loaded": {"tensors": len(loaded), "parameters": _elements(tensors, loaded)},
            "newly_initialised": {"tensors": len(new), "parameters": _elements(tensors, new), "names": new},
            "added": {"tensors": len(added), "parameters": _elements(added, added)},
            "head": hashlib.sha256(head_lines.encode()).hexdigest()[:16],
        }


def some(names: Sequence[str]) -> str:
    """The first three names of a list, and the number of the others."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def dtypes(model: nn.Module) -> dict[str, Any]:
    """The `dtypes` and `not_float32` parts of `init`: parameters of each dtype, names of other dtypes."""
    counts = Counter[str]()
    other_dtypes: dict[str, str] = {}
    for name, parameter in model.named_parameters():
        kind = str(parameter.dtype).removeprefix("torch.")
        counts[kind] += parameter.numel()
        if kind != "float32":
            other_dtypes[name] = kind
    return {"dtypes": dict(counts), "not_float32": other_dtypes}


def _elements(tensors: Mapping[str, torch.Tensor], names: Iterable[str]) -> int:
    """Elements of the named tensors; tied tensors count once."""
    return sum(tensor.numel() for tensor in {id(tensors[n]): tensors[n] for n in names}.values())
