"""Metrics: one entry each, used by training, by recomputation from stored predictions, and by reports.

Almost every metric here is a function of sums over examples. A bootstrap then needs one matrix product for
thousands of resamples, and one score is the same function of the plain sums.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

Statistics = Mapping[str, np.ndarray]  # what a run leaves per example, by name: (examples,) each

SMALLEST_PROBABILITY = 1e-12  # a probability of 0 would make one example decide log_loss
LARGEST_LOSS = 300.0  # nats per token; the square of exp(300) is still a number
BLEU_STATISTICS = (
    *(f"bleu_{part}_{n}" for part in ("correct", "total") for n in (1, 2, 3, 4)),
    *("bleu_system", "bleu_reference"),
)
TEXT_STATISTICS = ("exact", "rouge_l", "chrf", *BLEU_STATISTICS)


class Examples(NamedTuple):
    """What metrics are computed from; labels and predictions are class numbers, (examples,)."""

    labels: np.ndarray
    predictions: np.ndarray
    statistics: Statistics
    classes: int

    def columns(self, *names: str) -> list[np.ndarray]:
        """Statistics as float64, (examples,) each."""
        return [np.asarray(self.statistics[name], dtype=np.float64) for name in names]


Terms = Callable[[Examples], np.ndarray]
Value = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A metric: what it is called, which scores are possible, and how it is computed.

    `terms` gives what is summed over the examples, (examples, terms); `value` makes scores of these sums,
    (..., terms) to (...). A quotient 0 / 0 is 0.
    """

    name: str
    title: str  # in the middle of a sentence
    needs: tuple[str, ...] = ()  # statistics; where one is missing the metric cannot be computed
    terms: Terms | None = None  # None: not a function of the predictions
    value: Value = lambda sums: sums
    low: float = 0.0
    high: float = 1.0
    better: Literal["higher", "lower"] = "higher"
    resamples: bool = True  # False: the terms of an example depend on the other examples
    proportion: bool = False  # the share of the examples that are correct

    def features(self, examples: Examples) -> np.ndarray:
        """What is summed over the examples: (examples, terms)."""
        if self.terms is None:
            raise ValueError(f"{self.name} cannot be computed from predictions")
        return self.terms(examples)


def metric_name(metric: str) -> str:
    """'macro F1', 'bits per byte'; a metric without an entry keeps its name, with spaces."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def metric_title(metric: str) -> str:
    """The name at the beginning of a title: 'Log loss', but 'chrF'."""
    name = metric_name(metric)
    return name[:1].upper() + name[1:] if name.partition(" ")[0].islower() else name


def higher_is_better(metric: str) -> bool:
    """Whether a larger score is better. Metrics without an entry: yes, unless the name says loss or error."""
    if metric in METRICS:
        return METRICS[metric].better == "higher"
    return not metric.endswith(("loss", "error", "perplexity"))


def orient(metric: str) -> int:
    """1 where higher is better, else -1: makes a positive gain mean better."""
    return 1 if higher_is_better(metric) else -1


def limits(metric: str) -> tuple[float, float]:
    """The lowest and the highest possible score; infinite for a metric without an entry."""
    return (METRICS[metric].low, METRICS[metric].high) if metric in METRICS else (-math.inf, math.inf)


def is_proportion(metric: str) -> bool:
    """Whether the metric is the share of the examples that are correct."""
    return metric in METRICS and METRICS[metric].proportion


def can_recompute(metric: str, statistics: Statistics) -> bool:
    """Whether these statistics give the metric, on any resample of the examples."""
    entry = METRICS.get(metric)
    return (
        entry is not None
        and entry.terms is not None
        and entry.resamples
        and statistics.keys() >= set(entry.needs)
    )


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
    `weights`, (examples,) or (resamples, examples), says how often each example counts: one score per row.
    """
    features = METRICS[metric].features(Examples(labels, predictions, statistics, classes))
    if weights is None:  # adding up a column is more precise than a product with ones
        return METRICS[metric].value(np.ascontiguousarray(features.T, dtype=np.float64).sum(axis=1))
    if not METRICS[metric].resamples:
        raise ValueError(f"{metric} cannot be computed with weights")
    return METRICS[metric].value(weights @ features)


# Statistics of generated texts.


