"""The paired multi-bootstrap: how far a gain may move with other seeds and other test examples.

Sellam et al. (2022), "The MultiBERTs", section 3, resample seeds and test examples together and keep both
arms on the same draw. With S seeds and N examples, its percentile interval misses in two ways:

- a resample of S seeds varies (S-1)/S of what it should, and a percentile knows no t quantile: with few seeds
  and a real seed effect it is too narrow;
- resampling both ways counts the noise between seeds and examples three times (Owen 2007, "The pigeonhole
  bootstrap"): with a small seed effect it is too wide.

So the two directions are resampled apart and put together again. With g[s] the gain of pair s, and G[b, s]
the same on resample b of the examples:

    V_seed    = var_s(g) / S                         holds seed effect and noise; S-1 degrees of freedom
    V_example = var_b(mean_s G[b, s])                holds example effect and noise
    V_noise   = sum_s var_b(G[b, s] - mean_s G[b, s]) / (S-1) / S
    draw      = mean(g) + sqrt(V_seed) t(S-1) + centred(mean_s G[b, s]) sqrt(1 - V_noise / V_example)

V_seed + V_example - V_noise is the unbiased variance of a mean over two crossed random factors. The sum of a
t variable and a resampled part is the Behrens-Fisher construction (Fisher 1935), a little conservative:
examples keep their resampled shape, since there are many, and seeds get Student's, since there are few.
Interval and P(arm better) are quantiles and a share of the same draws.

Examples that belong together (one context, one document) are drawn as whole groups. Groups may be few, so
their part gets Student's t, too: of G groups a resampled mean is multiplied by sqrt(G / chi2(G - 1)), which
also makes up for the (G-1)/G that resampling loses: a plain cluster bootstrap is too narrow (Cameron, Gelbach
and Miller 2008, "Bootstrap-based improvements for inference with clustered errors").

Pairs that share a pretraining, or a draw of the rows, are a table of crossed factors: crossed.py gives
V_seed and its degrees of freedom, and V_noise is the mean of its unbiased V over G[b, s] - g[s].

tests/compare/test_coverage.py holds the coverage in simulation; its docstring has the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs] - scipy has none

from headstart.compare.aligned_predictions import Answers
from headstart.compare.bounds import Interval
from headstart.compare.statistics.crossed import Table, mean_variance, unbiased
from headstart.metrics import METRICS, Value, orient

RESAMPLES = 10_000
_BUDGET = 200_000_000  # example draws in all: fewer resamples for very large test sets
_SUMS = 100_000_000  # likewise for hundreds of pairs, of a metric with many sums: macro F1 has three a class
_NEAR = 100_000  # sums that a metric is made of at a time
_CHUNK = 4_000_000  # weights, or sums, held in memory at a time


@dataclass(frozen=True)
class Spread:
    """How uncertain a mean gain is: draws of it, and the variances they are made of."""

    gain: float
    units: float  # pairs; where these share factors, one more than the degrees of freedom
    draws: np.ndarray  # (resamples,)
    seed_variance: float | None  # V_seed; None with one pair
    example_variance: float | None  # V_example; None without predictions
    noise_variance: float  # V_noise, part of both
    most: str = ""  # of the factors that pairs share, the one that makes most of V_seed

    @property
    def pure_example_variance(self) -> float:
        """What more pairs cannot remove."""
        return max((self.example_variance or 0.0) - self.noise_variance, 0.0)

    @property
    def seed_sd(self) -> float | None:
        """Standard deviation of one pair's gain that is due to its seed, test set noise taken out."""
        if self.seed_variance is None:
            return None
        return float(np.sqrt(max(self.seed_variance - self.noise_variance, 0.0) * self.units))

    def interval(self, level: float = 0.95) -> Interval:
        """The central `level` of the draws."""
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), float(high), level)

    def p(self, gain: float = 0.0) -> float:
        """Two-sided p of a gain: the interval at level 1 - p has one of its ends there.

        Never below 2 / draws: so many draws tell no more.
        """
        return max(2 * min(self._below(gain), self._above(gain)), 2 / len(self.draws))

    def p_margin(self, margin: float) -> float:
        """p of a gain beyond the margin: the interval at level 1 - p just fits in (two one-sided tests)."""
        return max(2 * self._below(-margin), 2 * self._above(margin), 2 / len(self.draws))

    def _below(self, gain: float) -> float:
        """The largest share of the draws whose quantile is no larger than `gain`."""
        return _share(np.sort(self.draws), gain)

    def _above(self, gain: float) -> float:
        return _share(np.sort(-self.draws), -gain)

    @property
    def probability_better(self) -> float:
        """Share of the draws above 0, ties counted half."""
        return float((self.draws > 0).mean() + 0.5 * (self.draws == 0).mean())


