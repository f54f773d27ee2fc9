"""Texts: tokenised rows as batches, padded to the longest of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.batches import padded_length
from headstart.models.model import Model
from headstart.models.tokenizer import rows_with_special_tokens
from headstart.models.tokens import Tokens, tokens_of

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]
Shape = tuple[int, ...]  # what decides the FLOPs of one row of a batch: (length,), (source, target), ...
# What a batch holds beside the model's inputs.
FOR_THE_LOSS = ("labels", "bytes", "positions", "context", "null", "prompt_ids", "prompt_mask")


@dataclass(frozen=True)
class TextEncoder:
    """A model's tokenizer, and what batches must know of it."""

    tokenizer: Any
    digest: str
    limit: int  # tokens that a row may have

    @classmethod
    def of(cls, model: Model) -> TextEncoder:
        tokenizer: Any = model.load_tokenizer()
        return cls(tokenizer, model.tokenizer_digest(), min(model.max_length, tokenizer.model_max_length))

    @property
    def pad_id(self) -> int:
        """The token that fills a batch; decoders without one get their end token, which the mask hides."""
        pad = self.tokenizer.pad_token_id
        return self.tokenizer.eos_token_id if pad is None else pad

    @property
    def end_id(self) -> int | None:
        """The token that ends a text: BERT's tokenizers separate with it and call it nothing else."""
        end = self.tokenizer.eos_token_id
        return self.tokenizer.sep_token_id if end is None else end

    def tokens(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Tokens:
        """The texts (and their second texts) as token ids, from the cache when they were made before."""
        return tokens_of(self.tokenizer, self.digest, texts, pairs, self.limit)

    def texts(self, rows: Any, role: str = "text") -> Texts:
        """The rows of a split by one column of text."""
        texts = rows[role][:]
        return Texts(rows["id"][:], texts, self.tokens(texts), self)

    def special_rows(self, rows: Any, roles: Sequence[str]) -> int:
        """How many rows have special tokens written in a text; a cell may be a list of words."""
        columns = [rows[role][:] for role in roles if role in rows.column_names]
        table = zip(*columns, strict=True)
        cells = ([cell if isinstance(cell, str) else " ".join(cell) for cell in row] for row in table)
        return rows_with_special_tokens(self.tokenizer, cells)


@dataclass(frozen=True)
class Texts:
    """The texts of one split as token ids, and their names."""

    ids: list[str]
    texts: list[str]
    tokens: Tokens
    encoder: TextEncoder

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per row, special tokens included: (rows,) int64."""
        return self.tokens.lengths

    @property
    def truncated(self) -> int:
        return int(self.tokens.truncated.sum())

    def shape(self, rows: Sequence[int]) -> Shape:
        """(padded length,)."""
        return (padded_length(int(self.lengths[list(rows)].max()), self.encoder.limit),)

    def real(self, rows: Sequence[int]) -> int:
        """Tokens without padding."""
        return int(self.lengths[list(rows)].sum())

    def padded(self, rows: Sequence[int]) -> int:
        """Tokens with padding, those of encoder and decoder; a third size is no input of training."""
        return len(rows) * sum(self.shape(rows)[:2])

    def inputs(self, rows: Sequence[int]) -> Batch:
        """input_ids, attention_mask, [token_type_ids]: (batch, length)."""
        (length,), tokens = self.shape(rows), self.tokens.take(rows)
        batch = masked(tokens.ids, length, self.encoder.pad_id)
        if tokens.kinds is not None:
            batch["token_type_ids"] = padded(tokens.kinds, length, 0)
        return batch


def padded(rows: Sequence[np.ndarray], length: int, fill: int) -> torch.Tensor:
    """Rows of numbers as one table: (batch, length) int64."""
    import torch

    table = np.full((len(rows), length), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)


def masked(rows: Sequence[np.ndarray], length: int, pad_id: int) -> Batch:
    """input_ids, attention_mask: (batch, length)."""
    mask = padded([np.ones_like(row) for row in rows], length, 0)
    return {"input_ids": padded(rows, length, pad_id), "attention_mask": mask}


def model_inputs(batch: Batch) -> Batch:
    """A batch without what only the loss needs."""
    return {name: values for name, values in batch.items() if name not in FOR_THE_LOSS}
