"""Every arm of conf/arm on an encoder, a decoder and an encoder-decoder: what it pours and what may train."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arms.choices import ALL, arm, started
from tests.arms.families import (
    BARE,
    CAUSAL,
    CLASSIFY,
    FAMILIES,
    LAYERS,
    LOOK,
    MASKED,
    SEQ2SEQ,
    VOCABULARY,
    WIDTH,
    attested,
    published,
    seeded,
)
from tests.studies.command import headstart

from headstart.arms.attest import Attestation, digests
from headstart.arms.layers import fixed, layout, owners
from headstart.errors import ConfigError
from headstart.records.attestation import at_step_zero, contradictions
from headstart.records.sections import Init

H, INNER, POSITIONS, CLASSES, BUCKETS = WIDTH, 64, 64, 3, 32
SELF = 4 * H * H  # queries, keys, values and output, without biases
PARTS: dict[str, dict[str, int]] = {  # parameters, from the papers' shapes
    "bert": {
        "embeddings": (VOCABULARY + POSITIONS + 2) * H + 2 * H,
        "layer": SELF + 4 * H + 2 * H * INNER + INNER + H + 4 * H,
        "above": H * H + H,
        "head": H * CLASSES + CLASSES,
        "norms": 2 * H + LAYERS * 4 * H,
    },
    "gpt2": {
        "embeddings": (VOCABULARY + POSITIONS) * H,
        "layer": SELF + 4 * H + 2 * H * INNER + INNER + H + 4 * H,
        "above": 2 * H,
        "head": H * CLASSES,
        "norms": LAYERS * 4 * H + 2 * H,
    },
    "t5": {  # one layer of the encoder and one of the decoder; the first ones hold the relative positions
        "embeddings": VOCABULARY * H,
        "layer": 3 * SELF + 4 * H * INNER + 5 * H,
        "first": 2 * BUCKETS * 4,
        "above": 2 * H,
        "head": H * H + H + H * CLASSES + CLASSES,
        "norms": LAYERS * 5 * H + 2 * H,
    },
}


def expected(family: str, choice: str) -> tuple[int, int]:
    """Parameters that are poured and that may train."""
    part = {"first": 0, **PARTS[family]}
    lower = part["embeddings"] + part["first"] + part["layer"]
    backbone = lower + (LAYERS - 1) * part["layer"] + part["above"]
    poured = {
        "scratch": 0,
        "scratch_again": 0,
        "frozen_random": 0,
        "first_k": backbone - part["above"],  # two layers are all of them
        "reinit_top_k": backbone - part["layer"],
        "embeddings_only": part["embeddings"],
        "layernorm_only": part["norms"],
    }
    trained = {
        "frozen": part["head"],
        "frozen_random": part["head"],
        "norms_and_head": part["norms"] + part["head"],
    }
    everything = backbone + part["head"]
    return poured.get(choice, backbone), trained.get(choice, everything)


@cache
def scratch_head(family: str) -> str:
    return started(arm("scratch"), family)[1]["head"]


def trained(model: torch.nn.Module, names: frozenset[str]) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if name in names)


@pytest.mark.parametrize("family", PARTS)
@pytest.mark.parametrize("choice", [choice for choice in ALL if choice != "lora"])
def test_counts_equal_the_closed_forms_and_the_head_is_that_of_scratch(family: str, choice: str) -> None:
    start = arm(choice)
    model, init = started(start, family)
    assert start.adapt(model) == ()
    poured, training = expected(family, choice)
    assert init["head"] == scratch_head(family)
    assert init["loaded"]["parameters"] == poured
    new = sum(p.numel() for p in model.parameters()) - poured
    assert init["newly_initialised"]["parameters"] == (
        PARTS[family]["head"] if choice == "scratch_again" else new
    )
    assert trained(model, start.stages(model)[-1].trainable) == training
    assert start.merged(model) is model


@settings(max_examples=25)
@given(
    choice=st.sampled_from(ALL),
    cell=st.sampled_from([(f, t) for f in FAMILIES for t in (CLASSIFY, MASKED, CAUSAL, SEQ2SEQ, LOOK)
                          if t in FAMILIES[f].tasks]),
    seed=st.integers(0, 3),
)  # fmt: skip
def test_whatever_the_arm_fresh_tensors_are_the_seeded_ones(
    choice: str, cell: tuple[str, str], seed: int
) -> None:
    if choice in ("frozen", "frozen_random") and cell[1] in (MASKED, CAUSAL, SEQ2SEQ):
        choice = "pretrained"
    scratch = seeded(published(cell[0], BARE), cell[1], seed).state_dict()
    model, init = started(arm(choice), cell[0], cell[1], seed)
    fresh = init["newly_initialised"]["names"]
    delivered = init["checkpoint"]["tensors"] if init["checkpoint"] else {}
    assert sorted([*fresh, *delivered, *init.get("drawn_again", {})]) == sorted(scratch)
    assert init["seeded"] == digests(scratch)
    assert list(contradictions(Init.model_validate(init))) == []
    assert owners(model) == owners(seeded(published(cell[0], BARE), cell[1], seed)), "tied stays tied"


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_drawn_again_are_others_of_the_same_distribution(family: str) -> None:
    task, source = FAMILIES[family].tasks[0], published(family, BARE)
    before = seeded(source, task).state_dict()
    model, init = attested(arm("scratch_again"), source, task, 0, 1)
    now = model.state_dict()
    assert all(torch.equal(before[name], now[name]) for name in now if name not in init["drawn_again"])
    assert list(contradictions(Init.model_validate(init))) == []
    telling = [n for n in init["drawn_again"] if n not in init["constant"] and before[n].numel() >= 200]
    assert telling
    for name in telling:
        first, second = before[name].double().reshape(-1), now[name].double().reshape(-1)
        together = torch.corrcoef(torch.stack([first, second]))[0, 1]
        assert together.abs() < 6 / first.numel() ** 0.5, f"{name} is not another draw"
        assert first.std() / second.std() == pytest.approx(1, abs=0.35), name
    again, other = (attested(arm("scratch_again"), source, task, 0, seed)[1]["changed"] for seed in (1, 2))
    assert again == init["changed"] != other, "the stream alone decides"


@pytest.mark.parametrize("family", PARTS)
@pytest.mark.parametrize("layers", range(LAYERS + 1))
def test_first_and_top_layers_are_complements(family: str, layers: int) -> None:
    _, first = started(arm("first_k", layers=layers), family)
    model, rest = started(arm("reinit_top_k", layers=LAYERS - layers), family)
    places = layout(model)
    poured = set(first["checkpoint"]["tensors"])
    assert poured == places.embeddings | {n for n, i in places.from_bottom.items() if i < layers}
    assert set(rest["checkpoint"]["tensors"]) == poured | places.above


@pytest.mark.parametrize("choice", ["first_k", "reinit_top_k"])
def test_the_number_of_layers_is_in_the_name(choice: str) -> None:
    assert arm(choice, layers=5).name == f"{choice.removesuffix('_k')}_5"


@pytest.mark.parametrize("choice", ["first_k", "reinit_top_k"])
def test_too_many_layers_are_refused(choice: str) -> None:
    with pytest.raises(ConfigError, match=r"arm\.layers: 3 are asked for, but BertFor\w+ has 2"):
        started(arm(choice, layers=3), "bert")


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "resnet"])
def test_mean_and_variance_are_the_checkpoints_and_nothing_else(family: str) -> None:
    task = FAMILIES[family].tasks[0]
    original = started(arm("pretrained"), family, task)[0].state_dict()
    model, init = started(arm("mean_var"), family, task, seed=3)
    derived = model.state_dict()
    assert init["checkpoint"]["derived"] == "mean_var"
    learnt = layout(model).backbone & {name for name, _ in model.named_parameters()}
    for name in learnt:
        new, old = derived[name].double(), original[name].double()
        wide = old.std(correction=0)
        assert (new.mean() - old.mean()).abs() <= 5 * wide / old.numel() ** 0.5
        assert (new.std(correction=0) - wide).abs() <= 5 * wide / (2 * old.numel()) ** 0.5
        if old.numel() >= 1000:
            together = torch.corrcoef(torch.stack([new.reshape(-1), old.reshape(-1)]))[0, 1]
            assert together.abs() < 5 / old.numel() ** 0.5, f"{name} keeps the order of its values"
    for name in layout(model).backbone - learnt - {n for n, o in owners(model).items() if o in learnt}:
        assert torch.equal(derived[name], original[name]), f"{name} is no parameter"


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_shuffled_is_a_permutation_of_each_tensor(family: str) -> None:
    original = started(arm("pretrained"), family)[0].state_dict()
    model, init = started(arm("shuffled"), family)
    assert init["checkpoint"]["derived"] == "shuffled"
    for name in layout(model).backbone:
        new, old = model.state_dict()[name], original[name]
        assert torch.equal(new.reshape(-1).sort().values, old.reshape(-1).sort().values)
        assert not torch.equal(new, old)


@pytest.mark.parametrize("choice", ["mean_var", "shuffled"])
def test_derived_numbers_depend_on_the_seed_and_the_tensor_alone(choice: str) -> None:
    def digests_of(*settings: Any, **others: Any) -> dict[str, str]:
        return at_step_zero(Init.model_validate(started(arm(choice), "gpt2", *settings, **others)[1]))

    one, again, other = (digests_of(seed=seed) for seed in (1, 1, 2))
    assert one == again
    name = "transformer.h.0.mlp.c_fc.weight"
    assert one[name] != other[name]
    writes = digests_of(CAUSAL, seed=1, source=CAUSAL)
    reads = digests_of(CLASSIFY, seed=1, source=CAUSAL)
    assert writes[name] == reads[name]
    assert writes["lm_head.weight"] == writes["transformer.wte.weight"] == reads["transformer.wte.weight"]


def test_what_may_stay_random_trains_with_the_head() -> None:
    start = arm("frozen", newly_initialised=["pooler"])
    model, init = started(start, "bert", source=MASKED)
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert pooler < set(init["newly_initialised"]["names"])
    assert start.stages(model)[0].trainable == pooler | {"classifier.weight", "classifier.bias"}


def test_a_probe_needs_a_head() -> None:
    for choice, family in (("frozen", "gpt2"), ("frozen_random", "gpt2")):
        start = arm(choice)
        with pytest.raises(ConfigError, match="has no head apart from its embeddings"):
            start.stages(started(start, family, CAUSAL)[0])


def test_a_probe_of_a_language_model_trains_the_rest_of_its_head() -> None:
    start = arm("frozen")
    model, _ = started(start, "bert", MASKED)
    (stage,) = start.stages(model)
    assert stage.trainable == {
        "cls.predictions.bias",
        *(f"cls.predictions.transform.{part}.{kind}"
          for part in ("dense", "LayerNorm") for kind in ("weight", "bias")),
    }  # fmt: skip


def test_an_arm_that_would_load_nothing_is_refused() -> None:
    start = arm("layernorm_only")
    model = seeded(published("bert", BARE), CLASSIFY)
    for module in [m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]:
        module.__class__ = type("Scaling", (torch.nn.LayerNorm,), {})
    with pytest.raises(ConfigError, match="has no tensors that layernorm_only would load"):
        start.load_weights(model, published("bert", BARE))


def test_layers_belong_to_the_arms_that_count_them() -> None:
    with pytest.raises(ValueError, match="layers is a number for"):
        arm("first_k", layers=None)
    with pytest.raises(ValueError, match="layers is a number for"):
        arm("embeddings_only", layers=1)


def test_positions_that_the_architecture_fixes_prove_nothing_and_never_train() -> None:
    import transformers as tf

    kinds, sides = ("layers", "attention_heads"), ("encoder", "decoder")
    each: dict[str, Any] = {f"{side}_{what}": 1 for side in sides for what in kinds}
    config = tf.MarianConfig(
        vocab_size=VOCABULARY, d_model=H, pad_token_id=0, decoder_start_token_id=0, **each,
        encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=16,
    )  # fmt: skip
    model = tf.MarianMTModel(config)
    positions = {f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder")}
    assert fixed(model) == positions
    assert positions < set(Attestation(model).at_step_zero([], [], None)["constant"])
    assert positions.isdisjoint(arm("scratch").stages(model)[0].trainable)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["arm=first_k", "arm.layers=null"], "arm: layers is a number for first_layers"),
        (["arm=first_k", "arm.layers=-1"], "arm.layers: input should be greater than or equal to 0, got -1"),
        (["arm=first_k", "arm.layer=1"], "arm.layer: no such setting; did you mean arm.layers?"),
        (["arm=lora", "arm.rank=0"], "arm.rank: input should be greater than or equal to 1, got 0"),
        (["arm=lora", "arm.dropout=1"], "arm.dropout: input should be less than 1, got 1"),
        (["arm=frozen", "arm.trainable=heads"], "arm.trainable: input should be 'all', 'head' or"),
        (["arm=mean_var", "arm.numbers=mean"], "arm.numbers: input should be 'shuffled' or 'mean_var'"),
        (["arm=gradual_unfreezing", "+arm.trainable=head"], "arm: trainable cannot be chosen here"),
        (["arm=gradual_unfreezing", "arm.until=0"], "arm.until: input should be greater than 0, got 0"),
        (["arm=layerwise_decay", "arm.decay=1.1"], "arm.decay: input should be less than or equal to 1"),
        (["arm=pretrained", "arm.run=''"], "arm.run: string should have at least 1 character"),
    ],
)
def test_a_mistake_in_an_arm_is_one_sentence(typed: list[str], sentence: str) -> None:
    answered = headstart(*typed, "seed=0", "hydra.mode=RUN")
    assert answered.code == 2
    assert sentence in answered.err
