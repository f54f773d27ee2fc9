"""Outputs: texts with what is to be written for each, as batches for encoder-decoders and for decoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.data.batches import padded_length
from headstart.models.tokens import Tokens
from headstart.tasks.packing import NO_LABEL
from headstart.tasks.text_batches import Batch, Shape, Texts, masked, padded


@dataclass(frozen=True)
class Outputs(Texts):
    """Texts, and what is to be written for each: as a text, and as tokens that end with the end token.

    A shape is (tokens that an encoder reads, tokens that the decoder reads when the target is given,
    tokens that generation starts from); without an encoder the first is 0.
    """

    outputs: list[str]
    targets: Tokens
    longest: int  # tokens of a target

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of text and output: (rows,) int64."""
        return self.tokens.lengths + self.targets.lengths

    def decode(self, generated: Iterable[np.ndarray]) -> list[str]:
        """The texts of rows of generated tokens, each up to its first end token."""
        end, decode = self.encoder.end_id, self.encoder.tokenizer.decode
        kept = [row[: np.argmax(row == end)] if end in row else row for row in generated]
        return [decode(row.tolist(), skip_special_tokens=True).strip() for row in kept]

    def _pairs(self, rows: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Token ids of texts and of targets."""
        return [self.tokens.ids[i] for i in rows], [self.targets.ids[i] for i in rows]


@dataclass(frozen=True)
class SourceTarget(Outputs):
    """Texts for an encoder; the decoder reads `start`, then the target up to the token before its last."""

    start: int

    def shape(self, rows: Sequence[int]) -> Shape:
        """(padded text, padded target, the start token)."""
        texts, targets = self._pairs(rows)
        return (
            padded_length(max(map(len, texts)), self.encoder.limit),
            padded_length(max(map(len, targets)), self.longest),
            1,
        )

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, attention_mask: (batch, text); decoder_input_ids, labels: (batch, target)."""
        (text, target, _), (texts, targets) = self.shape(rows), self._pairs(rows)
        read = [np.concatenate([[self.start], ids[:-1]]) for ids in targets]
        return {
            **masked(texts, text, self.encoder.pad_id),
            "decoder_input_ids": padded(read, target, self.encoder.pad_id),
            "labels": padded(targets, target, NO_LABEL),
        }


@dataclass(frozen=True)
class PromptTarget(Outputs):
    """Texts as prompts that a decoder goes on from; only what it writes is scored.

    Rows are padded on the right where the target is given, and on the left where the decoder writes.
    """

    def shape(self, rows: Sequence[int]) -> Shape:
        """(0, padded prompt and target, padded prompt)."""
        prompts, _ = self._pairs(rows)
        prompt = padded_length(max(map(len, prompts)), self.encoder.limit - self.longest)
        return 0, padded_length(max(map(len, self._read(rows))), self.encoder.limit), prompt

    def real(self, rows: Sequence[int]) -> int:
        """Tokens of prompts and targets without padding; the last of a target is never read."""
        return sum(map(len, self._read(rows)))

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, attention_mask, labels: (batch, whole); in evaluation also prompt_ids and prompt_mask,
        (batch, prompt)."""
        (_, whole, prompt), (prompts, targets) = self.shape(rows), self._pairs(rows)
        hidden = [np.full(len(ids) - 1, NO_LABEL) for ids in prompts]
        labels = [np.concatenate(pair) for pair in zip(hidden, targets, strict=True)]
        batch = {
            **masked(self._read(rows), whole, self.encoder.pad_id),
            "labels": padded(labels, whole, NO_LABEL),
        }
        if draw is None:
            mirrored = masked([ids[::-1] for ids in prompts], prompt, self.encoder.pad_id)
            batch["prompt_ids"] = mirrored["input_ids"].flip(1)
            batch["prompt_mask"] = mirrored["attention_mask"].flip(1)
        return batch

    def _read(self, rows: Sequence[int]) -> list[np.ndarray]:
        return [np.concatenate([prompt, ids[:-1]]) for prompt, ids in zip(*self._pairs(rows), strict=True)]


def ended(tokens: Tokens, end: int | None, limit: int) -> Tokens:
    """Every row with the end token behind it, where the tokenizer has not put it there; cut to make room."""
    ends = np.array([ids[-1:].tolist() == [end] for ids in tokens.ids], dtype=bool)
    closed = [np.append(ids[: limit - 1], np.array(end, ids.dtype)) for ids in tokens.ids]
    rows = [ids if there else new for ids, new, there in zip(tokens.ids, closed, ends, strict=True)]
    return replace(tokens, ids=rows, truncated=tokens.truncated | (~ends & (tokens.lengths == limit)))
