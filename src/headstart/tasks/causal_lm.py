"""Causal language modelling: every token from those before it (Radford et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from headstart.models.model import Model
from headstart.tasks.family import Batch
from headstart.tasks.language_modelling import LanguageModelling
from headstart.tasks.packing import NO_LABEL, Blocks, SpecialTokens, Stream
from headstart.tasks.text_batches import padded


@dataclass(frozen=True)
class CausalBlocks(Blocks):
    """Blocks whose labels are the tokens that follow.

    Where the tokenizer puts a token before a text, it also stands before every block, and the block's own
    tokens are its labels. Where it puts none, the last position predicts the first token of the next block.
    Either way every token of the texts is scored exactly once.
    """

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, [attention_mask], labels, bytes of the labels: (batch, block)."""
        pieces = [self.piece(row).after(self.special.start) for row in rows]
        unscored = len(self.special.start) - 1  # special tokens before the text are no labels
        labels = [np.where(np.arange(len(p) - 1) < unscored, NO_LABEL, p.ids[1:]) for p in pieces]
        return {
            **self.inputs([piece.ids[: len(piece) - self.ahead] for piece in pieces], self.block),
            "labels": padded(labels, self.block, NO_LABEL),
            "bytes": padded([piece.bytes[1:] for piece in pieces], self.block, 0),
        }


class CausalLM(LanguageModelling):
    """The next token, for decoders."""

    auto_class: ClassVar = "AutoModelForCausalLM"
    forward: ClassVar = {"use_cache": False}  # nothing is generated
    listed: ClassVar = slice(-12, None)

    kind: Literal["causal_lm"]

    def pack(self, model: Model, special: SpecialTokens, stream: Stream, **shared: Any) -> Blocks:
        """Blocks as long as the model's input."""
        block = special.encoder.limit
        ahead = 0 if special.start else 1
        return CausalBlocks(
            stream=stream.after([special.end] * ahead),  # the first text has something before it, too
            special=special,
            block=block,
            content=block - len(special.start),
            ahead=ahead,
            **shared,
        )
