"""Counting: how often does a word stand in a text? A family of task of somebody's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from headstart.data.rows import Splits
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.family import (
    Batch,
    Encoded,
    EvalResult,
    Family,
    Observed,
    Prepared,
    in_row_order,
    used_rows,
)
from headstart.tasks.scores import scores_of
from headstart.tasks.text_batches import TextEncoder, Texts, model_inputs

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class CountedTexts(Texts):
    """Texts, and how often the word stands in each."""

    counts: np.ndarray  # (rows,) float32

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """The model's inputs: (batch, length); labels: (batch,)."""
        import torch

        return {**self.inputs(rows), "labels": torch.from_numpy(self.counts[list(rows)])}


class Counting(Family):
    """Regression on the number of times that `word` stands in a text; it needs no labels."""

    auto_class: ClassVar = "AutoModelForSequenceClassification"
    roles: ClassVar = ("text",)
    text_roles: ClassVar = ("text",)
    statistics: ClassVar = ("target", "estimate")  # so mse, mae, pearson and spearman fit

    kind: Literal["counting"]
    text: str = "text"
    word: str

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Rows tokenised and counted."""
        examples = {split: self._counted(rows, encoder) for split, rows in used_rows(splits, chosen).items()}
        if not examples["train"].counts.any():
            raise DataError(f"task.word={self.word}: stands in no training row; choose another word")
        return Encoded(examples, head={"num_labels": 1})

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean squared error, ()."""
        return (self._estimates(model, batch) - batch["labels"]).square().mean()

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """estimate: (batch,) fp32."""
        return {"estimate": self._estimates(model, batch)}

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Mean squared error, the metrics, and both numbers of every row."""
        examples: Any = prepared.part(split)
        sides = {
            "target": examples.counts.astype(np.float64),
            "estimate": in_row_order(observed, "estimate").astype(np.float64),
        }
        return EvalResult(
            loss=float(np.mean((sides["target"] - sides["estimate"]) ** 2)),
            scores=scores_of(self.metrics, sides),
            texts=examples.texts,
            labels=[f"{value:.0f}" for value in sides["target"]],
            predictions=[f"{value:.2f}" for value in sides["estimate"]],
            statistics=sides,
        )

    def _counted(self, rows: Any, encoder: TextEncoder) -> CountedTexts:
        counts = np.array([text.split().count(self.word) for text in rows["text"][:]], dtype=np.float32)
        return CountedTexts(**vars(encoder.texts(rows)), counts=counts)

    def _estimates(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        return model(**model_inputs(batch)).logits.float().squeeze(1)
