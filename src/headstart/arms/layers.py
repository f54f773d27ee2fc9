"""Layers: the part of a model that each tensor belongs to: embeddings, a layer, above them, the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layout:
    """The parts of a model, by the names of its tensors in the state dict; tied names are in one part.

    Every name is in exactly one of `embeddings`, `from_bottom`, `above` and `head`. An output
    layer of a language model that is tied to the embeddings is one of the embeddings.
    """

    model: str  # the class, for messages
    embeddings: frozenset[str]
    from_bottom: Mapping[str, int]  # layer of a tensor, 0 at the input
    from_top: Mapping[str, int]  # the same, 0 at the output
    above: frozenset[str]  # of the backbone, after its layers: final norm, pooler
    head: frozenset[str]
    norms: frozenset[str]  # of the backbone, in any of its parts; running statistics included
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
    """The parts of `model`, from its structure: names, shapes and types, no values."""
    from torch import nn

    in_backbone, owner, stacks = backbone(model), owners(model), _stacks(model)
    module = {name: model.get_submodule(name.rpartition(".")[0]) for name in owner}
    layer: dict[str, tuple[int, int]] = {}  # index of the layer that a tensor is in, and layers of the stack
    for name, path in owner.items():
        for stack, depth in stacks.items():
            if path.startswith(f"{stack}."):
                layer[name] = int(path.removeprefix(f"{stack}.").partition(".")[0]), depth
    head = frozenset(name for name in owner if not in_backbone(owner[name]))
    outside = owner.keys() - layer.keys() - head
    # Lookup tables, and modules named embedding (patches, positions, their norm).
    embeddings = frozenset(
        name
        for name in outside
        if "embed" in owner[name].lower() or isinstance(module[owner[name]], nn.Embedding)
    )
    return Layout(
        model=type(model).__name__,
        embeddings=embeddings,
        from_bottom={name: index for name, (index, _) in layer.items()},
        from_top={name: depth - 1 - index for name, (index, depth) in layer.items()},
        above=frozenset(outside - embeddings),
        head=head,
        norms=frozenset(n for n in owner.keys() - head if "norm" in type(module[n]).__name__.lower()),
        depths=tuple(stacks.values()),
    )


def backbone(model: nn.Module) -> Callable[[str], bool]:
    """A function that tells whether a tensor or module, by its name, is in the backbone.

    The backbone is the module named `base_model_prefix`. Without such a module (T5 with a head has its
    stacks at the top), it is every part with embeddings or a list of layers.
    """
    from torch import nn

    prefix = getattr(model, "base_model_prefix", "")
    if prefix and isinstance(getattr(model, prefix, None), nn.Module):
        return lambda name: name.startswith(f"{prefix}.")
    parts = {
        name
        for name, part in model.named_children()
        if any(isinstance(module, nn.Embedding | nn.ModuleList) for module in part.modules())
    }
    return lambda name: name.partition(".")[0] in parts


def owners(model: nn.Module) -> dict[str, str]:
    """The first name of each tensor: tied names share one, in the backbone if possible."""
    in_backbone, first_names = backbone(model), dict[int, str]()
    tensors = model.state_dict(keep_vars=True)
    for name in sorted(tensors, key=lambda name: not in_backbone(name)):
        first_names.setdefault(id(tensors[name]), name)
    return {name: first_names[id(tensor)] for name, tensor in tensors.items()}


def fixed(model: nn.Module) -> frozenset[str]:
    """Parameters that the architecture computes and that never train: sinusoidal positions."""
    return frozenset(
        f"{path}.{name}"
        for path, module in model.named_modules()
        if "Sinusoid" in type(module).__name__
        for name, _ in module.named_parameters(recurse=False)
    )


def _stacks(model: nn.Module) -> dict[str, int]:
    """Path and length of the largest list of layers; in an encoder-decoder, the largest of each half."""
    from torch import nn

    in_backbone = backbone(model)
    lists = {n: m for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and in_backbone(n)}
    outer = {n: m for n, m in lists.items() if not any(n.startswith(f"{other}.") for other in lists)}
    config = getattr(model, "config", None)
    sides = ("encoder", "decoder") if getattr(config, "is_encoder_decoder", False) else ()
    largest: dict[str, str] = {}
    for name in sorted(outer, key=lambda name: sum(p.numel() for p in outer[name].parameters())):
        largest[next((side for side in sides if f".{side}." in f".{name}."), "")] = name
    return {name: len(outer[name]) for name in outer if name in largest.values()}
