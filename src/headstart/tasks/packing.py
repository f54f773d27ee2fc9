"""Packing: texts joined into one stream of tokens and cut into blocks of the same length, without padding.

A document's tokens are followed by the tokenizer's end token (or separator), and the next document follows at
once: attention crosses the border of documents within a block, as in GPT-2, RoBERTa and T5. A block begins
with what the tokenizer itself puts before a text ([CLS], <s>), so that the first position looks in
pretraining as it will look afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.cache import cached
from headstart.data.rows import hashed_rank, numbered
from headstart.errors import ConfigError
from headstart.models.tokens import cache_key
from headstart.screen import progress
from headstart.tasks.text_batches import Batch, Shape, TextEncoder, masked, padded

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 2  # raise it when the meaning of the stored columns changes
AT_ONCE = 2000  # texts given to the tokenizer at a time
NO_LABEL = -100  # a position that is not scored
TEXT_SHOWN = 400  # characters of a block that a reader is shown


@dataclass(frozen=True)
class SpecialTokens:
    """The tokens that stand for no text: what packing and hiding must know of a tokenizer."""

    encoder: TextEncoder
    start: tuple[int, ...]  # what the tokenizer puts before every text
    end: int  # closes a document
    ids: np.ndarray  # all that stand for no text, or for unknown text

    @classmethod
    def of(cls, encoder: TextEncoder, name: str) -> SpecialTokens:
        """The marks of a tokenizer; ConfigError when texts cannot be joined or bytes not be counted."""
        tokenizer, end = encoder.tokenizer, encoder.end_id
        if not tokenizer.is_fast:
            raise ConfigError(
                f"model: {type(tokenizer).__name__} of {name} does not say where in the text its tokens are, "
                "so bytes cannot be counted: choose a model with a fast tokenizer (tokenizer.json)"
            )
        if end is None:
            raise ConfigError(
                f"model: the tokenizer of {name} has no end token and no separator to join texts with: "
                "choose a model whose tokenizer has one"
            )
        encoded = tokenizer("a", return_special_tokens_mask=True)
        pairs = zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True)
        start = tuple(token for token, _ in takewhile(lambda pair: pair[1], pairs))
        return cls(encoder, start, end, np.array(sorted(tokenizer.all_special_ids), dtype=np.int32))

    @property
    def tokenizer(self) -> Any:
        return self.encoder.tokenizer

    def words(self, ids: np.ndarray) -> list[str]:
        """Each row of ids as its tokens in plain letters, (rows,); positions without a label are left out."""
        plain = {int(i): self.tokenizer.decode([int(i)]).strip() for i in np.unique(ids) if i != NO_LABEL}
        return [" | ".join(plain[int(i)] for i in row if i != NO_LABEL) for row in ids]


@dataclass(frozen=True)
class Stream:
    """Documents as one row of tokens, and how many bytes of text each token stands for.

    A token has the bytes between the end of the token before it and its own end, so that spaces count for
    every kind of tokenizer; the end token has what is left of its document. The sum over a document is the
    length of its text in UTF-8, whatever the tokenizer.
    """

    ids: np.ndarray  # (tokens,) int32
    bytes: np.ndarray  # (tokens,) int32

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Stream:
        return Stream(self.ids[part], self.bytes[part])

    def after(self, ids: Sequence[int]) -> Stream:
        """The same behind some tokens that stand for no text."""
        before = np.array(ids, dtype=np.int32)
        return Stream(np.concatenate([before, self.ids]), np.concatenate([0 * before, self.bytes]))


@dataclass(frozen=True)
class Blocks:
    """The blocks of one split: consecutive pieces of `stream`, `content` tokens each.

    `ahead` tokens of the next piece are read as well (a causal model predicts them); `whole` leaves out the
    last piece when it is not full. What a batch holds is for each objective to say.
    """

    texts: list[str]  # what was joined
    stream: Stream
    special: SpecialTokens
    block: int  # tokens of the model's input
    content: int
    ahead: int
    whole: bool

    def __len__(self) -> int:
        tokens = max(0, len(self.stream) - self.ahead)
        return tokens // self.content if self.whole else -(-tokens // self.content)

    @cached_property
    def ids(self) -> list[str]:
        """Hashes of the blocks' content, the n-th of equal ones with `-n` appended."""
        pieces = (self.piece(row).ids.tobytes() for row in range(len(self)))
        return numbered((hashlib.blake2b(piece, digest_size=8).hexdigest() for piece in pieces), "-")

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of text per block: (blocks,) int64; all equal but perhaps the last."""
        ends = np.minimum(self.content * np.arange(1, len(self) + 1), len(self.stream) - self.ahead)
        return np.diff(ends, prepend=0)

    @property
    def row_count(self) -> int:
        """Texts that were joined."""
        return len(self.texts)

    @cached_property
    def shown(self) -> list[str]:
        """The first characters of each block, (blocks,)."""
        first = (self.piece(row).ids[:TEXT_SHOWN].tolist() for row in range(len(self)))
        return [text[:TEXT_SHOWN] for text in self.special.tokenizer.batch_decode(list(first))]

    def piece(self, row: int) -> Stream:
        """The tokens of one block, without what comes before every block."""
        first = row * self.content
        return self.stream[first : first + self.content + self.ahead]

    def noise(self, row: int, draw: np.random.Generator | None) -> np.random.Generator:
        """The step's noise; in evaluation one that the block alone decides."""
        return draw or np.random.default_rng(list(hashed_rank(0, self.ids[row])))

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None) -> Batch:
        """The model's inputs, and labels with their bytes: (batch, labels)."""
        raise NotImplementedError

    def shape(self, rows: Sequence[int]) -> Shape:
        """(tokens of a block,)."""
        return (self.block,)

    def real(self, rows: Sequence[int]) -> int:
        """Input tokens without padding."""
        return int(self.lengths[list(rows)].sum()) + len(rows) * len(self.special.start)

    def padded(self, rows: Sequence[int]) -> int:
        """Tokens with padding, those of all inputs."""
        return len(rows) * sum(self.shape(rows))

    def inputs(self, rows: Sequence[np.ndarray], length: int) -> Batch:
        """input_ids and, where a row is not full, attention_mask: (batch, length)."""
        if any(len(row) < length for row in rows):
            return masked(rows, length, self.special.encoder.pad_id)
        return {"input_ids": padded(rows, length, 0)}


