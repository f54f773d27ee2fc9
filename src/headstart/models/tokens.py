"""Tokens: rows as token ids, made once for a dataset and a tokenizer, kept on disk, shared by all runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from headstart.data.cache import cached
from headstart.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 2  # raise it when the meaning of the stored columns changes
BLOCK = 2000  # rows given to the tokenizer at a time
NOWHERE = -1  # where a token begins and ends that stands for no characters


@dataclass(frozen=True)
class Tokens:
    """Token ids of every row, cut at the limit; `kinds` are the segment ids of pairs."""

    ids: list[np.ndarray]
    kinds: list[np.ndarray] | None
    truncated: np.ndarray  # (rows,) bool: was this row longer than the limit?

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per row, special tokens included."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def take(self, rows: Sequence[int]) -> Self:
        """The same, for some rows in that order."""
        return type(self)(**{name: _taken(column, rows) for name, column in vars(self).items()})


@dataclass(frozen=True)
class LocatedTokens(Tokens):
    """Tokens that know which characters of the text they stand for; NOWHERE for those that stand for none."""

    begins: list[np.ndarray]
    ends: list[np.ndarray]


@dataclass(frozen=True)
class WindowTokens(LocatedTokens):
    """A question and a piece of its context in every row; only tokens of the context are located, in it."""

    source: np.ndarray  # (rows,) int64: the text that the window was cut from, ascending


Kept = TypeVar("Kept", bound=Tokens)


def tokens_of(
    tokenizer: PreTrainedTokenizerBase,
    tokenizer_digest: str,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> Tokens:
    """Tokens of `texts` (and their second texts), from the cache when they were made before."""
    return _kept(
        Tokens,
        cache_key(f"{tokenizer_digest}:{max_length}", texts, pairs or ()),
        lambda: _tokenise(tokenizer, texts, pairs, max_length),
    )


def located_tokens_of(
    tokenizer: PreTrainedTokenizerBase, tokenizer_digest: str, texts: Sequence[str], max_length: int
) -> LocatedTokens:
    """Tokens of `texts` with the characters that each stands for, from the cache when made before.

    ConfigError when the tokenizer does not know where its tokens are.
    """
    _require_offsets(tokenizer)
    return _kept(
        LocatedTokens,
        cache_key(f"{tokenizer_digest}:{max_length}:located", texts, ()),
        lambda: _locate(tokenizer, texts, max_length),
    )


def windows_of(
    tokenizer: PreTrainedTokenizerBase,
    tokenizer_digest: str,
    questions: Sequence[str],
    contexts: Sequence[str],
    max_length: int,
    stride: int,
) -> WindowTokens:
    """Each question with a window of its context, as many windows as it takes, in the order of the texts.

    Windows have at most `max_length` tokens and overlap by `stride` of them. A question may fill half of
    a window: a longer one is cut and its windows are marked as truncated. ConfigError when the tokenizer
    does not know where its tokens are, or `stride` leaves no room for anything new.
    """
    _require_offsets(tokenizer)
    room = max_length - max_length // 2 - tokenizer.num_special_tokens_to_add(pair=True)
    if stride >= room:
        raise ConfigError(
            f"task.stride: {stride} tokens of overlap leave nothing new in windows of {max_length} tokens: "
            f"choose less than {room}, or a larger model.max_length"
        )
    return _kept(
        WindowTokens,
        cache_key(f"{tokenizer_digest}:{max_length}:windows:{stride}", questions, contexts),
        lambda: _windows(tokenizer, questions, contexts, max_length, stride),
    )


def _require_offsets(tokenizer: PreTrainedTokenizerBase) -> None:
    if not tokenizer.is_fast:
        raise ConfigError(
            f"model: {type(tokenizer).__name__} does not say where in the text its tokens are: "
            "choose a model with a fast tokenizer (tokenizer.json)"
        )


def cache_key(how: str, *columns: Sequence[str]) -> str:
    """32 hex digits for columns of texts of one length and how they are tokenised, by these libraries."""
    made_by = f"{VERSION}:{version('tokenizers')}:{version('transformers')}"
    digest = hashlib.sha256(f"{made_by}:{how}:{len(columns[0])}".encode())
    for column in columns:
        for text in column:
            digest.update(text.encode("utf8", "surrogatepass") + b"\x1f")
        digest.update(b"\x1e")
    return digest.hexdigest()[:32]


def _kept(kind: type[Kept], key: str, make: Callable[[], Kept]) -> Kept:
    return _read(kind, cached(f"tokens/{key}.parquet", lambda path: _write(path, make())))


def _tokenise(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pairs: Sequence[str] | None, limit: int
) -> Tokens:
    found = []
    for start in range(0, len(texts), BLOCK):
        block = list(texts[start : start + BLOCK])
        second = None if pairs is None else list(pairs[start : start + BLOCK])
        whole = tokenizer(block, second, truncation=False, verbose=False)
        cut = tokenizer(block, second, truncation=True, max_length=limit)
        found.append(Tokens(**_columns(cut), truncated=_longer(whole, limit)))
    return _joined(found)


def _locate(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], limit: int) -> LocatedTokens:
    found = []
    for start in range(0, len(texts), BLOCK):
        block = list(texts[start : start + BLOCK])
        whole = tokenizer(block, truncation=False, verbose=False)
        cut = tokenizer(block, truncation=True, max_length=limit, return_offsets_mapping=True)
        found.append(LocatedTokens(**_columns(cut), **_places(cut, 0), truncated=_longer(whole, limit)))
    return _joined(found)


def _windows(
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[str],
    contexts: Sequence[str],
    limit: int,
    stride: int,
) -> WindowTokens:
    found = []
    for start in range(0, len(questions), BLOCK):
        fitting, was_cut = _fitting(tokenizer, questions[start : start + BLOCK], limit // 2)
        cut = tokenizer(
            fitting,
            list(contexts[start : start + BLOCK]),
            truncation="only_second",
            max_length=limit,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        source = np.array(cut["overflow_to_sample_mapping"], dtype=np.int64)
        columns = {**_columns(cut), **_places(cut, 1), "truncated": was_cut[source]}
        found.append(WindowTokens(**columns, source=start + source))
    return _joined(found)


def _fitting(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[str], limit: int
) -> tuple[list[str], np.ndarray]:
    """The questions, cut after `limit` tokens; and which were: (questions,) bool."""
    found = tokenizer(
        list(questions),
        add_special_tokens=False,
        return_offsets_mapping=True,
        truncation=False,
        verbose=False,
    )
    was_cut = _longer(found, limit)
    # Where a character takes several tokens, as in byte-level ones, the last kept and the first dropped may
    # share it: the character goes too, for with it the question would again be too long.
    kept = [
        question[: min(places[limit - 1][1], places[limit][0])] if cut else question
        for question, places, cut in zip(questions, found["offset_mapping"], was_cut, strict=True)
    ]
    return kept, was_cut


def _longer(found: Any, limit: int) -> np.ndarray:
    return np.array([len(row) > limit for row in found["input_ids"]], dtype=bool)


def _columns(found: Any) -> dict[str, Any]:
    kinds = [np.array(row, dtype=np.int8) for row in found.get("token_type_ids", [])]
    return {"ids": [np.array(row, dtype=np.int32) for row in found["input_ids"]], "kinds": kinds or None}


def _places(found: Any, text: int) -> dict[str, list[np.ndarray]]:
    """Where the tokens of the first (0) or second (1) text begin and end in it."""
    begins, ends = [], []
    for row, offsets in enumerate(found["offset_mapping"]):
        places = np.array(offsets, dtype=np.int32).reshape(-1, 2)
        own = np.array([number == text for number in found.sequence_ids(row)], dtype=bool)
        own &= places[:, 0] < places[:, 1]  # a token that stands for no characters is nowhere
        begins.append(np.where(own, places[:, 0], NOWHERE).astype(np.int32))
        ends.append(np.where(own, places[:, 1], NOWHERE).astype(np.int32))
    return {"begins": begins, "ends": ends}


def _joined(found: Sequence[Kept]) -> Kept:
    """The tokens of all blocks, one after the other."""
    columns: dict[str, Any] = {}
    for name, first in vars(found[0]).items():
        parts = [getattr(part, name) for part in found]
        if isinstance(first, np.ndarray):
            columns[name] = np.concatenate(parts)
        else:
            columns[name] = None if first is None else [row for part in parts for row in part]
    return type(found[0])(**columns)


def _taken(column: Any, rows: Sequence[int]) -> Any:
    if column is None:
        return None
    return column[list(rows)] if isinstance(column, np.ndarray) else [column[i] for i in rows]


def _write(path: Path, tokens: Tokens) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for name, column in vars(tokens).items():
        if isinstance(column, list):
            columns[name] = pa.array(column, pa.list_(pa.from_numpy_dtype(column[0].dtype)))
        elif column is not None:
            columns[name] = pa.array(column)
    pq.write_table(pa.table(columns), path)


def _read(kind: type[Kept], path: Path) -> Kept:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns: dict[str, Any] = {"kinds": None}
    for name in table.column_names:
        is_list = pa.types.is_list(table.schema.field(name).type)
        columns[name] = _rows(table, name) if is_list else table[name].to_numpy(zero_copy_only=False)
    return kind(**columns)


def _rows(table: Any, column: str) -> list[np.ndarray]:
    lists = table[column].combine_chunks()
    offsets = lists.offsets.to_numpy()
    return np.split(lists.values.to_numpy(zero_copy_only=False), offsets[1:-1])
