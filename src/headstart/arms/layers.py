"""Layers: where each tensor of a model stands: embeddings, a layer, above the layers, the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layout:
    """Where the tensors of a model stand, by their names in its state dict; tied names stand together.

    Every name is in exactly one of `embeddings`, `from_bottom`, `above` and `head`. A language model's
    output layer that shares the embeddings stands with them.
    """

    model: str  # the class, for messages
    embeddings: frozenset[str]
    from_bottom: Mapping[str, int]  # layer of a tensor, 0 at the input
    from_top: Mapping[str, int]  # the same, 0 at the output
    above: frozenset[str]  # of the backbone, after its layers: final norm, pooler
    head: frozenset[str]
    norms: frozenset[str]  # of the backbone, wherever they stand; running statistics included
    depths: tuple[int, ...]  # layers of each stack: one of an encoder or decoder, two of both together

    @property
    def backbone(self) -> frozenset[str]:
        """Every name outside the head."""
        return self.embeddings | self.above | frozenset(self.from_bottom)

    def need_layers(self, number: int = 1) -> int:
        """Layers of the deepest stack; ConfigError when there are none, or fewer than `number` in one."""
        if not self.depths:
            raise ConfigError(
                f"arm: {self.model} has no list of layers, so none can be singled out; choose another arm"
            )
        if number > min(self.depths):
            raise ConfigError(
                f"arm.layers: {number} are asked for, but {self.model} has {min(self.depths)}; choose fewer"
            )
        return max(self.depths)


def layout(model: nn.Module) -> Layout:
    """Sort the tensors of `model` by its own structure; nothing is read but shapes and types."""
    inside, owner, stacks = backbone(model), owners(model), _stacks(model)
    place = {name: _position(owner[name], stacks) for name in owner}
    layer = {name: at for name, at in place.items() if at is not None}
    head = frozenset(name for name in owner if not inside(owner[name]))
    rest = owner.keys() - layer.keys() - head
    embeddings = frozenset(name for name in rest if _embeds(model, owner[name]))
    return Layout(
        model=type(model).__name__,
        embeddings=embeddings,
        from_bottom={name: index for name, (index, _) in layer.items()},
        from_top={name: depth - 1 - index for name, (index, depth) in layer.items()},
        above=frozenset(rest - embeddings),
        head=head,
        norms=frozenset(name for name in owner.keys() - head if _normalises(model, name)),
        depths=tuple(stacks.values()),
    )


def backbone(model: nn.Module) -> Callable[[str], bool]:
    """Says of the name of a tensor or module whether it lies in the backbone.

    That is what stands under `base_model_prefix`. Where nothing does (T5 with a head has its stacks at the
    top), the backbone is every part that embeds or has a list of layers.
    """
    from torch import nn

    prefix = getattr(model, "base_model_prefix", "")
    if prefix and isinstance(getattr(model, prefix, None), nn.Module):
        return lambda name: name.startswith(f"{prefix}.")
    kinds = (nn.Embedding, nn.ModuleList)
    parts = {name for name, part in model.named_children() if _has(part, kinds)}
    return lambda name: name.partition(".")[0] in parts


def owners(model: nn.Module) -> dict[str, str]:
    """The first name of each tensor: tied names share one, in the backbone if one of them is there."""
    inside, first = backbone(model), dict[int, str]()
    tensors = model.state_dict(keep_vars=True)
    for name in sorted(tensors, key=lambda name: not inside(name)):
        first.setdefault(id(tensors[name]), name)
    return {name: first[id(tensor)] for name, tensor in tensors.items()}


def fixed(model: nn.Module) -> frozenset[str]:
    """Parameters that the architecture sets and nobody trains: sinusoidal positions."""
    return frozenset(
        f"{path}.{name}"
        for path, module in model.named_modules()
        if "Sinusoid" in type(module).__name__
        for name, _ in module.named_parameters(recurse=False)
    )


def _stacks(model: nn.Module) -> dict[str, int]:
    """Path and length of the list of layers: the largest, of encoder and decoder each the largest."""
    from torch import nn

    inside = backbone(model)
    lists = {n: m for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and inside(n)}
    outer = {n: m for n, m in lists.items() if not any(n.startswith(f"{other}.") for other in lists)}
    config = getattr(model, "config", None)
    sides = ("encoder", "decoder") if getattr(config, "is_encoder_decoder", False) else ()
    largest: dict[str, str] = {}
    for name in sorted(outer, key=lambda name: sum(p.numel() for p in outer[name].parameters())):
        largest[next((side for side in sides if f".{side}." in f".{name}."), "")] = name
    return {name: len(outer[name]) for name in outer if name in largest.values()}


def _position(name: str, stacks: Mapping[str, int]) -> tuple[int, int] | None:
    """Layer of a tensor and length of its stack; None outside the stacks."""
    for path, depth in stacks.items():
        if name.startswith(f"{path}."):
            return int(name.removeprefix(f"{path}.").partition(".")[0]), depth
    return None


def _embeds(model: nn.Module, name: str) -> bool:
    """A lookup table, or a part that the model calls an embedding (patches, positions, their norm)."""
    from torch import nn

    return "embed" in name.lower() or isinstance(_module_of(model, name), nn.Embedding)


def _has(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    return any(isinstance(below, kinds) for below in module.modules())


def _normalises(model: nn.Module, name: str) -> bool:
    return "norm" in type(_module_of(model, name)).__name__.lower()


def _module_of(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])
