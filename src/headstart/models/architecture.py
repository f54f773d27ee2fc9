"""Architecture: a mapping of transformers' settings as a configuration, with every setting known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headstart.config import nearest
from headstart.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

FOLLOWS = (  # settings that are the tokenizer's where a mapping has null
    "vocab_size",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "decoder_start_token_id",
)
STANDARDISED = "standardised"  # mean and deviation of the numbers that a model for regression was trained on
LABELS = frozenset({"num_labels", "id2label", "label2id", "problem_type", STANDARDISED})
EXTRA = frozenset({"image_size"})  # for tasks with images; convolutional networks have no such setting


def configuration(kind: str, settings: Mapping[str, Any], head: Mapping[str, Any]) -> PretrainedConfig:
    """The configuration of a model type; ConfigError on an unknown type, setting or kind of value."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        hint = nearest(kind, CONFIG_MAPPING.keys())
        hint = hint if hint.startswith("did") else "it is the model_type in a model's config.json"
        raise ConfigError(f"model.architecture.model_type: transformers has no {kind!r}; {hint}")
    made = CONFIG_MAPPING[kind]
    if (dtype := settings.get("dtype")) not in (None, "float32"):
        raise ConfigError(
            f"model.architecture.dtype: weights are float32, got {dtype!r}; leave it out, and choose "
            "precision=bf16 for arithmetic in bfloat16"
        )
    known = {*made.__dataclass_fields__, *made.attribute_map, *FOLLOWS, *EXTRA}
    if wrong := [name for name in settings if name not in known]:
        raise ConfigError(
            f"model.architecture.{name}: {kind} has no such setting; {_few(name, known)}" for name in wrong
        )
    try:
        return settled(made(**{**settings, **without_labels(head)}), head)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise ConfigError(f"model.architecture: {' '.join(str(error).split())[:300]}") from None


def without_labels(head: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a task's head that a configuration is made with; `settled` gives it the others."""
    return {name: value for name, value in head.items() if name not in LABELS}


def settled(config: PretrainedConfig, head: Mapping[str, Any]) -> PretrainedConfig:
    """`config`, changed in place: what a checkpoint says about how it was once run does not count here.

    Weights are float32 whatever type they were stored in (`precision` says how they are used), outputs have
    names, attention and memory are as transformers chooses, and classes are those of the task, not those of
    a task before it. Nested configurations are changed likewise.
    """
    import torch
    from transformers import PretrainedConfig

    for nested in vars(config).values():
        if isinstance(nested, PretrainedConfig):
            settled(nested, head)
    names: dict[int, str] = head.get("id2label") or {
        number: f"LABEL_{number}" for number in range(head.get("num_labels", 2))
    }
    config.id2label, config.label2id = names, {name: number for number, name in names.items()}
    config.problem_type = head.get("problem_type")
    vars(config).pop(STANDARDISED, None)
    if STANDARDISED in head:
        setattr(config, STANDARDISED, head[STANDARDISED])
    config.dtype = torch.float32
    config.return_dict = True
    config.output_hidden_states = config.output_attentions = False
    config._attn_implementation = config._experts_implementation = None
    if hasattr(config, "gradient_checkpointing"):
        config.gradient_checkpointing = False
    return config


def refuse_other_dtypes(model: nn.Module, name: str) -> None:
    """ConfigError when a parameter is not float32: some architectures choose their own."""
    kinds = {name: str(p.dtype).removeprefix("torch.") for name, p in model.named_parameters()}
    other = [parameter for parameter, kind in kinds.items() if kind != "float32"]
    if other:
        raise ConfigError(
            f"model: {name} makes {len(other)} of {len(kinds)} parameters in another type than float32 "
            f"({other[0]} is {kinds[other[0]]}), and headstart trains float32: choose another model"
        )


def following(settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """What a mapping leaves to the tokenizer: the size of the vocabulary and the numbers of special tokens.

    A decoder begins with the padding token, as T5's does.
    """
    theirs = {
        "vocab_size": rounded(len(tokenizer)),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
    }
    return {name: theirs[name] for name in left_open(settings)}


def left_open(settings: Mapping[str, Any]) -> list[str]:
    """The settings that a mapping names with null and a tokenizer decides."""
    return [name for name in FOLLOWS if name in settings and settings[name] is None]


def rounded(tokens: int) -> int:
    """Rows of an embedding table for so many tokens: the next multiple of 8, which matrix units prefer."""
    return -(-tokens // 8) * 8


def architecture_digest(config: PretrainedConfig) -> str:
    """sha256 (16 hex) of the settings that shape the model, without names and versions."""
    ignored = {"_name_or_path", "transformers_version", "architectures", "torch_dtype", "dtype", *LABELS}
    settings = {
        name: value for name, value in config.to_dict().items() if name not in {*ignored, STANDARDISED}
    }
    settings["num_labels"] = config.num_labels
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _few(name: str, known: Iterable[str]) -> str:
    hint = nearest(name, known)
    return hint if hint.startswith("did") else "see its class in transformers"
