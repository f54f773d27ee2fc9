"""Fits: what makes sense is let through; the rest is refused with the reason and what to use."""

from __future__ import annotations

import pytest

from headstart.errors import ConfigError
from headstart.models import compatibility
from headstart.models.model import Model

TEXT = ("SequenceClassification", "TokenClassification", "QuestionAnswering")
GOOD = [
    *[(kind, head) for kind in ("bert", "roberta", "electra", "modernbert") for head in (*TEXT, "MaskedLM")],
    *[(kind, head) for kind in ("distilbert", "deberta-v2") for head in (*TEXT, "MaskedLM")],
    *[(kind, head) for kind in ("gpt2", "llama") for head in (*TEXT, "CausalLM")],
    *[("t5", head) for head in (*TEXT, "Seq2SeqLM")],
    *[("bart", head) for head in ("SequenceClassification", "QuestionAnswering", "Seq2SeqLM")],
    *[(kind, "ImageClassification") for kind in ("vit", "resnet")],
]
BAD = [
    (
        "gpt2",
        "MaskedLM",
        "reads from left to right and has no masked_lm head: use task=docs_clm, or an encoder such as model=",
    ),
    (
        "bert",
        "CausalLM",
        "would see what a causal_lm head has to predict: use task=docs_mlm, or a decoder such as model=gpt2",
    ),
    ("bart", "CausalLM", "is not made for causal_lm: use task=docs_summary, or a decoder"),
    ("bart", "MaskedLM", "is not made for masked_lm: use task=docs_summary, or an encoder"),
    ("bart", "TokenClassification", "has no token_classification head: use an encoder such as model=minilm"),
    ("gpt2", "Seq2SeqLM", "has no text_to_text head: use task=docs_clm, or an encoder-decoder"),
    ("t5", "MaskedLM", "has no masked_lm head: use task=docs_summary"),
    ("vit", "SequenceClassification", "reads images and has no text_classification head: use task=digits"),
    ("bert", "ImageClassification", "has no image_classification head: use task=docs_mlm, or a vision model"),
    ("timesfm", "MaskedLM", "timesfm has no masked_lm head: use an encoder"),
]


@pytest.mark.parametrize(("kind", "head"), GOOD)
def test_what_makes_sense_is_let_through(kind: str, head: str) -> None:
    compatibility.check(kind, f"AutoModelFor{head}")


@pytest.mark.parametrize(("kind", "head", "told"), BAD)
def test_what_does_not_is_refused_with_the_reason_and_what_to_use(kind: str, head: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compatibility.check(kind, f"AutoModelFor{head}")
    assert str(refused.value).startswith(f"model: {kind} ")
    assert told in str(refused.value)


def test_what_is_named_instead_exists() -> None:
    from headstart.studies.compose import choices

    named = " ".join([*compatibility.OTHER_TASKS.values(), *compatibility.OTHER_MODELS.values()])
    pairs = [word.split("=") for word in named.split() if "=" in word]
    assert len(pairs) == 8
    for group, choice in pairs:
        assert choice in choices()[group], f"{group}={choice}"


def test_an_encoder_that_is_told_to_be_a_decoder_may_predict() -> None:
    compatibility.check("bert", "AutoModelForCausalLM", is_decoder=True)
    told = {"model_type": "bert", "is_decoder": True}
    Model.read({"name": "x", "architecture": told}).check_head("AutoModelForCausalLM")


def test_a_class_that_no_task_uses_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean AutoModelForMaskedLM"):
        compatibility.types_of("AutoModelForMaskdLM")


def test_the_tables_are_those_of_transformers() -> None:
    from transformers.models.auto import modeling_auto

    assert compatibility.types_of("AutoModelForMaskedLM") == set(
        modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    )
    assert compatibility.types_of("AutoModelForCausalLM") == set(
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    )


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("bert", "encoder"),
        ("xlm-roberta", "encoder"),
        ("gpt_neo", "decoder"),
        ("bart", "encoder_decoder"),
        ("mt5", "encoder_decoder"),
        ("swin", "vision"),
        ("no-such-thing", None),
    ],
)
def test_families(kind: str, family: str | None) -> None:
    assert compatibility.family_of(kind) == family


def test_a_model_that_is_not_here_is_not_judged_yet() -> None:
    Model.read({"name": "nobody/knows-this"}).check_head("AutoModelForMaskedLM")