def text_statistics(written: Sequence[str], references: Sequence[str]) -> dict[str, np.ndarray]:
    """TEXT_STATISTICS per text, (texts,) float64 each: exact, rouge_l (0..1), chrf (0..100), counts of BLEU.

    exact: equal but for white space. BLEU splits words as WMT does ("13a"), so for languages without spaces
    between words it says little and chrf is to be read.
    """
    from sacrebleu.metrics import BLEU, CHRF  # pyright: ignore[reportPrivateImportUsage]

    chrf, bleu = CHRF(), BLEU(effective_order=True)  # the order changes no count, only a warning
    rows = []
    for text, reference in zip(written, references, strict=True):
        counts = bleu.sentence_score(text, [reference])
        scores = rouge_l(text, reference), chrf.sentence_score(text, [reference]).score
        exact = float(text.split() == reference.split())
        rows.append((exact, *scores, *counts.counts, *counts.totals, counts.sys_len, counts.ref_len))
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(TEXT_STATISTICS)).T
    return {name: column.copy() for name, column in zip(TEXT_STATISTICS, columns, strict=True)}


def rouge_l(text: str, reference: str) -> float:
    """F-score of the longest common subsequence of lower-cased words (Lin 2004), 0..1."""
    words, others = (re.findall(r"\w+", side.lower()) for side in (text, reference))
    common = longest_common(words, others)
    return 2 * common / (len(words) + len(others)) if common else 0.0


def longest_common(words: Sequence[str], others: Sequence[str]) -> int:
    """Length of the longest common subsequence; all cells of a row of the table are bits of one number
    (Crochemore et al. 2001, doi:10.1016/S0020-0190(00)00214-X)."""
    positions: defaultdict[str, int] = defaultdict(int)  # word -> a bit for each of its positions
    for position, word in enumerate(words):
        positions[word] |= 1 << position
    row = (1 << len(words)) - 1
    for word in others:
        matches = row & positions[word]
        row = (row + matches) | (row - matches)
    return len(words) - (row & ((1 << len(words)) - 1)).bit_count()


# What is summed over the examples.


def _statistics(*names: str) -> Terms:
    """The statistics themselves, one column each."""
    return lambda examples: np.stack([examples.statistics[name] for name in names], axis=1)


def _counted(*columns: np.ndarray) -> np.ndarray:
    """The columns, and 1 to count each example."""
    return np.stack([*columns, np.ones(len(columns[0]))], axis=1)


def _correct(examples: Examples) -> np.ndarray:
    return _counted(examples.labels == examples.predictions)


def _by_class(examples: Examples) -> np.ndarray:
    """(examples, 3 * classes): is it a hit of class c, is it predicted as c, is it truly c."""
    numbers = np.arange(examples.classes)
    true, predicted = examples.labels[:, None] == numbers, examples.predictions[:, None] == numbers
    return np.concatenate([true & predicted, predicted, true], axis=1).astype(np.float32)


def _surprise(examples: Examples) -> np.ndarray:
    (probability,) = examples.columns("score")
    return _counted(-np.log(np.clip(probability, SMALLEST_PROBABILITY, 1)))


def _squared_error(examples: Examples) -> np.ndarray:
    target, estimate = examples.columns("target", "estimate")
    return _counted((target - estimate) ** 2)


def _absolute_error(examples: Examples) -> np.ndarray:
    target, estimate = examples.columns("target", "estimate")
    return _counted(np.abs(target - estimate))


def _average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs; all NaN if a value is.

    scipy.stats has it, but its import takes longer than the rest of a small report.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[inverse]
    return np.full_like(ranks, np.nan) if np.isnan(values).any() else ranks


