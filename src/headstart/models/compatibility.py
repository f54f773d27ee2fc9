"""Fits: which head an architecture can have, by transformers' own tables, and whether that makes sense."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from headstart.config import nearest
from headstart.data.cache import cached
from headstart.errors import ConfigError

Family = Literal["encoder", "decoder", "encoder_decoder", "vision"]
READS: dict[Family, str] = {
    "encoder": "reads in both directions",
    "decoder": "reads from left to right",
    "encoder_decoder": "reads with an encoder and writes with a decoder",
    "vision": "reads images",
}
AT_HOME: dict[Family, str] = {  # what an architecture can do instead
    "encoder": "task=docs_mlm",
    "decoder": "task=docs_clm",
    "encoder_decoder": "task=docs_summary",  # denoising needs a vocabulary with sentinels, which BART lacks
    "vision": "task=digits",
}
MADE_FOR: dict[str, Family] = {  # objectives that one family is made for
    "AutoModelForMaskedLM": "encoder",
    "AutoModelForCausalLM": "decoder",
    "AutoModelForSeq2SeqLM": "encoder_decoder",
    "AutoModelForImageClassification": "vision",
}
MODELS: dict[Family, str] = {
    "encoder": "an encoder such as model=minilm",
    "decoder": "a decoder such as model=gpt2",
    "encoder_decoder": "an encoder-decoder such as model=t5_small",
    "vision": "a vision model such as model=vit_tiny",
}
HEADS = {  # as their tasks are called
    "AutoModelForMaskedLM": "masked_lm",
    "AutoModelForCausalLM": "causal_lm",
    "AutoModelForSeq2SeqLM": "text_to_text",
    "AutoModelForSequenceClassification": "text_classification",
    "AutoModelForTokenClassification": "token_classification",
    "AutoModelForQuestionAnswering": "question_answering",
    "AutoModelForImageClassification": "image_classification",
}


def check(model_type: str, auto_class: str, *, is_decoder: bool = False) -> None:
    """ConfigError with the reason and what to use instead, unless the architecture can have this head.

    An encoder has a causal head in transformers, and would see the words that it has to predict unless its
    configuration says `is_decoder`. The encoder-decoders' other language modelling heads drop a half of them.
    """
    family, meant = family_of(model_type), MADE_FOR.get(auto_class)
    known = model_type in types_of(auto_class)
    if known and (meant is None or family in (meant, None) or (is_decoder and meant == "decoder")):
        return
    raise ConfigError(
        f"model: {model_type} {_reason(family, auto_class, known)}: use {_instead(family, meant)}"
    )


def family_of(model_type: str) -> Family | None:
    """How an architecture reads, by the heads that transformers has for it; None without any of them."""
    order: dict[str, Family] = {
        "AutoModelForSeq2SeqLM": "encoder_decoder",  # some of them are also listed as masked or causal
        "AutoModelForMaskedLM": "encoder",
        "AutoModelForCausalLM": "decoder",
        "AutoModelForImageClassification": "vision",
    }
    return next((family for auto, family in order.items() if model_type in types_of(auto)), None)


def types_of(auto_class: str) -> frozenset[str]:
    """The architectures (`model_type`) for which transformers has this head."""
    if auto_class not in HEADS:
        raise ConfigError(f"headstart has no task with the head {auto_class}; {nearest(auto_class, HEADS)}")
    return frozenset(_tables()[auto_class])


def _reason(family: Family | None, auto_class: str, known: bool) -> str:
    head = HEADS[auto_class]
    reads = f"{READS[family]} and " if family else ""
    if not known:
        return f"{reads}has no {head} head"
    if family == "encoder":
        return f"{reads}would see what a {head} head has to predict"
    return f"{reads}is not made for {head}"


def _instead(family: Family | None, meant: Family | None) -> str:
    other = MODELS[meant or "encoder"]
    return f"{AT_HOME[family]}, or {other}" if family and (meant or family == "vision") else other


@cache
def _tables() -> dict[str, list[str]]:
    """Model types by auto class; kept in the cache, since importing transformers' tables takes seconds."""
    name = f"heads-transformers-{version('transformers')}.json"
    return json.loads(cached(name, _write_tables).read_text("utf8"))


def _write_tables(path: Path) -> None:
    import transformers

    found = {auto: getattr(transformers, auto)._model_mapping._model_mapping for auto in HEADS}
    path.write_text(json.dumps({auto: sorted(types) for auto, types in found.items()}), "utf8")
