"""Break-even: after how many uses a pretraining has paid for itself, censoring included.

N* = E_pretrain / (E_baseline to the target - E_arm to the target). Where a side never reached the target,
its cost is only bounded from below by what it spent, and the saving becomes an interval; so does N*.

The 95 % interval of N* is that of the saving, turned over (Fieller 1954, with a denominator alone): that of
two mean costs with long tails (skewed.py), its lower end from the least that each pair may have saved and its
upper end from the most, where a target may have been reached as early as the evaluation before. A saving that
may be 0 may never pay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compare.bounds import NOTHING_KNOWN, Bounded
from headstart.compare.learning_curves import Reach, pairs_of_curves
from headstart.compare.pairs import Match
from headstart.compare.statistics.skewed import mean_difference

Payback = Literal["number", "at most", "never", "unknown"]
Counted = Literal["flops", "joules"]


@dataclass(frozen=True)
class BreakEven:
    """The number of uses after which the pretraining has paid for itself, for one target."""

    resource: Counted
    target_of: str  # the arm whose final validation score both must reach
    payback: Payback
    uses: Bounded
    saving: Bounded  # per use; an end that is None is not bounded
    pairs: int
    censored: int  # pairs in which the baseline did not reach the target within the budget
    reason: str  # why it is unknown
    interval: Bounded | None = None  # of the uses, 95 %: ends that are None are not bounded; None: one pair
    may_never: bool = False  # the interval does not exclude that nothing is saved
    may_pay: bool = True  # nor that something is


@dataclass(frozen=True)
class Saving:
    """What one use saves, as a mean over pairs: at least `low`, at most `high`."""

    low: float
    high: float
    pairs: int
    censored: int  # pairs whose baseline did not reach the target
    sure_low: float | None = None  # ends of the 95 % interval; None: one pair
    sure_high: float | None = None  # may be infinite, as sure_low may be minus infinite

    @property
    def bounds(self) -> Bounded:
        """The ends that are bounded."""
        return Bounded(*(end if math.isfinite(end) else None for end in (self.low, self.high)))


def saving(reaches: Sequence[tuple[Reach, Reach]], units: Sequence[Sequence[int]] | None = None) -> Saving:
    """Mean of baseline - arm over pairs of (baseline, arm). `units`: the pairs that are one draw together."""
    number = len(reaches)
    return Saving(
        low=sum(baseline.cost - arm.most for baseline, arm in reaches) / number,
        high=sum(baseline.most - arm.cost for baseline, arm in reaches) / number,
        pairs=number,
        censored=sum(not baseline.reached for baseline, _ in reaches),
        sure_low=_end([(baseline.least, arm.most) for baseline, arm in reaches], "low", units),
        sure_high=_end([(baseline.most, arm.least) for baseline, arm in reaches], "high", units),
    )


def break_even(resource: Counted, target_of: str, pretraining: Bounded, saved: Saving | None) -> BreakEven:
    """N* as a number, a range, a bound, 'never' or 'unknown', with its interval."""
    payback, uses, reason = _payback(pretraining, saved)
    if saved is None:
        return BreakEven(resource, target_of, payback, uses, NOTHING_KNOWN, 0, 0, reason)
    result = BreakEven(resource, target_of, payback, uses, saved.bounds, saved.pairs, saved.censored, reason)
    unknown = not pretraining.known and payback != "never"
    if saved.sure_low is None or saved.sure_high is None or unknown:
        return result
    # Uses that the ends of the saving allow; an end that is not bounded is None.
    fewest, most, low, high = pretraining.low, pretraining.high, saved.sure_low, saved.sure_high
    least = None if fewest is None or high <= 0 or math.isinf(high) else fewest / high
    worst = None if most is None or low <= 0 or math.isinf(most / low) else most / low
    return replace(result, interval=Bounded(least, worst), may_never=low <= 0, may_pay=high > 0)


def reaches(
    matches: Sequence[Match], metric: str, target: int, resource: Counted
) -> list[tuple[Reach, Reach]] | None:
    """Per pair, what (baseline, arm) spent to reach the last validation score of side `target`.

    None when a curve lacks the metric or the resource.
    """
    curves = pairs_of_curves(matches, metric)
    if not curves or any(resource not in curve.spent for pair in curves for curve in pair):
        return None
    goals = [float(pair[target].scores[-1]) for pair in curves]
    return [
        (baseline.reach(goal, resource), arm.reach(goal, resource))
        for (baseline, arm), goal in zip(curves, goals, strict=True)
    ]


def _payback(pretraining: Bounded, saved: Saving | None) -> tuple[Payback, Bounded, str]:
    """The kind of answer, the uses, and why they are unknown."""
    if saved is None:
        return "unknown", NOTHING_KNOWN, "no curve tells what the target cost"
    if saved.high <= 0:
        return "never", NOTHING_KNOWN, ""
    high = None if pretraining.high is None or saved.low <= 0 else pretraining.high / saved.low
    reason = ""
    if not pretraining.known:
        reason = "what the pretraining cost is unknown"
    elif saved.low <= 0:
        reason = "within this budget it is not settled whether anything is saved"
    elif high is None:
        reason = "the pretraining cost has no upper bound"
    elif math.isinf(high):
        reason = "the saving is too small to divide by"
    if reason:
        return "unknown", NOTHING_KNOWN, reason
    low = None if pretraining.low is None or math.isinf(saved.high) else pretraining.low / saved.high
    return "at most" if low is None else "number", Bounded(low, high), ""


def _end(
    costs: Sequence[tuple[float, float]], end: Literal["low", "high"], units: Sequence[Sequence[int]] | None
) -> float | None:
    """One end of the interval of baseline - arm; infinite where a pair is not bounded on that side."""
    if len(costs if units is None else units) < 2:
        return None
    if not np.isfinite(costs).all():
        return math.inf if end == "high" else -math.inf
    values = np.array(costs)
    if units is not None:
        values = np.array([values[list(unit)].mean(axis=0) for unit in units])
    return float(getattr(mean_difference(values), end))
