"""Effective data transferred: how many rows the baseline needs for what the arm does with fewer.

Hernandez et al. (2021), "Scaling Laws for Transfer". D_E(n) is where the baseline's curve is at the arm's
score for n rows, D_T = D_E - n the rows transferred, D_E / n the multiplier. Beyond the sizes that were run
there is no curve, so what lies there is censored and stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.bounds import Bounded, Interval
from headstart.compare.statistics.joint import SizeScores, joint_draws
from headstart.compare.statistics.monotone import isotonic, last_above, rows_at

LEVEL = 0.95


@dataclass(frozen=True)
class SizePoint:
    """One size of a data curve: both arms' test scores, and how many rows the baseline needs for the arm's.

    `rows_needed` is D_E: the smallest number of rows at which the baseline's monotone curve, straight between
    sizes on the logarithm of the rows, is at the arm's score.
    """

    rows: int
    baseline: float  # mean
    arm: float
    baseline_smooth: float  # isotonic: never worse with more rows
    units: int  # pairs, or draws of the subset
    gain: float
    gain_interval: Interval | None
    rows_needed: Bounded
    multiplier: Bounded  # rows_needed / rows
    transferred: Bounded  # rows_needed - rows, D_T
    between: tuple[int | None, int | None]  # sizes that hold rows_needed
    baseline_interval: Interval | None = None  # of the mean score, 95 %
    arm_interval: Interval | None = None


@dataclass(frozen=True)
class Crossing:
    """The number of rows from which on the baseline is within the margin of the arm."""

    rows: Bounded  # "at least": not within the data
    beyond: float  # share of the resamples in which it lies above the largest size, 0..1
    margin: float


@dataclass(frozen=True)
class Transfer:
    """The data curve of one arm: point by point, and the draws that its intervals are made of."""

    rows: np.ndarray  # (sizes,)
    points: tuple[SizePoint, ...]
    needed: np.ndarray  # (sizes,), rows_needed; infinite or 0 beyond the data
    drawn: np.ndarray  # (draws, sizes), the same


def transfer(sizes: Sequence[SizeScores], sign: int, margin: float, seed: int) -> tuple[Transfer, Crossing]:
    """Everything that the scores at several sizes say about rows. `sign` is the metric's orientation."""
    rows = np.array([size.rows for size in sizes], dtype=float)
    weights = np.array([len(size.units) for size in sizes], dtype=float)
    several = any(len(size.units) > 1 or size.examples is not None for size in sizes)
    centre = np.stack([size.values.mean(axis=1) for size in sizes])[None]  # (1, sizes, 2)
    drawn = joint_draws(sizes, seed) if several else None
    smooth = isotonic(centre[..., 0], weights)
    needed = _needed(centre, smooth, rows)[0]
    draws = None if drawn is None else _needed(drawn, isotonic(drawn[..., 0], weights), rows)
    points: list[SizePoint] = []
    for i, size in enumerate(sizes):
        (baseline, arm), here = centre[0, i], float(needed[i])
        found = bounded(here, None if draws is None else draws[:, i], rows)
        moved = None if drawn is None else drawn[:, i]
        below, above = rows[rows <= here], rows[rows >= here]
        point = SizePoint(
            rows=size.rows,
            baseline=float(sign * baseline),
            arm=float(sign * arm),
            baseline_smooth=float(sign * smooth[0, i]),
            units=len(size.units),
            gain=float(arm - baseline),
            gain_interval=None if moved is None else Interval(*_ends(moved[:, 1] - moved[:, 0])),
            rows_needed=found,
            multiplier=found.scaled(1 / size.rows),
            transferred=found.shifted(-size.rows),
            between=((int(below[-1]) if len(below) else None), (int(above[0]) if len(above) else None)),
            baseline_interval=None if moved is None else Interval(*_ends(sign * moved[:, 0])),
            arm_interval=None if moved is None else Interval(*_ends(sign * moved[:, 1])),
        )
        points.append(point)
    where = float(last_above(centre[..., 1] - centre[..., 0], margin, rows)[0])
    crossings = None if drawn is None else last_above(drawn[..., 1] - drawn[..., 0], margin, rows)
    beyond = float(np.isinf(where) if crossings is None else np.isinf(crossings).mean())
    crossing = Crossing(bounded(where, crossings, rows), beyond, margin)
    return Transfer(rows, tuple(points), needed, needed[None] if draws is None else draws), crossing


def bounded(value: float, draws: np.ndarray | None, rows: np.ndarray) -> Bounded:
    """A number of rows with its interval; ends beyond the sizes that were run become bounds."""
    low, high = _inside(value, rows)
    if draws is None:
        return Bounded(low, high, None, None)
    ends = _ends(draws)
    return Bounded(low, high, _inside(ends[0], rows)[0], _inside(ends[1], rows)[1])


def _needed(scores: np.ndarray, smooth: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(draws, sizes, 2) and the baseline's smooth curve (draws, sizes) -> rows needed (draws, sizes)."""
    return np.stack([rows_at(scores[:, i, 1], smooth, rows) for i in range(len(rows))], axis=1)


def _inside(value: float, rows: np.ndarray) -> tuple[float | None, float | None]:
    """Both ends of what is known: the number, or the nearest size and nothing beyond it."""
    if np.isinf(value):
        return float(rows[-1]), None
    return (None, float(rows[0])) if value == 0 else (float(value), float(value))


def _ends(draws: np.ndarray) -> tuple[float, float]:
    """The central 95 % of draws of which some are infinite: no average of two neighbours."""
    low = np.quantile(draws, (1 - LEVEL) / 2, method="lower")
    return float(low), float(np.quantile(draws, (1 + LEVEL) / 2, method="higher"))
