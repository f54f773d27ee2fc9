"""LoRA: small trained matrices beside frozen ones (Hu et al. 2021, arXiv:2106.09685), through peft."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from headstart.arms.arm import trainable_names
from headstart.arms.layers import backbone
from headstart.arms.load import matches
from headstart.arms.transfer import Transfer
from headstart.config import NAME
from headstart.errors import ConfigError
from headstart.extras import missing

if TYPE_CHECKING:
    from torch import nn


class Lora(Transfer):
    """The loaded backbone is frozen; adapters of `rank` beside its linear layers and the head train.

    An adapter adds alpha / rank * B A x; B starts at zero, so that step 0 is the loaded model.
    `targets`: ends of the names of linear layers of the backbone; null: all of them.
    """

    kind: Literal["lora"]
    name: str = Field(default="lora", pattern=NAME)
    trainable: Literal["all", "head", "norms_and_head"] = "head"
    rank: int = Field(default=8, ge=1)
    alpha: float = Field(default=16, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _needs_peft(self) -> Self:
        if sentence := missing("peft", "lora"):
            raise ValueError(sentence)
        return self

    def adapt(self, seeded: nn.Module, seed: int = 0) -> tuple[str, ...]:
        """Add the adapters, drawn from `seed` only, on the device of the model."""
        import torch
        from peft import LoraConfig, inject_adapter_in_model

        linear = self._linear(seeded)
        settings = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # pyright: ignore[reportArgumentType] - its own layers divide it as a number
            lora_dropout=self.dropout,
            target_modules=sorted(linear),
            fan_in_fan_out="Conv1D" in {type(layer).__name__ for layer in linear.values()},
        )
        before, device = set(trainable_names(seeded)), next(seeded.parameters()).device
        with torch.random.fork_rng(devices=[]), torch.device(device):
            torch.default_generator.manual_seed(seed)
            inject_adapter_in_model(settings, seeded)
        return tuple(sorted(name for name in trainable_names(seeded) - before if ".lora_" in name))

    def merged(self, model: nn.Module) -> nn.Module:
        """A copy of the model with every adapter merged into its matrix."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        plain = copy.deepcopy(model)
        for name, layer in list(plain.named_modules()):
            if isinstance(layer, BaseTunerLayer):
                layer.merge()
                plain.set_submodule(name, layer.get_base_layer())
        return plain

    def _trainable_names(self, model: nn.Module) -> frozenset[str]:
        return super()._trainable_names(model) | {name for name in trainable_names(model) if ".lora_" in name}

    def _linear(self, model: nn.Module) -> dict[str, nn.Module]:
        """The layers that get an adapter, by path; ConfigError if there are none or a target fits none."""
        from torch import nn
        from transformers.pytorch_utils import Conv1D

        in_backbone = backbone(model)
        linear: dict[str, nn.Module] = {
            path: layer
            for path, layer in model.named_modules()
            if isinstance(layer, nn.Linear | Conv1D)
            and in_backbone(path)
            and not matches(path, self.newly_initialised)
        }
        if not linear:
            raise ConfigError(
                f"arm: the backbone of {type(model).__name__} has no linear layers for LoRA to adapt; "
                f"choose another arm"
            )
        if self.targets is None:
            return linear
        chosen: dict[str, nn.Module] = {}
        unknown = []
        for target in self.targets:
            ending = {path: layer for path, layer in linear.items() if f".{path}".endswith(f".{target}")}
            chosen |= ending
            unknown += [] if ending else [target]
        if unknown or not self.targets:
            ends = sorted({path.rpartition(".")[2] for path in linear})
            names = ", ".join(unknown) or "an empty list"
            raise ConfigError(f"arm.targets: {names} names no linear layer; they end in {', '.join(ends)}")
        return chosen
