"""Texts: tokenised rows as batches, padded to the longest of the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from headstart.data.batches import padded_length
from headstart.data.rows import Splits
from headstart.models.model import Model
from headstart.models.tokenizer import rows_with_special_tokens
from headstart.models.tokens import Tokens, tokens_of

if TYPE_CHECKING:
    import torch

    from headstart.tasks.family import Batch, Shape


@dataclass(frozen=True)
class Texts:
    """The texts of one split as token ids, who they are, and how long a batch may become."""

    ids: list[str]
    texts: list[str]
    tokens: Tokens
    pad_id: int
    limit: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per row, special tokens included: (rows,) int64."""
        return self.tokens.lengths

    def take(self, rows: Sequence[int]) -> Self:
        """The same, for some rows in that order."""
        return replace(
            self,
            ids=[self.ids[i] for i in rows],
            texts=[self.texts[i] for i in rows],
            tokens=self.tokens.take(rows),
        )

    def shape(self, rows: Sequence[int]) -> Shape:
        """(padded length,)."""
        return (padded_length(int(self.lengths[list(rows)].max()), self.limit),)

    def real(self, rows: Sequence[int]) -> int:
        """Tokens without padding."""
        return int(self.lengths[list(rows)].sum())

    def padded(self, rows: Sequence[int]) -> int:
        """Tokens with padding."""
        return len(rows) * self.shape(rows)[0]

    def inputs(self, rows: Sequence[int]) -> Batch:
        """input_ids, attention_mask, [token_type_ids]: (batch, length)."""
        (length,), tokens = self.shape(rows), self.tokens.take(rows)
        batch = {"input_ids": padded(tokens.ids, length, self.pad_id)}
        batch["attention_mask"] = padded([np.ones_like(row) for row in tokens.ids], length, 0)
        if tokens.kinds is not None:
            batch["token_type_ids"] = padded(tokens.kinds, length, 0)
        return batch


def encoded(
    rows: Any, model: Model, tokenizer: Any, text: Sequence[str], pair: Sequence[str] | None = None
) -> Texts:
    """Tokenise the rows of a split; what was tokenised before comes from the cache."""
    limit = length_limit(model, tokenizer)
    tokens = tokens_of(tokenizer, model.tokenizer_digest(), text, pair, limit)
    return Texts(rows["id"][:], list(text), tokens, pad_id(tokenizer), limit)


def special_counts(tokenizer: Any, splits: Splits, train: Any, *columns: str) -> dict[str, int]:
    """How many rows of each split have special tokens written in a text; a cell may be a list of words."""
    whole = {"train": train, "validation": splits.validation, "test": splits.test}
    return {name: rows_with_special_tokens(tokenizer, _cells(rows, columns)) for name, rows in whole.items()}


def _cells(rows: Any, columns: Sequence[str]) -> Iterator[list[str]]:
    for row in zip(*(rows[column][:] for column in columns), strict=True):
        yield [cell if isinstance(cell, str) else " ".join(cell) for cell in row]


def length_limit(model: Model, tokenizer: Any) -> int:
    """Tokens that a row may have."""
    return min(model.max_length, tokenizer.model_max_length)


def pad_id(tokenizer: Any) -> int:
    """The token that fills a batch; decoders without one get their end token, which the mask hides."""
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id


def end_id(tokenizer: Any) -> int | None:
    """The token that ends a text: BERT's tokenizers separate with it and call it nothing else."""
    return tokenizer.sep_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id


def padded(rows: Sequence[np.ndarray], length: int, fill: int) -> torch.Tensor:
    """Rows of numbers as one table: (batch, length) int64."""
    import torch

    table = np.full((len(rows), length), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)


def model_inputs(batch: Batch) -> Batch:
    """A batch without what only the loss needs."""
    return {name: values for name, values in batch.items() if name not in ("labels", "row")}
