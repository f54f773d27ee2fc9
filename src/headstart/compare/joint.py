"""Joint draws: how the scores of both arms at all sizes may move together, with other seeds and examples.

Curves are read backwards, so that an interval per score is not enough: what is needed are draws of the whole
curve. Each is the mean plus two parts, as for a single gain (bootstrap.py):

- seeds: with the scores x[s] of S runs and normal weights w[s], sum_s w[s] (x[s] - mean) / sqrt(S (S - 1)),
  over sqrt(chi2(S - 1) / (S - 1)). The weights are the same for both arms and, where all sizes have the
  same seeds, for all sizes: any sum or difference of these scores has exactly Student's interval;
- examples: the deviation of the mean score on resampled test examples, the same resample for all runs,
  with the noise that the seeds' part already holds taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True)
class SizeScores:
    """Scores of both arms at one size, oriented: higher is better."""

    rows: int
    units: tuple[str, ...]  # what was drawn independently: seeds, or draws of the subset
    values: np.ndarray  # (2, units): baseline, arm
    examples: np.ndarray | None  # (resamples, 2): deviations of the means on resampled examples


def joint_draws(sizes: Sequence[SizeScores], seed: int, number: int = DRAWS) -> np.ndarray:
    """Draws of the mean scores: (number, sizes, 2). A size with one unit moves with the examples alone."""
    rng = np.random.default_rng(seed)
    centre = np.stack([size.values.mean(axis=1) for size in sizes])
    return centre + _seeds(sizes, number, rng) + _examples(sizes, number)


def centred(resampled: np.ndarray) -> np.ndarray:
    """Deviations of the means over the last axis, without the runs' own noise: (resamples, 2)."""
    means, runs = resampled.mean(axis=2), resampled.shape[2]
    deviation = means - means.mean(axis=0)
    if runs == 1:
        return deviation
    noise = (resampled - means[..., None]).var(axis=0, ddof=1).sum(axis=1) / (runs - 1) / runs
    whole = means.var(axis=0, ddof=1)
    kept = np.maximum(1 - np.divide(noise, whole, out=np.ones(2), where=whole > 0), 0)
    return deviation * np.sqrt(kept)


def _seeds(sizes: Sequence[SizeScores], number: int, rng: np.random.Generator) -> np.ndarray:
    shared = len({size.units for size in sizes}) == 1
    weights = {size.units: _student(len(size.units), number, rng) for size in sizes if shared}
    parts = []
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


def _examples(sizes: Sequence[SizeScores], number: int) -> np.ndarray:
    parts = [np.zeros((1, 2)) if size.examples is None else size.examples for size in sizes]
    return np.stack([part[np.arange(number) % len(part)] for part in parts], axis=1)
