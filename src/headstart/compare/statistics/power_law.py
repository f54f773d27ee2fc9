"""Power law of transfer: D_T = k * D_F**alpha * N**beta, by least squares on the logarithms.

Hernandez et al. (2021), equation 1: rows transferred against rows of fine-tuning data and parameters. The
interval is that of seeds and examples: the fit is made again on every joint draw. It does not say whether a
power law is the right curve; `residual` shows how far the points lie from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.bounds import Interval

FEWEST = 4
_SURE = 0.95  # share of the draws in which a point must lie within the data, and above its rows


@dataclass(frozen=True)
class Point:
    """The rows transferred at one size of data and of model."""

    rows: int
    parameters: int | None
    transferred: float  # infinite, or not above 0, where there is no such number
    draws: np.ndarray  # (draws,)
    most: float  # the largest number of rows that the data can show here


@dataclass(frozen=True)
class PowerLaw:
    """The fitted law; None with a reason when fewer than four points allow it."""

    arm: str
    points: int
    left_out: int  # sizes whose rows needed are censored, or not above the rows
    k: float | None = None
    alpha: float | None = None
    beta: float | None = None  # needs several sizes of model
    k_interval: Interval | None = None
    alpha_interval: Interval | None = None
    beta_interval: Interval | None = None
    residual: float | None = None  # standard deviation of log(D_T) around the line
    reason: str = ""
    notes: tuple[str, ...] = ()


def power_law(arm: str, found: Sequence[Point]) -> PowerLaw:
    """Fit the law, or say why not. `beta` is fitted where models of several sizes are among the points."""
    usable = [
        point
        for point in found
        if 0 < point.transferred < np.inf
        and float(((point.draws > 0) & np.isfinite(point.draws)).mean()) >= _SURE
    ]
    models = {point.parameters for point in usable}
    left_out = len(found) - len(usable)
    if len(usable) < FEWEST or len({point.rows for point in usable}) < 2:
        have = f"{len(usable)} of {len(found)}" if left_out else f"{len(usable)}"
        why = ": the others are beyond the sizes that were run, or not above their own rows"
        reason = f"a power law needs {FEWEST} points at two sizes or more, and {have} can be used"
        return PowerLaw(arm, len(usable), left_out, reason=reason + why * bool(left_out))
    columns = [np.ones(len(usable)), np.log([point.rows for point in usable])]
    if len(models) > 1 and None not in models:
        columns.append(np.log([float(point.parameters or 1) for point in usable]))
    solve = np.linalg.pinv(np.stack(columns, axis=1))  # (coefficients, points)
    logs = np.log([point.transferred for point in usable])
    fitted = solve @ logs
    # The few draws beyond the data are set to its edge, the few below 1 row to 1.
    kept = [np.clip(point.draws, 1.0, max(point.most - point.rows, 1.0)) for point in usable]
    drawn = np.log(np.stack(kept)).T @ solve.T  # (draws, coefficients)
    rest = logs - np.stack(columns, axis=1) @ fitted
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    ends = [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    freedom, several = len(usable) - len(fitted), len(fitted) > 2
    return PowerLaw(
        arm=arm,
        points=len(usable),
        left_out=left_out,
        k=float(np.exp(fitted[0])),
        alpha=float(fitted[1]),
        beta=float(fitted[2]) if several else None,
        k_interval=Interval(float(np.exp(low[0])), float(np.exp(high[0]))),
        alpha_interval=ends[1],
        beta_interval=ends[2] if several else None,
        residual=float(np.sqrt((rest**2).sum() / freedom)) if freedom else None,
        notes=("The interval covers the scores, not whether the curve is a power law.",),
    )
