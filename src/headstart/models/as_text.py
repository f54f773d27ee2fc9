"""As text: a tokenizer to which `[SEP]` or `</s>` in a row is letters, and the count of such rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def special_tokens(tokenizer: Any) -> list[str]:
    """The spellings of all special tokens, those that have a role and those that were added, sorted."""
    added = tokenizer.added_tokens_decoder.values()
    return sorted({*tokenizer.all_special_tokens, *(token.content for token in added if token.special)})


def as_text(tokenizer: Any) -> Any:
    """The tokenizer, changed so that no text makes special tokens; it still puts its own around texts.

    A vocabulary that lists `</s>` among its pieces, as unigram ones do, would find it again:
    there the first letter is split off before the vocabulary is asked.
    """
    tokenizer.split_special_tokens = True
    tokenizer.init_kwargs["split_special_tokens"] = True  # what a saved tokenizer keeps
    names = special_tokens(tokenizer)
    special = set(tokenizer.convert_tokens_to_ids(names))
    if tokenizer.is_fast and special & set(tokenizer(" ".join(names), add_special_tokens=False)["input_ids"]):
        _split_first_letters(tokenizer, names)
    return tokenizer


def rows_with_special_tokens(tokenizer: Any, rows: Iterable[Iterable[str]]) -> int:
    """How many rows have the letters of a special token in one of their texts."""
    names = special_tokens(tokenizer)
    if not names:
        return 0
    search = re.compile("|".join(map(re.escape, names))).search
    return sum(any(search(text) for text in texts) for texts in rows)


def _split_first_letters(tokenizer: Any, names: Iterable[str]) -> None:
    from tokenizers import Regex, pre_tokenizers

    parts = [f"{re.escape(name[0])}(?={re.escape(name[1:])})" for name in names if len(name) > 1]
    split = pre_tokenizers.Split(Regex("|".join(parts)), "isolated")
    backend = tokenizer.backend_tokenizer
    former = backend.pre_tokenizer
    backend.pre_tokenizer = split if former is None else pre_tokenizers.Sequence([former, split])
