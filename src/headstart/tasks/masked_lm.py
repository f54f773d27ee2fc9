"""Masked language modelling: hidden tokens from all around them (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from headstart.errors import ConfigError
from headstart.models.model import Model
from headstart.tasks.family import Batch
from headstart.tasks.language_modelling import LanguageModelling
from headstart.tasks.packing import NO_LABEL, Blocks, SpecialTokens, Stream
from headstart.tasks.rules.ngrams import Scored, before
from headstart.tasks.text_batches import padded

if TYPE_CHECKING:
    import torch
    from torch import nn

MASKED, CHANGED = 0.8, 0.1  # of the chosen tokens; the rest stays as it is, and is still to be predicted


@dataclass(frozen=True)
class MaskedBlocks(Blocks):
    """Blocks of which `rate` of the tokens are hidden: the same number in every full block.

    In training the step's noise chooses them, in evaluation the block itself does.
    """

    rate: float

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, [attention_mask]: (batch, block); positions, labels, their bytes: (batch, most hidden).

        A row with fewer hidden tokens has position 0 without a label for the rest.
        """
        pieces = [self.piece(row).after(self.special.start) for row in rows]
        noises = [self.noise(row, draw) for row in rows]
        positions = [self._chosen(piece, noise) for piece, noise in zip(pieces, noises, strict=True)]
        seen = [self._seen(*row) for row in zip(pieces, positions, noises, strict=True)]
        chosen = list(zip(pieces, positions, strict=True))
        most = self.hidden(self.content)
        return {
            **self.inputs(seen, self.block),
            "positions": padded(positions, most, 0),
            "labels": padded([piece.ids[hidden] for piece, hidden in chosen], most, NO_LABEL),
            "bytes": padded([piece.bytes[hidden] for piece, hidden in chosen], most, 0),
        }

    def hidden(self, tokens: int) -> int:
        """How many of so many tokens are hidden: at least one, where there is one."""
        return min(tokens, max(1, round(self.rate * tokens)))

    def _chosen(self, piece: Stream, noise: np.random.Generator) -> np.ndarray:
        """Positions of the tokens to predict, in order; never a mark."""
        words = np.flatnonzero(~np.isin(piece.ids, self.special.ids))
        return np.sort(noise.choice(words, self.hidden(len(words)), replace=False))

    def _seen(self, piece: Stream, positions: np.ndarray, noise: np.random.Generator) -> np.ndarray:
        """What the model sees: a mask for most, another word for some, the word itself for the rest."""
        fate = noise.random(len(positions))
        others = noise.choice(self._words, len(positions))
        shown = np.where(fate < MASKED + CHANGED, others, piece.ids[positions])
        seen = piece.ids.copy()
        seen[positions] = np.where(fate < MASKED, self.special.tokenizer.mask_token_id, shown)
        return seen

    @cached_property
    def _words(self) -> np.ndarray:
        """All ids but those of special tokens."""
        return np.setdiff1d(np.arange(len(self.special.tokenizer)), self.special.ids)


class MaskedLM(LanguageModelling):
    """Hidden tokens, for encoders: of the chosen ones 80 % are masked, 10 % changed, 10 % left."""

    auto_class: ClassVar = "AutoModelForMaskedLM"

    kind: Literal["masked_lm"]
    rate: float = Field(default=0.15, gt=0, le=1)

    def pack(self, model: Model, special: SpecialTokens, stream: Stream, **shared: Any) -> Blocks:
        """Blocks as long as the model's input."""
        if special.tokenizer.mask_token_id is None:
            raise ConfigError(
                f"model: the tokenizer of {model.name} has no mask token: choose an encoder such as BERT, or "
                "a task of kind causal_lm or denoising"
            )
        block = special.encoder.limit
        return MaskedBlocks(
            stream=stream,
            special=special,
            block=block,
            content=block - len(special.start),
            ahead=0,
            rate=self.rate,
            **shared,
        )

    def counted(self, train: Any, blocks: Sequence[int]) -> Scored:
        """All tokens of the blocks, hidden or not."""
        pieces = [train.piece(int(block)).ids.astype(np.int64) for block in blocks]
        contexts = [before(ids, np.arange(len(ids)) - 1) for ids in pieces]
        tokens = np.concatenate(pieces)
        return Scored(np.concatenate(contexts), tokens, 0 * tokens, 0 * tokens)

    def logits(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Scores of the vocabulary at the hidden positions alone: (batch, most hidden, vocabulary)."""
        import torch

        every = super().logits(model, batch)  # (batch, block, vocabulary)
        rows = torch.arange(len(every), device=every.device)[:, None]
        return every[rows, batch["positions"]]
