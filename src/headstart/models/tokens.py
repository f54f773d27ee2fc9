"""Tokens: rows as token ids, made once for a dataset and a tokenizer, kept on disk, shared by all runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.cache import cached

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 1  # raise it when the meaning of the stored columns changes
BLOCK = 2000  # rows given to the tokenizer at a time


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

    def take(self, rows: Sequence[int]) -> Tokens:
        """The same, for some rows in that order."""
        kinds = None if self.kinds is None else [self.kinds[i] for i in rows]
        return Tokens([self.ids[i] for i in rows], kinds, self.truncated[list(rows)])


def tokens_of(
    tokenizer: PreTrainedTokenizerBase,
    tokenizer_digest: str,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> Tokens:
    """Tokens of `texts` (and their second texts), from the cache when they were made before."""
    name = f"tokens/{_key(tokenizer_digest, texts, pairs, max_length)}.parquet"
    return _read(cached(name, lambda path: _write(path, _tokenise(tokenizer, texts, pairs, max_length))))


def _key(tokenizer_digest: str, texts: Sequence[str], pairs: Sequence[str] | None, max_length: int) -> str:
    digest = hashlib.sha256(f"{VERSION}:{tokenizer_digest}:{max_length}:{len(texts)}".encode())
    for column in (texts, pairs or ()):
        for text in column:
            digest.update(text.encode("utf8", "surrogatepass") + b"\x1f")
        digest.update(b"\x1e")
    return digest.hexdigest()[:32]


def _tokenise(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pairs: Sequence[str] | None, limit: int
) -> Tokens:
    ids: list[np.ndarray] = []
    kinds: list[np.ndarray] = []
    truncated: list[bool] = []
    for start in range(0, len(texts), BLOCK):
        block = list(texts[start : start + BLOCK])
        second = None if pairs is None else list(pairs[start : start + BLOCK])
        whole = tokenizer(block, second, truncation=False, verbose=False)
        cut = tokenizer(block, second, truncation=True, max_length=limit)
        ids += [np.array(row, dtype=np.int32) for row in cut["input_ids"]]
        kinds += [np.array(row, dtype=np.int8) for row in cut.get("token_type_ids", [])]
        truncated += [len(row) > limit for row in whole["input_ids"]]
    return Tokens(ids, kinds or None, np.array(truncated, dtype=bool))


def _write(path: Path, tokens: Tokens) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"ids": pa.array(tokens.ids, pa.list_(pa.int32())), "truncated": pa.array(tokens.truncated)}
    if tokens.kinds is not None:
        columns["kinds"] = pa.array(tokens.kinds, pa.list_(pa.int8()))
    pq.write_table(pa.table(columns), path)


def _read(path: Path) -> Tokens:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    kinds = _rows(table, "kinds") if "kinds" in table.column_names else None
    return Tokens(_rows(table, "ids"), kinds, table["truncated"].to_numpy(zero_copy_only=False))


def _rows(table, column: str) -> list[np.ndarray]:
    lists = table[column].combine_chunks()
    offsets = lists.offsets.to_numpy()
    return np.split(lists.values.to_numpy(zero_copy_only=False), offsets[1:-1])
