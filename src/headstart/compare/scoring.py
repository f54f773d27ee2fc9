"""Metrics on arrays, written over weighted sums so that thousands of resamples are one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

SMALLEST_SCORE = float(np.finfo(np.float32).eps)  # a probability of 0 would make one example decide log_loss

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "accuracy": True,
    "macro_f1": True,
    "matthews": True,
    "log_loss": False,
    "loss": False,
}


@dataclass(frozen=True)
class Metric:
    """A metric as a function of weighted sums of per-example features: (..., features) -> (...)."""

    name: str
    features: Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]  # -> (examples, features)
    value: Callable[[np.ndarray, int], np.ndarray]
    span: float | None  # largest possible difference of two scores; None: no bound


def higher_is_better(metric: str) -> bool:
    """Whether a larger score is a better one; unknown metrics are taken to be so unless they are a loss."""
    return HIGHER_IS_BETTER.get(metric, not metric.endswith(("loss", "error", "perplexity")))


def orient(metric: str) -> int:
    """1 for metrics where higher is better, -1 for the others: makes a positive gain mean better."""
    return 1 if higher_is_better(metric) else -1


def score(
    metric: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    scores: np.ndarray,
    classes: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """One metric of one run.

    labels, predictions: class numbers, (examples,); scores: probability given to the true label, (examples,).
    `weights` (examples,) or (resamples, examples) gives a number per resample.
    """
    rule = METRICS[metric]
    features = rule.features(labels, predictions, scores, classes)
    weights = np.ones(len(labels)) if weights is None else weights
    return rule.value(weights @ features, classes)


def _hits(labels: np.ndarray, predictions: np.ndarray, _: np.ndarray, __: int) -> np.ndarray:
    return np.stack([labels == predictions, np.ones(len(labels))], axis=1).astype(np.float32)


def _losses(labels: np.ndarray, _: np.ndarray, scores: np.ndarray, __: int) -> np.ndarray:
    losses = -np.log(np.clip(scores.astype(np.float64), SMALLEST_SCORE, 1))
    return np.stack([losses, np.ones(len(labels))], axis=1).astype(np.float32)


def _class_counts(labels: np.ndarray, predictions: np.ndarray, _: np.ndarray, classes: int) -> np.ndarray:
    """(examples, 3 * classes): is it a hit of class c, is it predicted as c, is it truly c."""
    numbers = np.arange(classes)
    true, predicted = labels[:, None] == numbers, predictions[:, None] == numbers
    return np.concatenate([true & predicted, predicted, true], axis=1).astype(np.float32)


def _mean(sums: np.ndarray, _: int) -> np.ndarray:
    return sums[..., 0].astype(np.float64) / sums[..., 1]


def _macro_f1(sums: np.ndarray, classes: int) -> np.ndarray:
    """Mean over the classes that occur, as truth or as prediction, of 2 hits / (predicted + true)."""
    hits, predicted, true = _by_class(sums, classes)
    size = predicted + true
    f1 = np.divide(2 * hits, size, out=np.zeros_like(hits), where=size > 0)
    return f1.sum(-1) / np.maximum((size > 0).sum(-1), 1)


def _matthews(sums: np.ndarray, classes: int) -> np.ndarray:
    """Multiclass correlation of Gorodkin (2004); 0 when one side is constant."""
    hits, predicted, true = _by_class(sums, classes)
    total = true.sum(-1)
    covariance = hits.sum(-1) * total - (predicted * true).sum(-1)
    spread = (total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return np.divide(covariance, np.sqrt(spread), out=np.zeros_like(covariance), where=spread > 0)


def _by_class(sums: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = sums.astype(np.float64)
    return parts[..., :classes], parts[..., classes : 2 * classes], parts[..., 2 * classes :]


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _hits, _mean, span=1.0),
        Metric("macro_f1", _class_counts, _macro_f1, span=1.0),
        Metric("matthews", _class_counts, _matthews, span=2.0),
        Metric("log_loss", _losses, _mean, span=None),
    )
}
