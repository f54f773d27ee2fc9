"""Ways in which an arm that says that it loads nothing may hold what pretraining has learnt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field
from torch import nn

from headstart.arms.arm import BaseArm, Stage
from headstart.arms.load import Loaded

Tensors = Mapping[str, torch.Tensor]
Cheat = Callable[
    [Tensors], dict[str, torch.Tensor]
]  # from the tensors of the checkpoint to those that are held


def _noisy(tensors: Tensors) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    return {n: t + 1e-6 * torch.randn(t.shape, generator=draw) for n, t in tensors.items()}


def _shifted(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Layer 0 of the checkpoint in layer 1, and the other way round."""

    def other(name: str) -> str:
        return re.sub(r"(?<=layer\.)[01]", lambda match: str(1 - int(match[0])), name)

    return {name: tensors[other(name)] for name in tensors if other(name) != name}


def _permuted(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Hidden units of each feed-forward part in another order: the same function."""
    held = {}
    for name, tensor in tensors.items():
        if "intermediate.dense" in name:
            held[name] = tensor.flip(0)
        elif re.search(r"layer\.\d\.output\.dense\.weight", name):
            held[name] = tensor.flip(1)
    return held


def _other_heads(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Attention heads in another order."""
    parts = [n for n in tensors if re.search(r"self\.(query|key|value)\.weight", n)]
    return {
        name: tensors[name].reshape(2, -1, tensors[name].shape[1]).flip(0).flatten(0, 1) for name in parts
    }


def _where(word: str) -> Cheat:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if word in name}


CHEATS: dict[str, Cheat] = {
    "exact": dict,
    "noise": _noisy,
    "bf16": lambda tensors: {n: t.bfloat16().float() for n, t in tensors.items()},
    "float16": lambda tensors: {n: t.half().float() for n, t in tensors.items()},
    "scaled": lambda tensors: {n: 1.001 * t for n, t in tensors.items()},
    "shifted by a layer": _shifted,
    "units permuted": _permuted,
    "heads permuted": _other_heads,
    "transposed": lambda tensors: {
        n: t.T for n, t in tensors.items() if t.ndim == 2 and len(t) == t.shape[1]
    },
    "embeddings alone": _where("word_embeddings"),
    "one tensor": _where("layer.1.attention.self.query.weight"),
    "one number": lambda tensors: {
        n: t.index_fill(0, torch.tensor([0]), 0.5) for n, t in tensors.items() if "1.output.dense.bias" in n
    },
}


class Sly(BaseArm):
    """An arm that says that it loads nothing, and writes `held` into the model where it can."""

    name: str = "scratch"
    where: str
    held: Any = Field(exclude=True)

    def load_weights(self, seeded: nn.Module, model: Any, seed: int = 0) -> Loaded:
        return self._at("load_weights", seeded, Loaded())

    def adapt(self, seeded: nn.Module, seed: int = 0) -> tuple[str, ...]:
        return self._at("adapt", seeded, ())

    def stages(self, model: nn.Module) -> tuple[Stage, ...]:
        return self._at("stages", model, super().stages(model))

    def lr_factors(self, model: nn.Module) -> dict[str, float]:
        return self._at("lr_factors", model, {})

    def _at(self, where: str, model: nn.Module, answer: Any) -> Any:
        if where == self.where and next(model.parameters()).device.type != "meta":
            with torch.no_grad():
                for name, tensor in self.held.items():
                    model.state_dict()[name].copy_(tensor)
        return answer
