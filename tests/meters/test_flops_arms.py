"""Counted FLOPs of arms that freeze, thaw or adapt, against closed forms, as integers.

A tiny BERT with two layers: the matrix product of (n, a) and (a, b) is 2nab forwards; backwards it costs as
much again for the gradient of its input and for that of its weight, each only where one is needed.
"""

from __future__ import annotations

from typing import Any

import pytest
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import tiny_config
from torch import nn

from headstart.arms.arm import BaseArm
from headstart.arms.kinds import Pretrained, Scratch
from headstart.arms.lora import Lora
from headstart.arms.unfreezing import GradualUnfreezing
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model

AUTO = "AutoModelForSequenceClassification"
H, INNER, LAYERS, CLASSES = 32, 64, 2, 3
PROBE = Pretrained(kind="pretrained", trainable="head")
MADE: dict[str, list[FlopCounter]] = {}
LENGTHS = st.integers(2, 40)


def skeleton(**settings: Any) -> nn.Module:
    config = tiny_config(tf.BertConfig, vocab_size=50, num_labels=CLASSES, **settings)
    config.num_hidden_layers = LAYERS
    return Model(name="shapes only").skeleton(AUTO, config)


def counters(arm: BaseArm) -> list[FlopCounter]:
    """The counter of each stage of an arm, made once."""
    if repr(arm) not in MADE:
        bare = skeleton()
        arm.adapt(bare, 0)
        MADE[repr(arm)] = [FlopCounter(bare, set(stage.trainable)) for stage in arm.stages(bare)]
    return MADE[repr(arm)]


def linear(length: int) -> int:
    """One pass through the six matrices of a layer: four projections and two of the feed-forward part."""
    return 2 * length * (4 * H * H + 2 * H * INNER)


def attention(length: int) -> int:
    """Queries with keys, and weights with values: each (s, h) with (h, s), all heads together."""
    return 2 * 2 * length**2 * H


POOLER, HEAD = 2 * H * H, 2 * H * CLASSES  # of the first token alone


def backbone(length: int) -> int:
    return LAYERS * (linear(length) + attention(length)) + POOLER


@settings(max_examples=10)
@given(rows=st.integers(1, 8), length=LENGTHS)
def test_a_frozen_backbone_goes_forward_only(rows: int, length: int) -> None:
    (probe,), (random,) = counters(PROBE), counters(Scratch(kind="scratch", trainable="head"))
    # The head: forward, and the gradient of its weight; nobody asks for that of its input.
    assert probe.train(rows, length) == rows * (backbone(length) + 2 * HEAD)
    assert random.train(rows, length) == probe.train(rows, length)
    assert probe.forward(rows, length) == rows * (backbone(length) + HEAD)


def adapters(length: int, rank: int) -> int:
    """One pass through the adapters: A and B beside the matrices of every layer and the pooler."""
    layer = 2 * length * rank * (4 * (H + H) + 2 * (H + INNER))
    return LAYERS * layer + 2 * rank * (H + H)


def first_inputs(length: int, rank: int) -> int:
    """Gradients of the embeddings' output, which nobody asks for: three projections and their A's."""
    return 3 * 2 * length * (H * H + H * rank)


@settings(max_examples=10)
@given(length=LENGTHS, rank=st.sampled_from([1, 4, 7]))
def test_lora_saves_the_gradients_of_the_frozen_matrices(length: int, rank: int) -> None:
    (counter,) = counters(Lora(kind="lora", rank=rank))
    matrices = LAYERS * linear(length) + POOLER
    forward = backbone(length) + adapters(length, rank) + HEAD
    input_gradients = matrices + adapters(length, rank) + HEAD - first_inputs(length, rank)
    # Scores and weights in the attention have two inputs each, and need both gradients: even in the first
    # layer, where the adapters make queries, keys and values need theirs.
    both = 2 * LAYERS * attention(length)
    weight_gradients = adapters(length, rank) + HEAD
    assert counter.forward(1, length) == forward
    assert counter.train(1, length) == forward + input_gradients + both + weight_gradients


def test_lora_golden() -> None:
    (counter,) = counters(Lora(kind="lora", rank=4))
    (whole,) = counters(Scratch(kind="scratch"))
    assert whole.train(1, 16) == 3 * (backbone(16) + HEAD)
    assert (counter.train(1, 16), whole.train(1, 16)) == (1_484_864, 1_776_192)


@settings(max_examples=10)
@given(length=LENGTHS)
def test_thawing_layers_cost_their_backward_as_they_join(length: int) -> None:
    head, top, both, everything = counters(GradualUnfreezing(kind="gradual_unfreezing"))
    forward = backbone(length) + HEAD
    layer = linear(length) + attention(length)
    projections = 3 * 2 * length * H * H  # of the lowest thawed layer: their input needs no gradient
    assert head.train(1, length) == forward + HEAD
    assert top.train(1, length) == forward + 2 * (HEAD + POOLER + layer) - projections
    assert both.train(1, length) == 3 * forward - projections
    assert everything.train(1, length) == 3 * forward


def test_norms_need_the_gradients_of_all_that_lies_above() -> None:
    (counter,) = counters(Pretrained(kind="pretrained", trainable="norms_and_head"))
    matrices = LAYERS * linear(16) + POOLER
    # The lowest norm is that of the embeddings, so every matrix passes a gradient on and has none of its own.
    assert counter.train(1, 16) == backbone(16) + HEAD + matrices + 2 * LAYERS * attention(16) + 2 * HEAD


@pytest.mark.parametrize("arm", [Scratch(kind="scratch"), PROBE, Lora(kind="lora")], ids=lambda arm: arm.kind)
def test_recomputation_is_not_model_flops(arm: BaseArm) -> None:
    made: list[int] = []
    for checkpointing in (False, True):
        bare: Any = skeleton()
        if checkpointing:
            bare.train()
            bare.activation_checkpointing_enable()
            bare.disable_input_require_grads()  # transformers asks for gradients of frozen embeddings: waste
        arm.adapt(bare, 0)
        (stage,) = arm.stages(bare)
        made.append(FlopCounter(bare, set(stage.trainable)).train(2, 16))
    assert made[0] == made[1]
