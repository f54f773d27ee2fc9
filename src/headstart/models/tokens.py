"""Tokens: the token ids of rows, made once per dataset and tokenizer, cached on disk for all runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from headstart.cache import cached
from headstart.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedTokenizerBase

VERSION = 2  # increase it when the meaning of the stored columns changes
BLOCK = 2000  # rows per call of the tokenizer
LETTERS = 40  # characters for each token that is kept, of a very long text
NOWHERE = -1  # begin and end of tokens without characters


class Rows(Sequence[np.ndarray]):
    """Rows of different lengths that lie one behind the other in one array."""

    def __init__(self, values: np.ndarray, begins: np.ndarray) -> None:
        self.values, self.begins = values, begins  # (rows + 1,): where each row begins, and the end

    def __len__(self) -> int:
        return len(self.begins) - 1

    def __getitem__(self, row: Any) -> Any:
        row = range(len(self))[row]
        return self.values[self.begins[row] : self.begins[row + 1]]


@dataclass(frozen=True)
class Tokens:
    """Token ids of every row, cut at the limit; `kinds` are the segment ids of pairs."""

    ids: Sequence[np.ndarray]
    kinds: Sequence[np.ndarray] | None
    truncated: np.ndarray  # (rows,) bool: was this row longer than the limit?

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens per row, special tokens included; every batch asks for them."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def take(self, rows: Sequence[int]) -> Self:
        """The tokens of these rows, in this order."""
        columns: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            column = getattr(self, name)
            if isinstance(column, np.ndarray):
                columns[name] = column[list(rows)]
            else:
                columns[name] = None if column is None else [column[row] for row in rows]
        return type(self)(**columns)


@dataclass(frozen=True)
class LocatedTokens(Tokens):
    """Tokens with their characters in the text; NOWHERE for tokens without any."""

    begins: Sequence[np.ndarray]
    ends: Sequence[np.ndarray]


@dataclass(frozen=True)
class WindowTokens(LocatedTokens):
    """A question and a window of its context per row; only tokens of the context are located, in it."""

    source: np.ndarray  # (rows,) int64: the text that the window was cut from, ascending


AnyTokens = TypeVar("AnyTokens", bound=Tokens)


def tokens_of(
    tokenizer: PreTrainedTokenizerBase,
    tokenizer_digest: str,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> Tokens:
    """Tokens of `texts` (and of their second texts); cached."""

    def tokenise(rows: slice) -> Tokens:
        first, second = list(texts[rows]), None if pairs is None else list(pairs[rows])
        if second is None:
            first = _beginnings(tokenizer, first, max_length)
        whole = tokenizer(first, second, truncation=False, verbose=False)
        columns, longer = _columns(whole), _longer(whole, max_length)
        if longer.any():
            first, second = (texts and list(compress(texts, longer)) for texts in (first, second))
            cut = _columns(tokenizer(first, second, truncation=True, max_length=max_length))
            for name in (name for name, column in columns.items() if column is not None):
                for row, shorter in zip(np.flatnonzero(longer), cut[name], strict=True):
                    columns[name][row] = shorter
        return Tokens(**columns, truncated=longer)

    key = cache_key(f"{tokenizer_digest}:{max_length}", texts, pairs or ())
    return _from_cache(Tokens, key, len(texts), tokenise)


def _beginnings(tokenizer: PreTrainedTokenizerBase, texts: list[str], max_length: int) -> list[str]:
    """The texts; of a very long one the beginning, up to a space, that has twice the tokens that are kept.

    A text of 10 MB would take gigabytes as tokens, of which nearly all are cut off again.
    """
    if getattr(tokenizer, "truncation_side", None) != "right":  # a partial tokenizer does not say
        return texts
    read = texts.copy()
    for row, text in enumerate(texts):
        end = LETTERS * max_length
        while 2 * end < len(text) and (space := text.find(" ", end)) >= 0:
            beginning = text[:space]
            if len(tokenizer(beginning, truncation=False, verbose=False)["input_ids"]) > 2 * max_length:
                read[row] = beginning
                break
            end = 2 * space
    return read


def located_tokens_of(
    tokenizer: PreTrainedTokenizerBase, tokenizer_digest: str, texts: Sequence[str], max_length: int
) -> LocatedTokens:
    """Tokens of `texts` with their characters; cached.

    ConfigError when the tokenizer has no offsets.
    """

    def tokenise(rows: slice) -> LocatedTokens:
        read = _beginnings(tokenizer, list(texts[rows]), max_length)
        whole = tokenizer(read, truncation=False, verbose=False)
        cut = tokenizer(read, truncation=True, max_length=max_length, return_offsets_mapping=True)
        return LocatedTokens(**_columns(cut), **_offsets(cut, 0), truncated=_longer(whole, max_length))

    _require_offsets(tokenizer)
    key = cache_key(f"{tokenizer_digest}:{max_length}:located", texts, ())
    return _from_cache(LocatedTokens, key, len(texts), tokenise)


def windows_of(
    tokenizer: PreTrainedTokenizerBase,
    tokenizer_digest: str,
    questions: Sequence[str],
    contexts: Sequence[str],
    max_length: int,
    stride: int,
) -> WindowTokens:
    """Each question with all windows of its context, in the order of the texts; cached.

    Windows have at most `max_length` tokens and overlap by `stride` of them. A question may fill half of
    a window: a longer one is cut and its windows are marked as truncated. ConfigError when the tokenizer
    has no offsets, or `stride` leaves no room for new tokens.
    """

    def tokenise(rows: slice) -> WindowTokens:
        fitting, was_cut = _shortened(tokenizer, questions[rows], max_length // 2)
        cut = tokenizer(
            fitting,
            list(contexts[rows]),
            truncation="only_second",
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        source = np.array(cut["overflow_to_sample_mapping"], dtype=np.int64)
        columns = {**_columns(cut), **_offsets(cut, 1), "truncated": was_cut[source]}
        return WindowTokens(**columns, source=rows.start + source)

    _require_offsets(tokenizer)
    room = max_length - max_length // 2 - tokenizer.num_special_tokens_to_add(pair=True)
    if stride >= room:
        raise ConfigError(
            f"task.stride: {stride} tokens of overlap leave nothing new in windows of {max_length} tokens: "
            f"choose less than {room}, or a larger model.max_length"
        )
    key = cache_key(f"{tokenizer_digest}:{max_length}:windows:{stride}", questions, contexts)
    return _from_cache(WindowTokens, key, len(questions), tokenise)


def _require_offsets(tokenizer: PreTrainedTokenizerBase) -> None:
    if not tokenizer.is_fast:
        raise ConfigError(
            f"model: {type(tokenizer).__name__} does not say where in the text its tokens are: "
            "choose a model with a fast tokenizer (tokenizer.json)"
        )


def cache_key(settings: str, *columns: Sequence[str]) -> str:
    """32 hex digits of equally long columns of texts, the tokenisation and the versions of its libraries."""
    made_by = f"{VERSION}:{version('tokenizers')}:{version('transformers')}"
    digest = hashlib.sha256(f"{made_by}:{settings}:{len(columns[0])}".encode())
    for column in columns:
        for text in column:
            digest.update(text.encode("utf8", "surrogatepass") + b"\x1f")
        digest.update(b"\x1e")
    return digest.hexdigest()[:32]


def _shortened(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[str], limit: int
) -> tuple[list[str], np.ndarray]:
    """The questions, cut after `limit` tokens; and whether each was cut: (questions,) bool."""
    whole = tokenizer(
        list(questions),
        add_special_tokens=False,
        return_offsets_mapping=True,
        truncation=False,
        verbose=False,
    )
    was_cut = _longer(whole, limit)
    # The last kept and the first dropped token may share a character (byte-level tokens): it is cut, too,
    # since with it the question would still be too long.
    shortened = [
        question[: min(offsets[limit - 1][1], offsets[limit][0])] if cut else question
        for question, offsets, cut in zip(questions, whole["offset_mapping"], was_cut, strict=True)
    ]
    return shortened, was_cut


def _longer(encoding: Any, limit: int) -> np.ndarray:
    return np.array([len(row) > limit for row in encoding["input_ids"]], dtype=bool)


def _columns(encoding: Any) -> dict[str, Any]:
    kinds = [np.array(row, dtype=np.int8) for row in encoding.get("token_type_ids", [])]
    return {"ids": [np.array(row, dtype=np.int32) for row in encoding["input_ids"]], "kinds": kinds or None}


def _offsets(encoding: Any, text: int) -> dict[str, list[np.ndarray]]:
    """Begin and end of the tokens of the first (0) or second (1) text in that text."""
    begins, ends = [], []
    for row, pairs in enumerate(encoding["offset_mapping"]):
        offsets = np.array(pairs, dtype=np.int32).reshape(-1, 2)
        located = np.array([number == text for number in encoding.sequence_ids(row)], dtype=bool)
        located &= offsets[:, 0] < offsets[:, 1]  # tokens without characters are nowhere
        begins.append(np.where(located, offsets[:, 0], NOWHERE).astype(np.int32))
        ends.append(np.where(located, offsets[:, 1], NOWHERE).astype(np.int32))
    return {"begins": begins, "ends": ends}


def _from_cache(
    kind: type[AnyTokens], key: str, rows: int, tokenise: Callable[[slice], AnyTokens]
) -> AnyTokens:
    """The tokens from the cache; if they are not there, `tokenise` makes them block by block."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(path: Path) -> None:
        with ExitStack() as stack:
            writer = None
            for start in range(0, rows, BLOCK):  # one block is in memory at a time
                table = _table(tokenise(slice(start, start + BLOCK)))
                writer = writer or stack.enter_context(pq.ParquetWriter(path, table.schema))
                writer.write_table(table)

    table = pq.read_table(cached(f"tokens/{key}.parquet", write))
    columns: dict[str, Any] = {"kinds": None}
    for name in table.column_names:
        if pa.types.is_list(table.schema.field(name).type):
            lists: Any = table[name].combine_chunks()
            columns[name] = Rows(lists.values.to_numpy(zero_copy_only=False), lists.offsets.to_numpy())
        else:
            columns[name] = table[name].to_numpy(zero_copy_only=False)
    return kind(**columns)


def _table(tokens: Tokens) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name, column in ((field.name, getattr(tokens, field.name)) for field in fields(tokens)):
        if isinstance(column, np.ndarray):
            columns[name] = pa.array(column)
        elif column is not None:
            begins = np.cumsum([0, *map(len, column)], dtype=np.int32)
            columns[name] = pa.ListArray.from_arrays(pa.array(begins), pa.array(np.concatenate(column)))
    return pa.table(columns)