def resampled_gains(
    answers: Answers, metrics: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> dict[str, np.ndarray]:
    """Oriented gains of every pair on every resample of the test examples: {metric: (resamples, pairs)}.

    Fewer resamples for hundreds of pairs, whose seeds say more than the examples do.
    """
    gains: dict[str, list[np.ndarray]] = {metric: [] for metric in metrics}
    for metric, values in _resampled(answers, metrics, seed, resamples, most=_SUMS):
        gains[metric].append(orient(metric) * (values[:, 1] - values[:, 0]))
    return {metric: np.concatenate(parts) for metric, parts in gains.items()}


def resampled_scores(answers: Answers, metric: str, seed: int, resamples: int) -> np.ndarray:
    """The metric of every run on every resample of the test examples: (resamples, 2, pairs).

    Answers to the same examples are resampled alike under the same seed: comparisons can be put together.
    """
    return np.concatenate([values for _, values in _resampled(answers, [metric], seed, resamples)])


def _resampled(
    answers: Answers, metrics: Sequence[str], seed: int, resamples: int, most: int | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Scores per metric, (chunk, 2, pairs), chunk by chunk; `most`: sums of the metric that has most."""
    units = answers.units
    columns, places = _columns(answers, metrics)
    fewer = _BUDGET // units
    if most is not None:
        fewer = min(fewer, most // max(place.size for place in places.values()))
    resamples = int(min(resamples, max(1000, fewer)))
    columns = answers.by_group(columns)
    widest = max(units, columns.shape[1], *(place.size for place in places.values()))
    for weights in _weights(units, resamples, max(1, _CHUNK // widest), np.random.default_rng(seed)):
        sums = np.ascontiguousarray((weights @ columns).T)  # whole rows are gathered fast
        for metric, place in places.items():
            yield metric, _values(METRICS[metric].value, sums, place)


def _values(value: Value, sums: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The metric of every run, (chunk, 2, pairs), of sums (columns, chunk).

    A few pairs at a time: their sums stay in the cache.
    """
    (_, pairs, features), chunk = place.shape, sums.shape[1]
    few = max(1, _NEAR // (2 * chunk * features))
    values = np.empty((chunk, 2, pairs))
    for start in range(0, pairs, few):
        near = sums[place[:, start : start + few]]  # (2, few, features, chunk)
        values[:, :, start : start + few] = value(np.moveaxis(near, -1, 0))
    return values


def spread(
    gains: np.ndarray,
    resampled: np.ndarray | None,
    seed: int,
    draws: int = RESAMPLES,
    groups: int | None = None,
    table: Table | None = None,
) -> Spread | None:
    """Put seeds and examples together. gains: (pairs,); resampled: (resamples, pairs) or None.

    `groups` is how many were resampled as a whole; None: every example is on its own. `table` is how pairs
    share factors; None: every pair is on its own.
    One pair: examples only. No predictions: seeds only. Neither: None, nothing can be said.
    """
    pairs = len(gains)
    if pairs < 2 and resampled is None:
        return None
    centre, rng = float(gains.mean()), np.random.default_rng(seed + 1)
    total = np.full(len(resampled) if resampled is not None else draws, centre)
    seed_variance = float(gains.var(ddof=1)) / pairs if pairs > 1 else None
    freedom, most = float(pairs - 1), ""
    if table is not None:
        found = mean_variance(gains, table)
        seed_variance, freedom, most = found.variance, found.freedom, found.most
    lost = 1.0 if groups is None else groups / (groups - 1)  # what resampling few groups loses
    example_variance, noise = (None, 0.0) if resampled is None else _variances(resampled, table)
    example_variance, noise = example_variance and lost * example_variance, lost * noise
    if seed_variance is not None:
        # Student's t at evenly spaced quantiles, in random order: no luck in the tails.
        quantiles = (np.arange(len(total)) + 0.5) / len(total)
        total += np.sqrt(seed_variance) * rng.permutation(stdtrit(freedom, quantiles))
    if resampled is not None and example_variance:
        means = resampled.mean(axis=1)
        part = (means - means.mean()) * np.sqrt(max(1 - noise / example_variance, 0.0))
        total += part if groups is None else part * student_factor(groups, len(part), rng)
    return Spread(centre, freedom + 1, total, seed_variance, example_variance, noise, most)


def student_factor(groups: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """What turns draws from so many resampled groups into Student's: (number,)."""
    return np.sqrt(groups / rng.chisquare(groups - 1, number))


def _share(ranked: np.ndarray, value: float) -> float:
    """The largest t with quantile(t) <= value, the inverse of numpy's linear quantile; at most 0.5."""
    count = int(np.searchsorted(ranked, value, side="right"))
    if not 0 < count < len(ranked):
        return 0.0 if count == 0 else 0.5
    low, high = ranked[count - 1], ranked[count]
    return min((count - 1 + float((value - low) / (high - low))) / (len(ranked) - 1), 0.5)


def student_interval(values: np.ndarray, level: float = 0.95, table: Table | None = None) -> Interval | None:
    """Student's interval for a mean; None for fewer than two values, a point when all are equal.

    `table` is how values share factors; None: every value is on its own.
    """
    if len(values) < 2:
        return None
    centre, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]), level)
    freedom = float(len(values) - 1)
    if table is not None:
        found = mean_variance(values, table)
        error, freedom = found.variance**0.5, found.freedom
    width = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Interval(centre - width, centre + width, level)


def _columns(answers: Answers, metrics: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every distinct feature column, (examples, columns), and where runs find theirs, (2, pairs, features).

    Runs share much (labels, lengths, a count of 1), and two runs that answer alike share everything: their
    sums are then the same numbers, not two roundings of them.
    """
    pairs, kept = range(answers.predictions.shape[1]), dict[bytes, int]()
    places: dict[str, np.ndarray] = {}
    of_terms: dict[Any, np.ndarray] = {}  # metrics of the same terms share their columns
    for metric in metrics:
        terms, make = METRICS[metric].terms, METRICS[metric].features
        if terms not in of_terms:
            runs = [[make(answers.run(side, pair)).astype(np.float32) for pair in pairs] for side in (0, 1)]
            of_terms[terms] = np.array(
                [[[kept.setdefault(c.tobytes(), len(kept)) for c in run.T] for run in side] for side in runs]
            )
        places[metric] = of_terms[terms]
    return np.stack([np.frombuffer(column, np.float32) for column in kept], axis=1), places


def _weights(examples: int, resamples: int, chunk: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each example, or group of them, is drawn: (chunk, examples), chunk by chunk."""
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        drawn = rng.integers(examples, size=(rows, examples), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * examples
        yield np.bincount(drawn.ravel(), minlength=rows * examples).reshape(rows, examples).astype(np.float32)


def _variances(resampled: np.ndarray, table: Table | None) -> tuple[float, float]:
    """V_example and V_noise of gains resampled over examples, (resamples, pairs)."""
    means, pairs = resampled.mean(axis=1), resampled.shape[1]
    if table is not None:
        apart = resampled - resampled.mean(axis=0)
        noise = unbiased(apart, table).mean() * len(apart) / (len(apart) - 1)
        return float(means.var(ddof=1)), max(float(noise), 0.0)
    if pairs == 1:
        return float(means.var(ddof=1)), 0.0
    noise = (resampled - means[:, None]).var(axis=0, ddof=1).sum() / (pairs - 1) / pairs
    return float(means.var(ddof=1)), float(noise)
