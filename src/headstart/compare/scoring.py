"""Metrics on arrays, written over weighted sums so that thousands of resamples are one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Statistics = Mapping[str, np.ndarray]  # what a run left per example, by name: (examples,) each
Features = Callable[[np.ndarray, np.ndarray, Statistics, int], np.ndarray]
Value = Callable[[np.ndarray], np.ndarray]

SMALLEST_SCORE = 1e-12  # as in training: a probability of 0 would make one example decide log_loss
LARGEST_LOSS = 300.0  # nats per token; the square of exp(300) is still a number

SHARES_OF_RIGHT = ("accuracy", "exact_match")  # the share of the examples that are right


@dataclass(frozen=True)
class Metric:
    """A metric as a function of weighted sums of per-example features: (..., features) -> (...).

    `features` takes labels and predictions as class numbers (examples,), the statistics, and the number of
    classes, and gives (examples, features). A sum that is empty (0 / 0) makes the metric 0.
    """

    name: str
    needs: tuple[str, ...]  # statistics; a run without one of them has no such metric
    features: Features
    value: Value


def score(
    metric: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    statistics: Statistics,
    classes: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """One metric of one run.

    labels, predictions: class numbers, (examples,); statistics: at least those that the metric needs.
    `weights` (examples,) or (resamples, examples) gives a number per resample.
    """
    rule = METRICS[metric]
    features = rule.features(labels, predictions, statistics, classes)
    return rule.value((np.ones(len(labels)) if weights is None else weights) @ features)


def _taken(*names: str) -> Features:
    """The statistics themselves, one column each."""

    def features(_: np.ndarray, __: np.ndarray, statistics: Statistics, ___: int) -> np.ndarray:
        return np.stack([statistics[name] for name in names], axis=1)

    return features


def _made(of: Callable[..., np.ndarray], *names: str) -> Features:
    """A number made of an example's statistics, and 1 to count the example."""

    def features(_: np.ndarray, __: np.ndarray, statistics: Statistics, ___: int) -> np.ndarray:
        values = of(*(statistics[name].astype(np.float64) for name in names))
        return np.stack([values, np.ones(len(values))], axis=1)

    return features


def _surprise(scores: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(scores, SMALLEST_SCORE, 1))


