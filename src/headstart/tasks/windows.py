"""Windows: questions with their contexts, cut into pieces that a model can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.models.tokens import NOWHERE, WindowTokens, windows_of
from headstart.tasks.family import Batch
from headstart.tasks.text_batches import TextEncoder, Texts, padded


@dataclass(frozen=True)
class Questions:
    """What is asked of which text, every correct answer, and the character that it starts at."""

    ids: list[str]
    questions: list[str]
    contexts: list[str]
    answers: list[list[str]]
    starts: list[list[int]]

    @classmethod
    def of(cls, rows: Any) -> Questions:
        """The questions of a split."""
        return cls(*(rows[column][:] for column in ("id", "question", "context", "answers", "starts")))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Windows(Texts):
    """The rows of a batch: a question and a piece of its context; a long context is several of them.

    `target` are the first and last token of the answer, both `null` in a window without it: the place of
    the tokenizer's CLS, of the first token where it has none (GPT-2).
    """

    tokens: WindowTokens
    asked: Questions
    target: np.ndarray  # (windows, 2) int64
    null: np.ndarray  # (windows,) int64

    @classmethod
    def of(cls, asked: Questions, encoder: TextEncoder, stride: int) -> Windows:
        """All windows of the questions; what was tokenised before comes from the cache."""
        tokens = windows_of(
            encoder.tokenizer, encoder.digest, asked.questions, asked.contexts, encoder.limit, stride
        )
        source = tokens.source
        numbers = np.arange(len(source)) - np.searchsorted(source, source)  # of the windows of each question
        cls_id = encoder.tokenizer.cls_token_id
        null = np.array([(ids == cls_id).argmax() for ids in tokens.ids], dtype=np.int64)  # 0 without a CLS
        target = [answer_tokens(asked, tokens, window, null[window]) for window in range(len(null))]
        return cls(
            ids=[f"{asked.ids[row]}#{number}" for row, number in zip(source, numbers, strict=True)],
            texts=[asked.questions[row] for row in source],
            tokens=tokens,
            encoder=encoder,
            asked=asked,
            target=np.array(target, dtype=np.int64).reshape(-1, 2),
            null=null,
        )

    @property
    def row_count(self) -> int:
        """Questions."""
        return len(self.asked)

    @property
    def truncated(self) -> int:
        """Questions that were cut."""
        return len(np.unique(self.tokens.source[self.tokens.truncated]))

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """Besides the model's inputs: context (batch, length) bool, null (batch,), labels (batch, 2)."""
        import torch

        chosen, (length,) = list(rows), self.shape(rows)
        context = [self.tokens.begins[row] != NOWHERE for row in chosen]
        return {
            **self.inputs(rows),
            "context": padded(context, length, 0).bool(),
            "null": torch.from_numpy(self.null[chosen]),
            "labels": torch.from_numpy(self.target[chosen]),
        }

    def passage(self, window: int, first: int, last: int) -> str:
        """The characters of the context from one token of a window to another, both included."""
        begin, end = self.tokens.begins[window][first], self.tokens.ends[window][last]
        return self.asked.contexts[self.tokens.source[window]][begin:end].strip()


def answer_tokens(asked: Questions, tokens: WindowTokens, window: int, null: int) -> tuple[int, int]:
    """First and last token of the first answer, where the whole of it is in this window; else null twice."""
    row = tokens.source[window]
    context = np.flatnonzero(tokens.begins[window] != NOWHERE)
    if not asked.answers[row] or not len(context):
        return null, null
    answer, start = asked.answers[row][0], asked.starts[row][0]
    start, end = start + len(answer) - len(answer.lstrip()), start + len(answer.rstrip())
    begins, ends = tokens.begins[window][context], tokens.ends[window][context]
    if start < begins[0] or end > ends[-1]:
        return null, null
    first = np.searchsorted(ends, start, side="right")  # the first token that ends behind the start
    last = np.searchsorted(begins, end, side="left") - 1  # the last one that begins before the end
    return int(context[first]), int(context[max(first, last)])
