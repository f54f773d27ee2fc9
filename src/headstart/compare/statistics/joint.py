"""Joint draws: how the scores of both arms at all sizes may move together, with other seeds and examples.

Curves are read backwards, so that an interval per score is not enough: what is needed are draws of the whole
curve. Each is the mean plus two parts, as for a single gain (bootstrap.py):

- seeds: with the scores x[s] of S runs and normal weights w[s], sum_s w[s] (x[s] - mean) / sqrt(S (S - 1)),
  over sqrt(chi2(S - 1) / (S - 1)). The weights are the same for both arms and, where all sizes have the
  same seeds, for all sizes: any sum or difference of these scores has exactly Student's interval;
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
    units: tuple[str, ...]  # what was drawn independently: seeds, or draws of the subset
    values: np.ndarray  # (2, units): baseline, arm
    examples: np.ndarray | None  # (resamples, 2, runs): scores of every run on resampled examples
    groups: int | None = None  # how many were resampled as a whole; None: every example is on its own


def joint_draws(sizes: Sequence[SizeScores], seed: int, number: int = DRAWS) -> np.ndarray:
    """Draws of the mean scores: (number, sizes, 2). A size with one unit moves with the examples alone."""
    rng = np.random.default_rng(seed)
    centre = np.stack([size.values.mean(axis=1) for size in sizes])
    return centre + _seeds(sizes, number, rng) + _examples(sizes, number, rng)


def _seeds(sizes: Sequence[SizeScores], number: int, rng: np.random.Generator) -> np.ndarray:
    shared = len({size.units for size in sizes}) == 1
    weights = {size.units: _student(len(size.units), number, rng) for size in sizes if shared}
    parts: list[np.ndarray] = []
    for size in sizes:
        units = len(size.units)
        scale = np.sqrt(units * max(units - 1, 1))
        own = weights[size.units] if shared else _student(units, number, rng)
        parts.append(own @ (size.values - size.values.mean(axis=1, keepdims=True)).T / scale)
    return np.stack(parts, axis=1)


def _student(units: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """Normal weights over one chi: (number, units); all 0 for a single unit."""
    if units < 2:
        return np.zeros((number, units))
    freedom = units - 1
    chi = np.sqrt(rng.chisquare(freedom, number) / freedom)
    return rng.standard_normal((number, units)) / chi[:, None]


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