def _squared(target: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    return (target - estimate) ** 2


def _apart(target: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    return np.abs(target - estimate)


def _hits(labels: np.ndarray, predictions: np.ndarray, _: Statistics, __: int) -> np.ndarray:
    return np.stack([labels == predictions, np.ones(len(labels))], axis=1).astype(np.float32)


def _class_counts(labels: np.ndarray, predictions: np.ndarray, _: Statistics, classes: int) -> np.ndarray:
    """(examples, 3 * classes): is it a hit of class c, is it predicted as c, is it truly c."""
    numbers = np.arange(classes)
    true, predicted = labels[:, None] == numbers, predictions[:, None] == numbers
    return np.concatenate([true & predicted, predicted, true], axis=1).astype(np.float32)


def _moments(_: np.ndarray, __: np.ndarray, statistics: Statistics, ___: int) -> np.ndarray:
    """(examples, 6): x, y, xx, yy, xy, 1, after standardising: correlation does not see it, rounding does."""
    x, y = (_standard(statistics[name].astype(np.float64)) for name in ("target", "estimate"))
    return np.stack([x, y, x * x, y * y, x * y, np.ones(len(x))], axis=1)


def _standard(values: np.ndarray) -> np.ndarray:
    if not np.ptp(values):  # also true of one example
        return np.zeros_like(values)
    return (values - values.mean()) / values.std()


def _quotient(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def _ratio(sums: np.ndarray) -> np.ndarray:
    """The first sum over the second."""
    parts = sums.astype(np.float64)
    return _quotient(parts[..., 0], parts[..., 1])


def _perplexity(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(_ratio(sums), LARGEST_LOSS))


def _bits(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums) / np.log(2)


def _f1(sums: np.ndarray) -> np.ndarray:
    """2 hits / (predicted + true), of hits, predicted, true."""
    parts = sums.astype(np.float64)
    return _quotient(2 * parts[..., 0], parts[..., 1] + parts[..., 2])


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur, as truth or as prediction, of 2 hits / (predicted + true)."""
    hits, predicted, true = _by_class(sums)
    size = predicted + true
    return _quotient(2 * hits, size).sum(-1) / np.maximum((size > 0).sum(-1), 1)


def _matthews(sums: np.ndarray) -> np.ndarray:
    """Multiclass correlation of Gorodkin (2004); 0 when one side is constant."""
    hits, predicted, true = _by_class(sums)
    total = true.sum(-1)
    covariance = hits.sum(-1) * total - (predicted * true).sum(-1)
    spread = (total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return _quotient(covariance, np.sqrt(np.maximum(spread, 0)))


def _by_class(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts, classes = sums.astype(np.float64), sums.shape[-1] // 3
    return parts[..., :classes], parts[..., classes : 2 * classes], parts[..., 2 * classes :]


def _pearson(sums: np.ndarray) -> np.ndarray:
    """Correlation, -1..1; 0 when one side is constant, also where only rounding says that it varies."""
    x, y, xx, yy, xy, count = np.moveaxis(sums.astype(np.float64), -1, 0)
    left, right = count * xx - x * x, count * yy - y * y
    varies = (left > 1e-6 * count * xx) & (right > 1e-6 * count * yy)
    spread = np.sqrt(np.where(varies, left * right, 0))
    return np.clip(_quotient(count * xy - x * y, spread), -1, 1)


def _bleu(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU, 0..100 (Papineni et al. 2002), of matches of 1..4 tokens, totals, and the two lengths.

    Smoothed as sacrebleu does by default (Chen and Cherry 2014, method 3): the k-th order without a match
    counts as 1 / 2**k matches. 0 without any match or without any four tokens in a row.
    """
    parts = sums.astype(np.float64)
    matches, totals, system, reference = parts[..., :4], parts[..., 4:8], parts[..., 8], parts[..., 9]
    found = matches > 0
    matches = np.where(found, matches, 0.5 ** np.cumsum(~found, axis=-1))
    usable = np.any(found, axis=-1) & np.all(totals > 0, axis=-1)
    precisions = np.where(np.expand_dims(usable, -1), _quotient(matches, totals), 1.0)
    brevity = np.exp(np.minimum(0, 1 - _quotient(reference, system)))
    return np.where(usable, 100 * brevity * np.exp(np.log(precisions).mean(-1)), 0.0)


def _mean(name: str, statistic: str) -> Metric:
    return Metric(name, (statistic,), _made(np.asarray, statistic), _ratio)


def _sums(name: str, needs: tuple[str, ...], value: Value) -> Metric:
    return Metric(name, needs, _taken(*needs), value)


_CLASS = ("score",)  # probability of the true class: what runs with one class per row leave
_COUNTS = ("true_positive", "predicted", "true")
_NUMBERS = ("target", "estimate")
_BLEU = (*(f"bleu_{part}_{n}" for part in ("correct", "total") for n in (1, 2, 3, 4)),
         "bleu_system", "bleu_reference")  # fmt: skip

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _CLASS, _hits, _ratio),
        Metric("macro_f1", _CLASS, _class_counts, _macro_f1),
        Metric("matthews", _CLASS, _class_counts, _matthews),
        Metric("log_loss", _CLASS, _made(_surprise, *_CLASS), _ratio),
        _sums("micro_f1", _COUNTS, _f1),
        _sums("entity_f1", _COUNTS, _f1),
        _sums("entity_precision", ("true_positive", "predicted"), _ratio),
        _sums("entity_recall", ("true_positive", "true"), _ratio),
        Metric("pearson", _NUMBERS, _moments, _pearson),
        Metric("mse", _NUMBERS, _made(_squared, *_NUMBERS), _ratio),
        Metric("mae", _NUMBERS, _made(_apart, *_NUMBERS), _ratio),
        _sums("token_accuracy", ("correct", "tokens"), _ratio),
        _sums("token_loss", ("loss", "tokens"), _ratio),
        _sums("perplexity", ("loss", "tokens"), _perplexity),
        _sums("bits_per_byte", ("loss", "bytes"), _bits),
        _mean("exact_match", "exact"),
        _mean("f1", "f1"),
        _mean("chrf", "chrf"),
        _mean("rouge_l", "rouge_l"),
        _sums("bleu", _BLEU, _bleu),
    )
}
