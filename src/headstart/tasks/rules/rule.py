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
MOST_TERMS = 50_000_000  # of a metric over all examples: beyond, its error is not estimated


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
    ids: Sequence[str] | None = None  # names of the examples, where they are not the rows of the batches

    @classmethod
    def of(cls, name: str, how: str, result: EvalResult, train_rows: int, bound: str | None = None) -> Rule:
        """A rule whose answers were evaluated as those of a model are."""
        answers = result.labels, result.predictions
        return cls(name, how, result.scores, result.statistics, train_rows, *answers, bound, result.ids)

    def standard_errors(self, groups: Sequence[str | None] | None = None) -> dict[str, float]:
        """Of the scores that can be resampled: their standard deviation over resamples of the examples.

        Examples of one group are drawn together; one without a group is its own.
        """
        names, numbers = np.unique([*self.labels, *self.predictions], return_inverse=True)
        half = len(self.labels)
        examples = Examples(numbers[:half], numbers[half:], self.statistics, len(names))
        terms = {
            metric: _by_group(METRICS[metric].features(examples), groups)
            for metric in self.scores
            if metric in METRICS and METRICS[metric].terms and METRICS[metric].resamples
        }
        terms = {metric: features for metric, features in terms.items() if features.size <= MOST_TERMS}
        if not terms:
            return {}
        draw, count = np.random.default_rng(0), len(next(iter(terms.values())))
        drawn: dict[str, list[float]] = {metric: [] for metric in terms}
        for _ in range(RESAMPLES):
            weights = np.bincount(draw.integers(count, size=count), minlength=count).astype(np.float32)
            for metric, features in terms.items():
                drawn[metric].append(float(METRICS[metric].value(weights @ features)))
        return {metric: float(np.std(values, ddof=1)) for metric, values in drawn.items()}


def _by_group(features: np.ndarray, groups: Sequence[str | None] | None) -> np.ndarray:
    """Sums over the examples of each group: (examples, terms) -> (groups, terms)."""
    if groups is None:
        return features
    names = [(row, "") if group is None else (-1, group) for row, group in enumerate(groups)]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros((len(number), features.shape[1]))
    np.add.at(sums, [number[name] for name in names], features)
    return sums


def thinned(rows: int, most: int) -> np.ndarray:
    """Places of at most `most` of so many rows, evenly spaced: (places,) int64."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)


def bound_of(used: int, rows: int, what: str = "training rows") -> str | None:
    """'20,000 of 650,000 training rows'; nothing where all are used."""
    return f"{used:,} of {rows:,} {what}" if used < rows else None
