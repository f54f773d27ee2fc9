"""Power: how often studies like one find a gain, and how many more pairs an undecided one may need.

A study of S pairs on its test examples has the interval of bootstrap.py, about gain +- W with

    W^2 = t(S-1)^2 v / S + z^2 e        (Howe 1974)

where v is the variance of a pair's gain between seeds, the noise of the test set included, and e that part of
the test examples' variance that more pairs cannot remove; few groups have t in place of z. The estimated gain
varies by v/S + e, and v is estimated with S-1 degrees of freedom: the power is a mean over that chi-squared
variable of the chance of a normal one, no simulation. Before a study ran whose pairs share pretrainings or
draws of the rows, it is a mean over the mean squares of these factors (crossed.py), without interactions.
tests/compare/test_power.py compares both with simulated studies.

How many more pairs: neither the gain nor v is known but for what the study has seen. Both are drawn as often
as they fit it, and each draw is continued by k more pairs. Half of the studies like this one are decided
after the first number, four fifths after the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri, ndtr, ndtri, stdtrit  # pyright: ignore[reportMissingTypeStubs] - scipy has none

OFTEN = 0.8  # a gain that is found so often counts as one that the study can find
MOST_PAIRS = 1000  # beyond this, "more pairs" is no advice
# What `assumed` takes for granted: the sd of a gain between levels of a factor such as the seed, the share of
# test rows that one arm alone gets right, and how alike the rows of a group are (intraclass correlation).
SPREAD, DIFFER, WITHIN = 0.02, 0.2, 0.3
_DRAWS, _NODES = 400, 50
_LEVEL = 0.95
_UPPER = (1 + _LEVEL) / 2

Outcomes = tuple[np.ndarray, np.ndarray | float]  # all of them equally likely


@dataclass(frozen=True)
class Plan:
    """What a study will measure a gain with."""

    pairs: float  # where these share pretrainings or rows, one more than the degrees of freedom
    pair_variance: float  # of the gain of one pair, between seeds, noise of the test set included
    example_variance: float = 0.0  # of the mean gain, what more pairs cannot remove
    groups: int | None = None  # of test examples; None: each is on its own
    measured: bool = False  # the variance between seeds is an estimate from so many pairs, and not known

    @property
    def variance(self) -> float:
        """Of the mean gain."""
        return self.pair_variance / self.pairs + self.example_variance

    def outcomes(self) -> Outcomes:
        """Half widths of the interval, and how far the estimated gain is from the truth."""
        freedom = self.pairs - 1
        factors = chdtri(freedom, _grid(_NODES)) / freedom  # estimate / truth
        truth = 1 / factors[:, None] if self.measured else 1.0  # (truths, 1), each as likely as the others
        error = np.sqrt(truth * self.pair_variance / self.pairs + self.example_variance)
        return self.half_width(truth * factors), error

    def half_width(self, factor: np.ndarray | float = 1.0) -> np.ndarray:
        """Of the interval, where the variance between seeds is estimated too large by `factor`."""
        t = stdtrit(self.pairs - 1, _UPPER)
        seeds = t**2 * factor * self.pair_variance / self.pairs
        return np.sqrt(seeds + _quantile(self.groups) ** 2 * self.example_variance)


@dataclass(frozen=True)
class Design:
    """What a study will measure a gain with, before it ran: factors that are crossed, all alike."""

    shape: tuple[int, ...]  # levels of each factor: of pretrainings, draws of the rows, seeds
    spread: float  # standard deviation between the levels of each factor
    example_variance: float = 0.0
    groups: int | None = None

    @property
    def variance(self) -> float:
        """Of the mean gain."""
        return self.spread**2 * sum(1 / size for size in self.shape) + self.example_variance

    def outcomes(self) -> Outcomes:
        """Half widths of the interval, and how far the estimated gain is from the truth."""
        nodes = _NODES // max(1, len(self.shape) - 1)
        freedoms = np.array(self.shape) - 1
        squares = [self.spread**2 / (f + 1) * chdtri(f, _grid(nodes)) / f for f in freedoms]
        alone = np.stack(np.meshgrid(*squares), axis=-1).reshape(-1, len(freedoms))  # MS_f / N
        variance = alone.sum(axis=-1)
        t = stdtrit(variance**2 / (alone**2 / freedoms).sum(axis=-1), _UPPER)
        width = np.sqrt(t**2 * variance + _quantile(self.groups) ** 2 * self.example_variance)
        return width, np.sqrt(self.variance)


def _grid(nodes: int) -> np.ndarray:
    return (np.arange(nodes) + 0.5) / nodes


def _quantile(groups: int | None) -> float:
    """Of the part of the test examples: few groups have Student's."""
    return float(ndtri(_UPPER) if groups is None else stdtrit(groups - 1, _UPPER))


def may_stay_unseen(pairs: int) -> float:
    """The largest share of seeds that behave otherwise and yet, one time in twenty, are not among so many."""
    return 1 - (1 - _LEVEL) ** (1 / pairs)


def power(plan: Plan | Design, gain: float) -> float:
    """How often an interval leaves 0 out on the side of this true gain; two pairs or more."""
    if not plan.variance:
        return float(gain != 0)
    return _found(plan.outcomes(), gain)


def _found(outcomes: Outcomes, gain: float) -> float:
    width, error = outcomes
    return float(ndtr((abs(gain) - width) / error).mean())


def detectable(plan: Plan | Design) -> float:
    """The smallest true gain that is found OFTEN."""
    if not plan.variance:
        return 0.0
    low, high, outcomes = 0.0, 1e4 * float(np.sqrt(plan.variance)), plan.outcomes()
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _found(outcomes, middle) >= OFTEN else (middle, high)
    return high


def more_pairs(plan: Plan, gain: float, margin: float | None) -> tuple[int | None, ...]:
    """After how many more pairs half, and OFTEN, of studies like one are decided; None beyond MOST_PAIRS.

    `plan` and `gain` are what the study has measured. Decided: 0 is left out, or the interval is within the
    margin. The test examples stay the same: what they add to the gain stays in it.
    """
    rng = np.random.default_rng(0)
    freedom = plan.pairs - 1
    variances = plan.pair_variance * freedom / rng.chisquare(freedom, _DRAWS)
    truths = gain + np.sqrt(variances / plan.pairs) * rng.standard_normal(_DRAWS)
    counts = np.unique(np.geomspace(1, MOST_PAIRS, 60).astype(int))
    shares: list[float] = []  # of these truths (mean gain, variance of a pair) that so many pairs decide
    for more in counts.tolist():
        pairs = plan.pairs + more
        added = truths + np.sqrt(variances / more) * rng.standard_normal(_DRAWS)
        squares = plan.pair_variance * freedom + plan.pairs * more / pairs * (added - gain) ** 2
        if more > 1:
            squares = squares + variances * rng.chisquare(more - 1, _DRAWS)
        width = replace(plan, pairs=pairs, pair_variance=1.0).half_width(squares / (pairs - 1))
        mean = np.abs(plan.pairs * gain + more * added) / pairs
        near = False if margin is None else mean + width <= margin
        shares.append(float(((mean > width) | near).mean()))
    decided = np.maximum.accumulate(shares)
    reached = [decided >= share for share in (0.5, OFTEN)]
    return tuple(int(counts[np.argmax(enough)]) if enough.any() else None for enough in reached)


def assumed(shape: tuple[int, ...], rows: int, groups: int | None) -> Design:
    """A study before it ran, of a metric that is a share of right answers."""
    units = rows / (1 + (rows / groups - 1) * WITHIN) if groups else rows
    return Design(shape, SPREAD, DIFFER / units, groups)
