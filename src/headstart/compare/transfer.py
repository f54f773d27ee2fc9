"""Effective data transferred: how many rows the baseline needs for what the arm does with fewer.

Hernandez et al. (2021), "Scaling Laws for Transfer". D_E(n) is where the baseline's curve is at the arm's
score for n rows, D_T = D_E - n the rows transferred, D_E / n the multiplier. Beyond the sizes that were run
there is no curve, so what lies there is censored and stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.efficiency import Bounded, Crossing, SizePoint
from headstart.compare.interval import Interval
from headstart.compare.joint import SizeScores, joint_draws
from headstart.compare.monotone import isotonic, last_above, rows_at

LEVEL = 0.95


@dataclass(frozen=True)
class Transfer:
    """The data curve of one arm: point by point, and the draws that its intervals are made of."""

    rows: np.ndarray  # (sizes,)
    points: tuple[SizePoint, ...]
    needed: np.ndarray  # (sizes,), rows_needed; infinite or 0 beyond the data
    drawn: np.ndarray  # (draws, sizes), the same
    crossing: np.ndarray  # (draws,)


def transfer(sizes: Sequence[SizeScores], sign: int, margin: float, seed: int) -> tuple[Transfer, Crossing]:
    """Everything that the scores at several sizes say about rows. `sign` is the metric's orientation."""
    rows = np.array([size.rows for size in sizes], dtype=float)
    centre = np.stack([size.values.mean(axis=1) for size in sizes])[None]  # (1, sizes, 2)
    drawn = joint_draws(sizes, seed)
    weights = np.array([len(size.units) for size in sizes], dtype=float)
    smooth = isotonic(centre[..., 0], weights)
    needed = _needed(centre, smooth, rows)[0]
    draws = _needed(drawn, isotonic(drawn[..., 0], weights), rows)
    several = any(len(size.units) > 1 or size.examples is not None for size in sizes)
    gains, moved = centre[..., 1] - centre[..., 0], drawn[..., 1] - drawn[..., 0]
    points = tuple(
        SizePoint(
            rows=size.rows,
            baseline=float(sign * centre[0, i, 0]),
            arm=float(sign * centre[0, i, 1]),
            baseline_smooth=float(sign * smooth[0, i]),
            units=len(size.units),
            gain=float(gains[0, i]),
            gain_interval=Interval(*_ends(moved[:, i])) if several else None,
            rows_needed=bounded(needed[i], draws[:, i] if several else None, rows),
            multiplier=scaled(bounded(needed[i], draws[:, i] if several else None, rows), 1 / size.rows),
            transferred=shifted(bounded(needed[i], draws[:, i] if several else None, rows), -size.rows),
            between=_between(needed[i], rows),
        )
        for i, size in enumerate(sizes)
    )
    crossings = last_above(moved, margin, rows)
    where = float(last_above(gains, margin, rows)[0])
    crossing = Crossing(
        rows=bounded(where, crossings if several else None, rows),
        beyond=float(np.isinf(crossings).mean()),
        margin=margin,
        sentence="",
    )
    return Transfer(rows, points, needed, draws, crossings), crossing


def bounded(value: float, draws: np.ndarray | None, rows: np.ndarray) -> Bounded:
    """A number of rows with its interval; ends beyond the sizes that were run become bounds."""
    low, high = _inside(value, rows)
    if draws is None:
        return Bounded(low, high, None, None)
    ends = _ends(draws)
    return Bounded(low, high, _inside(ends[0], rows)[0], _inside(ends[1], rows)[1])


def scaled(found: Bounded, by: float) -> Bounded:
    """Every end times `by`, a positive number."""
    return Bounded(*(None if end is None else end * by for end in _all(found)))


def shifted(found: Bounded, by: float) -> Bounded:
    """Every end plus `by`."""
    return Bounded(*(None if end is None else end + by for end in _all(found)))


def _all(found: Bounded) -> tuple[float | None, ...]:
    return found.low, found.high, found.sure_low, found.sure_high


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


def _between(needed: float, rows: np.ndarray) -> tuple[int | None, int | None]:
    """The sizes on both sides of a number of rows."""
    below, above = rows[rows <= needed], rows[rows >= needed]
    return (int(below[-1]) if len(below) else None), (int(above[0]) if len(above) else None)
