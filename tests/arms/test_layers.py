"""Where the tensors of every architecture stand: embeddings, layers, what is above them, norms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arms.families import BART, CAUSAL, CLASSIFY, FAMILIES, LAYERS, LLAMA, MASKED, SEQ2SEQ, T5

from headstart.arms.layers import layout
from headstart.errors import ConfigError
from headstart.models.model import Model

ABOVE = {  # after the last layer, below the head; of the first task of each family
    "bert": {"bert.pooler.dense.weight", "bert.pooler.dense.bias"},
    "distilbert": set(),
    "roberta": set(),
    "electra": set(),
    "modernbert": {"model.final_norm.weight"},
    "deberta": set(),
    "gpt2": {"transformer.ln_f.weight", "transformer.ln_f.bias"},
    "llama": {"model.norm.weight"},
    "t5": {f"transformer.{side}.final_layer_norm.weight" for side in ("encoder", "decoder")},
    "bart": set(),
    "vit": {"vit.layernorm.weight", "vit.layernorm.bias"},
    "resnet": set(),
}
NORMS = {  # modules that normalise, layers and embeddings included
    **dict.fromkeys(FAMILIES, 2 * LAYERS + 1),  # ModernBERT: a final one, and none in the first layer
    "t5": 5 * LAYERS + 2,
    "bart": 5 * LAYERS + 2,
    "resnet": 1 + 3 + 4,
}


def skeleton(family: str, task: str, **settings: Any) -> torch.nn.Module:
    """Shapes without numbers: the same answer is needed where operations are counted."""
    return Model(name="shapes only").skeleton(task, FAMILIES[family].config(**settings))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tensor_has_its_place(family: str) -> None:
    model = skeleton(family, FAMILIES[family].tasks[0])
    places = layout(model)
    names = [*places.embeddings, *places.from_bottom, *places.above, *places.head]
    assert sorted(names) == sorted(model.state_dict())
    assert places.depths == FAMILIES[family].layers
    assert places.above == ABOVE[family]
    assert len({name.rpartition(".")[0] for name in places.norms}) == NORMS[family]
    assert all("embed" in name or name.startswith("transformer.w") or "shared" in name
               for name in places.embeddings)  # fmt: skip
    for name, index in places.from_bottom.items():
        assert f".{index}." in name
        assert places.from_top[name] == LAYERS - 1 - index


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_is_the_tasks_own(family: str) -> None:
    words = ("classifier", "classification_head", "score", "qa_outputs", "head.", "pooler.")
    for task in FAMILIES[family].tasks:
        if task in (MASKED, CAUSAL, SEQ2SEQ):
            continue
        places = layout(skeleton(family, task))
        assert places.head
        assert all(name.startswith((*words, "pre_classifier")) for name in places.head)


def test_an_output_layer_stands_with_the_embeddings_that_it_shares() -> None:
    tied = layout(skeleton("llama", CAUSAL, tie_word_embeddings=True))
    assert tied.embeddings == {"model.embed_tokens.weight", "lm_head.weight"}
    assert tied.head == frozenset()
    assert layout(skeleton("llama", CAUSAL)).head == {"lm_head.weight"}
    assert layout(skeleton("t5", SEQ2SEQ)).embeddings == {
        "shared.weight", "lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"
    }  # fmt: skip


@settings(max_examples=12)
@given(encoder=st.integers(1, 4), decoder=st.integers(1, 4), family=st.sampled_from(["t5", "bart"]))
def test_encoder_and_decoder_are_counted_apart(encoder: int, decoder: int, family: str) -> None:
    if family == "t5":
        config = tf.T5Config(**{**T5, "num_layers": encoder, "num_decoder_layers": decoder})
    else:
        config = tf.BartConfig(**{**BART, "encoder_layers": encoder, "decoder_layers": decoder})
    places = layout(Model(name="shapes only").skeleton(SEQ2SEQ, config))
    assert places.depths == (encoder, decoder)
    for side, depth in (("encoder", encoder), ("decoder", decoder)):
        of_side = {n: i for n, i in places.from_bottom.items() if f"{side}." in n}
        assert set(of_side.values()) == set(range(depth))
        assert all(places.from_top[name] == depth - 1 - index for name, index in of_side.items())
    with pytest.raises(ConfigError, match="are asked for"):
        places.need_layers(min(encoder, decoder) + 1)


@pytest.mark.parametrize("number", [1, 3, 12])
def test_as_many_layers_as_the_configuration_says(number: int) -> None:
    config = tf.LlamaConfig(**{**LLAMA, "num_hidden_layers": number})
    assert layout(Model(name="shapes only").skeleton(CLASSIFY, config)).need_layers(number) == number


def test_a_model_without_layers_is_refused() -> None:
    class Flat(torch.nn.Module):
        """One matrix."""

        def __init__(self) -> None:
            super().__init__()
            self.dense = torch.nn.Linear(2, 2)

    places = layout(Flat())
    assert places.depths == ()
    with pytest.raises(ConfigError, match="Flat has no list of layers"):
        places.need_layers()