class Documents:
    """The tokens of many texts, made once for a tokenizer and kept on disk."""

    def __init__(self, special: SpecialTokens, texts: Sequence[str]) -> None:
        import pyarrow.parquet as pq

        self.special, self.texts = special, texts
        name = f"documents/{cache_key(f'{VERSION}:{special.encoder.digest}', texts)}.parquet"
        self._table: pa.Table = pq.read_table(cached(name, self._write))

    def stream(self, rows: Sequence[int]) -> Stream:
        """The documents `rows`, in that order, joined."""
        import pyarrow as pa

        taken = self._table.take(pa.array(rows, pa.int64()))
        ids, sizes = (taken[name].combine_chunks().flatten().to_numpy() for name in ("ids", "bytes"))
        return Stream(ids, sizes)

    def at(self, rows: Sequence[int], tokens: np.ndarray) -> list[int]:
        """Which of the documents `rows`, joined in that order, each of these tokens of their stream is in."""
        import pyarrow as pa
        import pyarrow.compute as pc

        taken = self._table.take(pa.array(rows, pa.int64()))
        lengths = pc.list_value_length(taken["ids"])  # pyright: ignore[reportAttributeAccessIssue]
        ends = np.cumsum(lengths.to_numpy())
        return [rows[place] for place in np.searchsorted(ends, tokens, side="right")]

    def _write(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        ids, sizes = [], []
        for start in progress(range(0, len(self.texts), AT_ONCE), "tokenising"):
            block = list(self.texts[start : start + AT_ONCE])
            encoded = self.special.tokenizer(
                block,
                add_special_tokens=False,
                truncation=False,
                return_offsets_mapping=True,
                return_attention_mask=False,
                verbose=False,
            )
            columns = (block, encoded["input_ids"], encoded["offset_mapping"])
            for text, row, offsets in zip(*columns, strict=True):
                ends = np.array(offsets, dtype=np.int64).reshape(-1, 2)[:, 1]
                ids.append(np.array([*row, self.special.end], dtype=np.int32))
                sizes.append(bytes_of_tokens(text, ends))
        kind = pa.list_(pa.int32())
        pq.write_table(
            pa.table({"ids": pa.array(ids, kind), "bytes": pa.array(sizes, kind)}), path, compression="zstd"
        )


def bytes_of_tokens(text: str, ends: np.ndarray) -> np.ndarray:
    """Bytes of UTF-8 between the ends of tokens (given in characters), and after the last: (tokens + 1,)."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    widths = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    before = np.concatenate([[0], np.cumsum(widths)])  # bytes before each character
    ordered = np.maximum.accumulate(np.concatenate([[0], np.clip(ends, 0, len(points)), [len(points)]]))
    return np.diff(before[ordered]).astype(np.int32)
