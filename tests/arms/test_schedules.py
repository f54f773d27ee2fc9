"""Arms that differ in when or how fast each layer trains."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arms.families import CAUSAL, CLASSIFY, FAMILIES, LAYERS, LOOK, SEQ2SEQ

from headstart.arms.layers import layout
from headstart.arms.unfreezing import GradualUnfreezing, LayerwiseDecay
from headstart.models.model import Model

FIRST_TASKS = {family: FAMILIES[family].tasks[0] for family in FAMILIES}


def skeleton(family: str, task: str | None = None) -> torch.nn.Module:
    return Model(name="shapes only").skeleton(task or FIRST_TASKS[family], FAMILIES[family].config())


def parameters(model: torch.nn.Module) -> set[str]:
    return {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_thaw_from_the_top(family: str) -> None:
    model = skeleton(family)
    stages = GradualUnfreezing(kind="gradual_unfreezing", until=0.6).stages(model)
    places = layout(model)
    assert [stage.share for stage in stages] == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert stages[0].trainable == places.head & parameters(model)
    top = {name for name, index in places.from_top.items() if index == 0}
    assert stages[1].trainable == (places.head | places.above | top) & parameters(model)
    assert stages[2].trainable == parameters(model) - places.embeddings
    assert stages[3].trainable == parameters(model)


@settings(max_examples=25)
@given(family=st.sampled_from(sorted(FAMILIES)), until=st.floats(0.01, 1))
def test_stages_only_grow(family: str, until: float) -> None:
    stages = GradualUnfreezing(kind="gradual_unfreezing", until=until).stages(skeleton(family))
    assert stages[0].share == 0
    assert stages[-1].share == pytest.approx(until)
    for before, after in pairwise(stages):
        assert before.share < after.share
        assert before.trainable < after.trainable


@pytest.mark.parametrize(("family", "task"), [("gpt2", CAUSAL), ("t5", SEQ2SEQ)])
def test_without_a_head_the_top_layer_is_first(family: str, task: str) -> None:
    model = skeleton(family, task)
    stages = GradualUnfreezing(kind="gradual_unfreezing", until=1.0).stages(model)
    places = layout(model)
    assert len(stages) == LAYERS + 1
    top = {name for name, index in places.from_top.items() if index == 0}
    assert stages[0].trainable == (places.above | top) & parameters(model)


def test_the_schedule_is_the_arms_own() -> None:
    with pytest.raises(ValueError, match="trainable cannot be chosen here"):
        GradualUnfreezing(kind="gradual_unfreezing", trainable="head")


@pytest.mark.parametrize("family", FAMILIES)
def test_factors_fall_with_depth(family: str) -> None:
    model = skeleton(family)
    factors = LayerwiseDecay(kind="layerwise_decay", decay=0.5).lr_factors(model)
    places = layout(model)
    assert set(factors) == parameters(model)
    for name, factor in factors.items():
        if name in places.from_top:
            assert factor == 0.5 ** (places.from_top[name] + 1)
        elif name in places.embeddings:
            assert factor == 0.5 ** (LAYERS + 1) == min(factors.values())
        else:
            assert factor == 1.0


def test_no_decay_is_no_difference() -> None:
    factors = LayerwiseDecay(kind="layerwise_decay", decay=1.0).lr_factors(skeleton("bert", CLASSIFY))
    assert set(factors.values()) == {1.0}


def test_stages_of_a_convolutional_network_are_its_layers() -> None:
    stages = GradualUnfreezing(kind="gradual_unfreezing").stages(skeleton("resnet", LOOK))
    new = stages[1].trainable - stages[0].trainable
    assert new
    assert all(name.startswith("resnet.encoder.stages.1.") for name in new)
