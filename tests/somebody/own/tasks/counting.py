"""Counting: how often does a word stand in a text? A family of task of somebody's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from headstart.data.size import Size
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.family import Batch, Family, Judged, Observed, Prepared, in_row_order
from headstart.tasks.scores import scores_of
from headstart.tasks.text_batches import Texts, encoded, length_limit, model_inputs, special_counts

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

    metrics_here: ClassVar = ("mae", "mse", "pearson", "spearman")

    kind: Literal["counting"]
    text: str = "text"
    word: str

    @property
    def auto_class(self) -> str:
        """The transformers class that puts the head on a backbone."""
        return "AutoModelForSequenceClassification"

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, cut to size, tokenised and counted."""
        splits = self.source.load({"text": self.text})
        train = splits.train.select(size.choose(None, splits.train["id"][:]))
        rows = {"train": train, "validation": splits.validation, "test": splits.test}
        tokenizer = model.load_tokenizer()
        ready = {name: self._counted(part, model, tokenizer) for name, part in rows.items()}
        if not ready["train"].counts.any():
            raise DataError(f"task.word={self.word}: stands in no training row; choose another word")
        facts = self.facts(
            splits,
            train,
            ready,
            tokenizer=model.tokenizer_digest(),
            special_tokens=special_counts(tokenizer, splits, train, "text"),
            truncated={name: int(part.tokens.truncated.sum()) for name, part in ready.items()},
            max_length=length_limit(model, tokenizer),
        )
        return Prepared(**ready, classes=(), facts=facts, head={"num_labels": 1})

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean squared error, ()."""
        return (self._estimates(model, batch) - batch["labels"]).square().mean()

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """estimate: (batch,) fp32."""
        return {"estimate": self._estimates(model, batch)}

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Mean squared error, the metrics, and both numbers of every row."""
        examples: Any = prepared.part(split)
        sides = {
            "target": examples.counts.astype(np.float64),
            "estimate": in_row_order(observed, "estimate").astype(np.float64),
        }
        return Judged(
            loss=float(np.mean((sides["target"] - sides["estimate"]) ** 2)),
            scores=scores_of(self.metrics, sides),
            texts=examples.texts,
            labels=[f"{value:.0f}" for value in sides["target"]],
            predictions=[f"{value:.2f}" for value in sides["estimate"]],
            statistics=sides,
        )

    def _counted(self, rows: Any, model: Model, tokenizer: Any) -> CountedTexts:
        counts = np.array([text.split().count(self.word) for text in rows["text"][:]], dtype=np.float32)
        return CountedTexts(**vars(encoded(rows, model, tokenizer, rows["text"][:])), counts=counts)

    def _estimates(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        return model(**model_inputs(batch)).logits.float().squeeze(1)
