"""The optimizer: its groups, factors on the learning rate, and what never changes."""

from __future__ import annotations

import pytest
import torch
from tests.arms.families import BARE, CLASSIFY, published, seeded
from torch import nn

from headstart.arms.kinds import Pretrained, Scratch
from headstart.arms.unfreezing import GradualUnfreezing, LayerwiseDecay
from headstart.optim import Optim

OPTIM = Optim(lr=1e-2, batch_size=4, weight_decay=0.1)


def model() -> nn.Module:
    return seeded(published("bert", BARE), CLASSIFY)


def step(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> dict[str, torch.Tensor]:
    net.eval()
    for _ in range(steps):
        net(input_ids=torch.arange(8).reshape(2, 4), labels=torch.tensor([0, 2])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name: p.detach().clone() for name, p in net.named_parameters()}


def plain(net: nn.Module) -> torch.optim.Optimizer:
    """Two groups as they have always been: matrices with decay, then the rest without."""
    groups = [
        {"params": [p for p in net.parameters() if p.ndim >= 2], "weight_decay": 0.1},
        {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, fused=True)


@pytest.mark.parametrize("trained", [False, True], ids=["by gradient", "by name"])
def test_without_factors_nothing_has_changed(trained: bool) -> None:
    one, other = model(), model()
    names = {name for name, _ in one.named_parameters()} if trained else None
    ours, theirs = OPTIM.optimizer(one, {}, names), plain(other)
    shapes = [[tuple(p.shape) for p in group["params"]] for group in ours.param_groups]
    assert shapes == [[tuple(p.shape) for p in group["params"]] for group in theirs.param_groups]
    first, second = step(one, ours), step(other, theirs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_factor_scales_the_updates_of_its_parameters() -> None:
    arm = LayerwiseDecay(kind="layerwise_decay", decay=0.5)
    net, reference = model(), model()
    start = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimizer = OPTIM.optimizer(net, arm.lr_factors(net))
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
        [1e-2 * 0.5**depth for depth in (0, 0, 1, 1, 2, 2, 3, 3)]
    )
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0] * 4
    moved, whole = step(net, optimizer, 1), step(reference, OPTIM.optimizer(reference), 1)
    for name, factor in arm.lr_factors(net).items():
        full = whole[name] - start[name]
        torch.testing.assert_close(moved[name] - start[name], factor * full, atol=2e-7, rtol=1e-3)


def test_the_schedule_multiplies_every_group() -> None:
    net = model()
    optimizer = OPTIM.optimizer(net, LayerwiseDecay(kind="layerwise_decay", decay=0.5).lr_factors(net))
    OPTIM.schedule(optimizer, steps=100)
    assert [group["lr"] for group in optimizer.param_groups][::2] == pytest.approx(
        [1e-2 * OPTIM.factor(0, 100) * 0.5**depth for depth in range(4)]
    )


def test_parameters_that_thaw_later_are_there_and_still() -> None:
    net = model()
    stages = GradualUnfreezing(kind="gradual_unfreezing").stages(net)
    union = frozenset().union(*(stage.trainable for stage in stages))
    optimizer = OPTIM.optimizer(net, {}, union)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(union)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in stages[0].trainable)
    after = step(net, optimizer)
    assert {name for name in after if not torch.equal(after[name], before[name])} == stages[0].trainable


@pytest.mark.parametrize("arm", [Pretrained(kind="pretrained", trainable="head"), Scratch(kind="scratch")])
def test_frozen_parameters_are_in_no_group(arm: Pretrained | Scratch) -> None:
    net = model()
    (stage,) = arm.stages(net)
    groups = OPTIM.optimizer(net, arm.lr_factors(net), stage.trainable).param_groups
    assert sum(len(group["params"]) for group in groups) == len(stage.trainable)