def _moments(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(examples, 6): x, y, xx, yy, xy, 1, standardised first: correlation does not change, rounding does."""
    x, y = ((v - v.mean()) / v.std() if np.ptp(v) else np.zeros_like(v) for v in (x, y))
    return _counted(x, y, x * x, y * y, x * y)


# What is made of the sums.


def _quotient(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.zeros_like(over), where=under != 0)


def _ratio(sums: np.ndarray) -> np.ndarray:
    """The first sum over the second."""
    sums = sums.astype(np.float64)
    return _quotient(sums[..., 0], sums[..., 1])


def _perplexity(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(_ratio(sums), LARGEST_LOSS))


def _f1(sums: np.ndarray) -> np.ndarray:
    """2 hits / (predicted + true), of hits, predicted, true."""
    sums = sums.astype(np.float64)
    return _quotient(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _thirds(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, predicted and true, by class: np.split would take longer than the sums of one run."""
    sums, classes = sums.astype(np.float64), sums.shape[-1] // 3
    return sums[..., :classes], sums[..., classes : 2 * classes], sums[..., 2 * classes :]


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Mean of F1 over the classes that occur, as label or as prediction."""
    hits, predicted, true = _thirds(sums)
    size = predicted + true
    return _quotient(2 * hits, size).sum(-1) / np.maximum((size > 0).sum(-1), 1)


def _matthews(sums: np.ndarray) -> np.ndarray:
    """Multiclass correlation of Gorodkin (2004); 0 when one side is constant."""
    hits, predicted, true = _thirds(sums)
    total = true.sum(-1)
    covariance = hits.sum(-1) * total - (predicted * true).sum(-1)
    variances = (total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return _quotient(covariance, np.sqrt(np.maximum(variances, 0)))


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Pearson's; 0 when one side is constant, also where only rounding says that it varies."""
    x, y, xx, yy, xy, count = np.moveaxis(sums.astype(np.float64), -1, 0)
    left, right = count * xx - x * x, count * yy - y * y
    constant = (left <= 1e-6 * count * xx) | (right <= 1e-6 * count * yy)
    deviations = np.sqrt(np.where(constant, 0, left * right))
    return np.clip(_quotient(count * xy - x * y, deviations), -1, 1)


def _bleu(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU (Papineni et al. 2002), of matches of 1..4 tokens, totals, and the two lengths.

    Smoothed as sacrebleu does by default (Chen and Cherry 2014, method 3): the k-th order without a match
    counts as 1 / 2**k matches. 0 without any match or without any four tokens in a row.
    """
    sums = sums.astype(np.float64)
    matches, totals, system, reference = sums[..., :4], sums[..., 4:8], sums[..., 8], sums[..., 9]
    matched = matches > 0
    matches = np.where(matched, matches, 0.5 ** np.cumsum(~matched, axis=-1))
    usable = np.any(matched, axis=-1) & np.all(totals > 0, axis=-1)
    precisions = np.where(np.expand_dims(usable, -1), _quotient(matches, totals), 1.0)
    brevity = np.exp(np.minimum(0, 1 - _quotient(reference, system)))
    return np.where(usable, 100 * brevity * np.exp(np.log(precisions).mean(-1)), 0.0)


def _sums(name: str, title: str, needs: tuple[str, ...], value: Value = _ratio, **more: Any) -> Metric:
    """A metric of sums of the statistics that it needs."""
    return Metric(name, title, needs, _statistics(*needs), value, **more)


def _mean(name: str, title: str, statistic: str, **more: Any) -> Metric:
    """The mean of a statistic."""
    return Metric(name, title, (statistic,), lambda e: _counted(*e.columns(statistic)), _ratio, **more)


_CLASS = ("score",)  # the probability of the true class: runs with one class per example leave it
_HITS = ("true_positive", "predicted", "true")
_NUMBERS = ("target", "estimate")
_LOSS: dict[str, Any] = {"high": math.inf, "better": "lower"}

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("loss", "loss", **_LOSS),
        Metric("accuracy", "accuracy", _CLASS, _correct, _ratio, proportion=True),
        Metric("macro_f1", "macro F1", _CLASS, _by_class, _macro_f1),
        Metric("matthews", "Matthews correlation", _CLASS, _by_class, _matthews, low=-1),
        Metric("log_loss", "log loss", _CLASS, _surprise, _ratio, **_LOSS),
        _sums("micro_f1", "micro F1", _HITS, _f1),
        # an entity counts when its bounds and its kind are right (Tjong Kim Sang 2003)
        _sums("entity_f1", "entity F1", _HITS, _f1),
        _sums("entity_precision", "entity precision", ("true_positive", "predicted")),
        _sums("entity_recall", "entity recall", ("true_positive", "true")),
        Metric(
            "pearson",
            "Pearson correlation",
            _NUMBERS,
            lambda e: _moments(*e.columns(*_NUMBERS)),
            _correlation,
            low=-1,
        ),
        Metric(
            "spearman",
            "Spearman correlation",
            _NUMBERS,
            lambda e: _moments(*map(_average_ranks, e.columns(*_NUMBERS))),
            _correlation,
            low=-1,
            resamples=False,
        ),
        Metric("mse", "mean squared error", _NUMBERS, _squared_error, _ratio, **_LOSS),
        Metric("mae", "mean absolute error", _NUMBERS, _absolute_error, _ratio, **_LOSS),
        _sums("token_accuracy", "token accuracy", ("correct", "tokens")),
        _sums("token_loss", "loss per token", ("loss", "tokens"), **_LOSS),
        # exp of the loss per token: depends on the tokenizer; bits per byte do not
        _sums("perplexity", "perplexity", ("loss", "tokens"), _perplexity, low=1, **_LOSS),
        _sums(
            "bits_per_byte",
            "bits per byte",
            ("loss", "bytes"),
            lambda sums: _ratio(sums) / np.log(2),
            **_LOSS,
        ),
        _mean("exact_match", "exact match", "exact", proportion=True),
        _mean("f1", "answer F1", "f1"),  # words of answers (Rajpurkar et al. 2016)
        _mean("chrf", "chrF", "chrf", high=100),  # character n-grams (Popović 2015)
        _mean("rouge_l", "ROUGE-L", "rouge_l"),  # longest common subsequence of words (Lin 2004)
        _sums("bleu", "BLEU", BLEU_STATISTICS, _bleu, high=100),
    )
}
