"""Sizes: a configuration, its tokenizer and the length of texts have to fit, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headstart.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

# Their first position stands behind the number of the padding token, as in RoBERTa.
BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "xmod", "ibert")


def check_sizes(
    name: str, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> None:
    """ConfigError with every disagreement of a configuration, its tokenizer and `max_length`, in tokens."""
    text = config.get_text_config(decoder=False)
    rows, tokens = getattr(text, "vocab_size", None), 1 + max(tokenizer.get_vocab().values())
    wrong: list[str] = []
    if rows is not None and tokens > rows:
        wrong.append(
            f"model: the embedding of {name} has {rows} rows (vocab_size) and its tokenizer {tokens} tokens: "
            "choose the one that belongs to it, or write null for vocab_size in an architecture of your own"
        )
    start = getattr(config, "decoder_start_token_id", None)
    if rows is not None and start is not None and start >= rows:
        wrong.append(
            f"model: the decoder of {name} begins with token {start} (decoder_start_token_id) and its "
            f"embedding has {rows} rows: correct its config.json"
        )
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is None:
        wrong.append(
            f"model: the tokenizer of {name} has neither a padding nor an end token, so texts of different "
            "length make no batch: set pad_token in its tokenizer_config.json"
        )
    asked, room = min(max_length, tokenizer.model_max_length), positions(text, tokenizer)
    if room is not None and asked > room:
        wrong.append(
            f"model.max_length: {asked} tokens do not fit the {room} positions of {name}: choose {room}"
        )
    if wrong:
        raise ConfigError(wrong)


def positions(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The longest text in tokens; None for a model without such a limit."""
    room = getattr(config, "max_position_embeddings", None)
    if not isinstance(room, int) or room < 1:
        return None
    padding: Any = tokenizer.pad_token_id or 0
    return room - 1 - padding if config.model_type in BEHIND_PADDING else room
