"""Rule: the answers of a trivial rule to the test examples, and how sure its scores are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headstart.metrics import METRICS, Examples

if TYPE_CHECKING:
    from headstart.tasks.family import EvalResult

RESAMPLES = 200


@dataclass(frozen=True)
class Rule:
    """A rule that was fitted on the training rows of a condition, and scored on its test rows."""

    name: str
    how: str  # how it answers, in words
    scores: Mapping[str, float]
    statistics: Mapping[str, np.ndarray]  # per test example: what metrics are sums of
    train_rows: int  # rows that it learnt from
    labels: Sequence[str] = ()  # where the metrics need them: (examples,)
    predictions: Sequence[str] = ()
    bound: str | None = None  # what was left out to bound its cost

    @classmethod
    def of(cls, name: str, how: str, result: EvalResult, train_rows: int, bound: str | None = None) -> Rule:
        """A rule whose answers were evaluated as those of a model are."""
        return cls(
            name, how, result.scores, result.statistics, train_rows, result.labels, result.predictions, bound
        )

    def standard_errors(self) -> dict[str, float]:
        """Of the scores that can be resampled: their standard deviation over resamples of the examples."""
        names, numbers = np.unique([*self.labels, *self.predictions], return_inverse=True)
        half = len(self.labels)
        examples = Examples(numbers[:half], numbers[half:], self.statistics, len(names))
        terms = {
            metric: METRICS[metric].features(examples)
            for metric in self.scores
            if metric in METRICS and METRICS[metric].terms and METRICS[metric].resamples
        }
        if not terms:
            return {}
        draw, count = np.random.default_rng(0), len(next(iter(terms.values())))
        drawn: dict[str, list[float]] = {metric: [] for metric in terms}
        for _ in range(RESAMPLES):
            weights = np.bincount(draw.integers(count, size=count), minlength=count).astype(np.float64)
            for metric, features in terms.items():
                drawn[metric].append(float(METRICS[metric].value(weights @ features)))
        return {metric: float(np.std(values, ddof=1)) for metric, values in drawn.items()}


def thinned(rows: int, most: int) -> np.ndarray:
    """Places of at most `most` of so many rows, evenly spaced: (places,) int64."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)


def bound_of(used: int, rows: int, what: str = "training rows") -> str | None:
    """'20,000 of 650,000 training rows'; nothing where all are used."""
    return f"{used:,} of {rows:,} {what}" if used < rows else None
