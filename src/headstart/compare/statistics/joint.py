"""Joint draws: how the scores of both arms at all sizes may move together, with other seeds and examples.

Curves are read backwards, so that an interval per score is not enough: what is needed are draws of the whole
curve. Each is the mean plus two parts, as for a single gain (bootstrap.py):

- seeds: with the scores x[s] of S runs and normal weights w[s], sum_s w[s] (x[s] - mean) / sqrt(S (S - 1)),
  over sqrt(chi2(S - 1) / (S - 1)). The weights are the same for both arms and, where all sizes have the
  same seeds, for all sizes: any sum or difference of these scores has exactly Student's interval. Runs that
  share pretrainings, draws of the rows and seeds have such a part for each of these factors, over the means
  of its levels: what the factors share is counted more than once, so that it is rather too wide;
- examples: a normal draw with the covariance of the mean scores on resampled test examples, the same
  resample for all runs, from which the noise that the seeds' part already holds is taken: with R[b, s] the
  score of run s on resample b, sum_s var_b(R[b, s] - mean_s R[b, s]) / (S - 1) / S for each mean. Runs do not
  share that noise, and do share the examples, so that a difference of two means keeps what is theirs alone.
  Groups of examples are resampled as a whole, and their part gets Student's factor (bootstrap.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.statistics.bootstrap import student_factor

DRAWS = 2000


@dataclass(frozen=True)
class SizeScores:
    """Scores of both arms at one size, oriented: higher is better."""

    rows: int
    units: tuple[str, ...]  # the runs of each side
    values: np.ndarray  # (2, units): baseline, arm
    examples: np.ndarray | None  # (resamples, 2, runs): scores of every run on resampled examples
    groups: int | None = None  # how many were resampled as a whole; None: every example is on its own
    factors: tuple[tuple[str, ...], ...] = ()  # the level of each run, of factors that runs share; else none

    @property
    def parts(self) -> list[tuple[tuple[str, ...], np.ndarray]]:
        """By factor the names of its levels, and both means of each level: (2, levels)."""
        found: list[tuple[tuple[str, ...], np.ndarray]] = []
        for runs in self.factors or (self.units,):
            names, number = tuple(dict.fromkeys(runs)), np.array(runs)
            means = [self.values[:, number == name].mean(axis=1) for name in names]
            found.append((names, np.stack(means, axis=1)))
        return found


def joint_draws(sizes: Sequence[SizeScores], seed: int, number: int = DRAWS) -> np.ndarray:
    """Draws of the mean scores: (number, sizes, 2). A size with one unit moves with the examples alone."""
    rng = np.random.default_rng(seed)
    centre = np.stack([size.values.mean(axis=1) for size in sizes])
    return centre + _seeds(sizes, number, rng) + _examples(sizes, number, rng)


def _seeds(sizes: Sequence[SizeScores], number: int, rng: np.random.Generator) -> np.ndarray:
    shared = len({(size.units, size.factors) for size in sizes}) == 1
    weights = [_weights(size, number, rng) for size in sizes if shared]
    moved: list[np.ndarray] = []
    for size in sizes:
        own = weights[-1] if shared else _weights(size, number, rng)
        total = np.zeros((number, 2))
        for (names, means), drawn in zip(size.parts, own, strict=True):
            apart = means - means.mean(axis=1, keepdims=True)
            total += drawn @ apart.T / np.sqrt(len(names) * max(len(names) - 1, 1))
        moved.append(total)
    return np.stack(moved, axis=1)


def _weights(size: SizeScores, number: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Normal weights over one chi, of each factor: (number, levels); all 0 for a single level."""
    weights: list[np.ndarray] = []
    for names, _ in size.parts:
        drawn, freedom = np.zeros((number, len(names))), len(names) - 1
        if freedom:
            chi = np.sqrt(rng.chisquare(freedom, number) / freedom)
            drawn = rng.standard_normal((number, len(names))) / chi[:, None]
        weights.append(drawn)
    return weights


def _examples(sizes: Sequence[SizeScores], number: int, rng: np.random.Generator) -> np.ndarray:
    """Normal draws with the covariance that the examples alone give: (number, sizes, 2)."""
    given = [size.examples for size in sizes if size.examples is not None]
    if len(given) < len(sizes):
        return np.zeros((number, len(sizes), 2))
    means = np.concatenate([resampled.mean(axis=2) for resampled in given], axis=1)  # (resamples, sizes * 2)
    covariance = np.cov(means, rowvar=False) - np.diag(np.concatenate([_noise(one) for one in given]))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))  # what falls below 0 was noise
    normal = rng.standard_normal((number, len(values)))
    if groups := sizes[0].groups:
        normal *= student_factor(groups, number, rng)[:, None]
    return (normal @ root.T).reshape(number, len(sizes), 2)


def _noise(resampled: np.ndarray) -> np.ndarray:
    """Variance of both means that is due to the runs' own noise: (2,); unknown, so 0, with one run."""
    runs = resampled.shape[2]
    if runs == 1:
        return np.zeros(2)
    apart = resampled - resampled.mean(axis=2, keepdims=True)
    return apart.var(axis=0, ddof=1).sum(axis=1) / (runs - 1) / runs
