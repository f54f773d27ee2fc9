"""Compatibility: the heads that an architecture can have, from transformers' tables."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from headstart.cache import cached
from headstart.config import nearest
from headstart.errors import ConfigError

Family = Literal["encoder", "decoder", "encoder_decoder", "vision"]
READS: dict[Family, str] = {
    "encoder": "reads in both directions",
    "decoder": "reads from left to right",
    "encoder_decoder": "reads with an encoder and writes with a decoder",
    "vision": "reads images",
}
OTHER_TASKS: dict[Family, str] = {  # tasks that fit an architecture
    "encoder": "task=docs_mlm",
    "decoder": "task=docs_clm",
    "encoder_decoder": "task=docs_summary",  # denoising needs a vocabulary with sentinels, which BART lacks
    "vision": "task=digits",
}
OTHER_MODELS: dict[Family, str] = {
    "encoder": "an encoder such as model=minilm",
    "decoder": "a decoder such as model=gpt2",
    "encoder_decoder": "an encoder-decoder such as model=t5_small",
    "vision": "a vision model such as model=vit_tiny",
}
MADE_FOR: dict[str, Family] = {  # objectives of one family, in the order in which a family is recognised,
    "AutoModelForSeq2SeqLM": "encoder_decoder",  # since some of these are also listed as masked or causal
    "AutoModelForMaskedLM": "encoder",
    "AutoModelForCausalLM": "decoder",
    "AutoModelForImageClassification": "vision",
}
HEADS = {  # transformers' class -> the kind of task
    "AutoModelForMaskedLM": "masked_lm",
    "AutoModelForCausalLM": "causal_lm",
    "AutoModelForSeq2SeqLM": "text_to_text",
    "AutoModelForSequenceClassification": "text_classification",
    "AutoModelForTokenClassification": "token_classification",
    "AutoModelForQuestionAnswering": "question_answering",
    "AutoModelForImageClassification": "image_classification",
}


def check(model_type: str, auto_class: str, *, is_decoder: bool = False) -> None:
    """ConfigError with the reason and an alternative, unless the architecture can have this head.

    transformers has causal heads for encoders, but they see the words to predict unless the configuration
    sets `is_decoder`. Other language modelling heads of encoder-decoders drop one half of the model.
    """
    family, needed = family_of(model_type), MADE_FOR.get(auto_class)
    exists = model_type in types_of(auto_class)
    if exists and (needed is None or family in (needed, None) or (is_decoder and needed == "decoder")):
        return
    head = HEADS[auto_class]
    reason = f"{READS[family]} and " if family else ""
    if not exists:
        reason += f"has no {head} head"
    elif family == "encoder":
        reason += f"would see what a {head} head has to predict"
    else:
        reason += f"is not made for {head}"
    instead = OTHER_MODELS[needed or "encoder"]
    if family and (needed or family == "vision"):
        instead = f"{OTHER_TASKS[family]}, or {instead}"
    raise ConfigError(f"model: {model_type} {reason}: use {instead}")


def family_of(model_type: str) -> Family | None:
    """The family of an architecture, from the heads that transformers has for it; None without any."""
    return next((family for auto, family in MADE_FOR.items() if model_type in types_of(auto)), None)


def types_of(auto_class: str) -> frozenset[str]:
    """The architectures (`model_type`) that have this head in transformers."""
    if auto_class not in HEADS:
        raise ConfigError(f"headstart has no task with the head {auto_class}; {nearest(auto_class, HEADS)}")
    return frozenset(_tables()[auto_class])


@cache
def _tables() -> dict[str, list[str]]:
    """Model types by auto class; cached on disk, since importing transformers' tables takes seconds."""

    def write(path: Path) -> None:
        from headstart.screen import waiting

        with waiting("reading which heads transformers has, once"):
            import transformers

            tables = {auto: getattr(transformers, auto)._model_mapping._model_mapping for auto in HEADS}
        path.write_text(json.dumps({auto: sorted(types) for auto, types in tables.items()}), "utf8")

    return json.loads(cached(f"heads-transformers-{version('transformers')}.json", write).read_text("utf8"))
