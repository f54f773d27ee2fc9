"""Architecture: makes the transformers configuration of a model from checked settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headstart.config import nearest
from headstart.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

# Settings that are null in a mapping when the tokenizer decides them.
FROM_TOKENIZER = ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
STANDARDISED = "standardised"  # mean and deviation of the targets of a regression model
LABELS = frozenset({"num_labels", "id2label", "label2id", "problem_type", STANDARDISED})
EXTRA = frozenset({"image_size"})  # for tasks with images; convolutional networks have no such setting
# Architectures whose first position is 1 + the id of the padding token, as in RoBERTa.
POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "xmod", "ibert")


def configuration(kind: str, settings: Mapping[str, Any], head: Mapping[str, Any]) -> PretrainedConfig:
    """The configuration of a model type; ConfigError on an unknown type, setting or kind of value."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        hint = nearest(kind, CONFIG_MAPPING.keys())
        hint = hint if hint.startswith("did") else "it is the model_type in a model's config.json"
        raise ConfigError(f"model.architecture.model_type: transformers has no {kind!r}; {hint}")
    config_class = CONFIG_MAPPING[kind]
    if (dtype := settings.get("dtype")) not in (None, "float32"):
        raise ConfigError(
            f"model.architecture.dtype: weights are float32, got {dtype!r}; leave it out, and choose "
            "precision=bf16 for arithmetic in bfloat16"
        )
    known = {*config_class.__dataclass_fields__, *config_class.attribute_map, *FROM_TOKENIZER, *EXTRA}
    if unknown := [name for name in settings if name not in known]:
        hints = {name: nearest(name, known) for name in unknown}
        raise ConfigError(
            f"model.architecture.{name}: {kind} has no such setting; "
            f"{hint if hint.startswith('did') else 'see its class in transformers'}"
            for name, hint in hints.items()
        )
    try:
        return for_task(config_class(**{**settings, **without_labels(head)}), head)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise ConfigError(f"model.architecture: {' '.join(str(error).split())[:300]}") from None


def without_labels(head: Mapping[str, Any]) -> dict[str, Any]:
    """The head settings without those of the labels, which `for_task` sets."""
    return {name: value for name, value in head.items() if name not in LABELS}


def for_task(config: PretrainedConfig, head: Mapping[str, Any]) -> PretrainedConfig:
    """`config`, changed in place for this task; nothing remains of an earlier use of the checkpoint.

    Weights are float32, whatever their stored type (`precision` is about arithmetic); outputs have names;
    attention and memory use transformers' defaults; classes are those of the task. Nested configurations are
    changed in the same way.
    """
    import torch
    from transformers import PretrainedConfig

    for nested in vars(config).values():
        if isinstance(nested, PretrainedConfig):
            for_task(nested, head)
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
    dtypes = {parameter: str(p.dtype).removeprefix("torch.") for parameter, p in model.named_parameters()}
    others = [parameter for parameter, dtype in dtypes.items() if dtype != "float32"]
    if others:
        raise ConfigError(
            f"model: {name} makes {len(others)} of {len(dtypes)} parameters in another type than float32 "
            f"({others[0]} is {dtypes[others[0]]}), and headstart trains float32: choose another model"
        )


def train_padding_that_ends_texts(model: nn.Module, config: PretrainedConfig) -> None:
    """Draw the embedding of a padding token that also begins or ends texts, as in SmolLM2, and let it train.

    transformers leaves that row 0 and without a gradient. Of a text that begins with the token, all layers of
    a Llama then see 0, which its normalisation multiplies by 1/sqrt(eps) in the gradient: 30 layers overflow.
    """
    from torch import nn, no_grad

    ids = [getattr(config, name, None) for name in ("bos_token_id", "eos_token_id")]
    used = {token for item in ids for token in (item if isinstance(item, list) else [item])}
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None and module.padding_idx in used:
            with no_grad():
                module.weight[module.padding_idx].normal_(std=getattr(config, "initializer_range", 0.02))
            module.padding_idx = None


def left_open(settings: Mapping[str, Any]) -> list[str]:
    """The settings that are null in a mapping and depend on the tokenizer."""
    return [name for name in FROM_TOKENIZER if name in settings and settings[name] is None]


def from_tokenizer(settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """The values of those settings for a tokenizer. A decoder starts with the padding token, as in T5."""
    values = {
        "vocab_size": rounded(len(tokenizer)),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
    }
    return {name: values[name] for name in left_open(settings)}


def rounded(tokens: int) -> int:
    """Rows of the embedding table for so many tokens: the next multiple of 8, which is fast on GPUs."""
    return -(-tokens // 8) * 8


def architecture_digest(config: PretrainedConfig) -> str:
    """sha256 (16 hex) of the settings that determine the model, without names and versions."""
    ignored = {"_name_or_path", "transformers_version", "architectures", "torch_dtype", "dtype", *LABELS}
    settings = {name: value for name, value in config.to_dict().items() if name not in ignored}
    settings["num_labels"] = config.num_labels
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def check_sizes(
    name: str, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> None:
    """ConfigError with every contradiction of a configuration, its tokenizer and `max_length` (tokens)."""
    text = config.get_text_config(decoder=False)
    rows, tokens = getattr(text, "vocab_size", None), 1 + max(tokenizer.get_vocab().values())
    mistakes: list[str] = []
    if rows is not None and tokens > rows:
        mistakes.append(
            f"model: the embedding of {name} has {rows} rows (vocab_size) and its tokenizer {tokens} tokens: "
            "choose the one that belongs to it, or write null for vocab_size in an architecture of your own"
        )
    start = getattr(config, "decoder_start_token_id", None)
    if rows is not None and start is not None and start >= rows:
        mistakes.append(
            f"model: the decoder of {name} begins with token {start} (decoder_start_token_id) and its "
            f"embedding has {rows} rows: correct its config.json"
        )
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is None:
        mistakes.append(
            f"model: the tokenizer of {name} has neither a padding nor an end token, so texts of different "
            "length make no batch: set pad_token in its tokenizer_config.json"
        )
    length, room = min(max_length, tokenizer.model_max_length), getattr(text, "max_position_embeddings", None)
    if isinstance(room, int) and room > 0:  # other models have no limit
        if text.model_type in POSITIONS_AFTER_PADDING:
            padding: Any = tokenizer.pad_token_id or 0
            room -= 1 + padding
        if length > room:
            mistakes.append(
                f"model.max_length: {length} tokens do not fit the {room} positions of {name}: choose {room}"
            )
    if mistakes:
        raise ConfigError(mistakes)
