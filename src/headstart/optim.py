"""Optim: AdamW with warm-up and decay, the same for every arm of a study."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from headstart.config import Config

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import AdamW
    from torch.optim.lr_scheduler import LambdaLR


class Optim(Config):
    """The optimizer. `lr` is the peak learning rate; `warmup` is a share of all steps."""

    kind: Literal["adamw"] = "adamw"
    lr: float = Field(gt=0)
    batch_size: int = Field(ge=1)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = Field(default=(0.9, 0.999), strict=False)
    eps: float = Field(default=1e-8, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    decay: Literal["linear", "cosine", "constant"] = "linear"
    clip: float | None = Field(default=1.0, gt=0)
    noise: Literal["torch", "philox"] = "torch"  # the generator of dropout, and with it of attention

    def optimizer(
        self,
        model: nn.Module,
        factors: Mapping[str, float] | None = None,
        trained: Collection[str] | None = None,
    ) -> AdamW:
        """Fused AdamW over the parameters `trained` (None: those that require a gradient now).

        Biases and norms (one dimension) have no weight decay. `factors` scales the learning rate by name;
        there are two groups per factor, with and without decay, from the largest factor to the smallest.
        On a GPU the learning rates are tensors, which a captured step reads again at every replay.
        """
        import torch
        from torch.optim import AdamW

        by_factor: dict[float, tuple[list[nn.Parameter], list[nn.Parameter]]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad if trained is None else name in trained:
                factor = (factors or {}).get(name, 1.0)
                by_factor.setdefault(factor, ([], []))[parameter.ndim < 2].append(parameter)
        device = next(model.parameters()).device
        gpu = device.type == "cuda"
        groups = [
            {
                "params": parameters,
                "weight_decay": decay,
                "initial_lr": self.lr * factor,  # a number: the schedule computes without waiting for the GPU
                "lr": torch.tensor(self.lr * factor, device=device) if gpu else self.lr * factor,
            }
            for factor in sorted(by_factor, reverse=True)
            for parameters, decay in zip(by_factor[factor], (self.weight_decay, 0.0), strict=True)
        ]
        return AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps, fused=True, capturable=gpu)

    def load(self, optimizer: AdamW, state: dict[str, Any]) -> None:
        """Load the state of an interrupted run; its learning rates go to the tensors of this device."""
        fresh = [(group["lr"], group["capturable"]) for group in optimizer.param_groups]
        optimizer.load_state_dict(state)
        for group, (lr, capturable) in zip(optimizer.param_groups, fresh, strict=True):
            loaded, group["capturable"] = float(group["lr"]), capturable
            group["lr"] = loaded if isinstance(lr, float) else lr.fill_(loaded)

    def schedule(self, optimizer: AdamW, steps: int) -> LambdaLR:
        """Learning rate per step: up linearly over the warm-up, then down to 0 at `steps`."""
        from torch.optim.lr_scheduler import LambdaLR

        return LambdaLR(optimizer, lambda step: self.factor(step, steps))

    def factor(self, step: int, steps: int) -> float:
        """The factor on `lr` at update number `step` (from 0) of `steps`."""
        warm = round(self.warmup * steps)
        if step < warm:
            return (step + 1) / warm
        remaining = (steps - step) / max(1, steps - warm)
        if self.decay == "constant":
            return 1.0
        if self.decay == "linear":
            return max(0.0, remaining)
        return 0.5 * (1 + math.cos(math.pi * (1 - remaining)))
