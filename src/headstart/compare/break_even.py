"""Payback: after how many uses a pretraining has paid for itself, censoring included.

N* = E_pretrain / (E_baseline to the target - E_arm to the target). Where a side never reached the target,
its cost is only bounded from below by what it spent, and the saving becomes an interval; so does N*.

The 95 % interval of N* is that of the saving, turned over (Fieller 1954, with a denominator alone): Student's
over pairs, its lower end from the least that each pair may have saved and its upper end from the most, where
a target may have been reached as early as the evaluation before. A saving that may be 0 may never pay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.compare.costs import first_at
from headstart.compare.pairs import Match
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.values.economics import Amount, BreakEven, Resource


@dataclass(frozen=True)
class Reach:
    """What one run spent until it reached a target; `reached` is False when it spent it and did not."""

    cost: float
    reached: bool
    before: float | None = None  # cost at the evaluation before; None: it was not met earlier

    @property
    def low(self) -> float:
        """The least that the target can cost."""
        return self.before if self.reached and self.before is not None else self.cost

    @property
    def high(self) -> float:
        """The most that the target can cost."""
        return self.cost if self.reached else math.inf


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
    def amount(self) -> Amount:
        """The ends that are bounded."""
        ends = (end if math.isfinite(end) else None for end in (self.low, self.high))
        return Amount(*ends)


def saving(reaches: Sequence[tuple[Reach, Reach]]) -> Saving:
    """Mean of baseline - arm over pairs of (baseline, arm)."""
    number = len(reaches)
    return Saving(
        low=sum(baseline.cost - arm.high for baseline, arm in reaches) / number,
        high=sum(baseline.high - arm.cost for baseline, arm in reaches) / number,
        pairs=number,
        censored=sum(not baseline.reached for baseline, _ in reaches),
        sure_low=_end([baseline.low - arm.high for baseline, arm in reaches], "low"),
        sure_high=_end([baseline.high - arm.low for baseline, arm in reaches], "high"),
    )


def break_even(resource: Resource, target_of: str, pretraining: Amount, saved: Saving | None) -> BreakEven:
    """N* as a number, a range, a bound, 'never' or 'unknown', with its interval."""
    found = _payback(resource, target_of, pretraining, saved)
    if saved is None or saved.sure_low is None or saved.sure_high is None:
        return found
    if not pretraining.known and found.payback != "never":
        return found
    interval = _interval(pretraining, saved.sure_low, saved.sure_high)
    return replace(found, interval=interval, may_never=saved.sure_low <= 0, may_pay=saved.sure_high > 0)


def _payback(resource: Resource, target_of: str, pretraining: Amount, saved: Saving | None) -> BreakEven:
    if saved is None:
        return _unknown(resource, target_of, None, "no curve tells what the target cost")
    known = (resource, target_of)
    if saved.high <= 0:
        nothing = Amount(None, None)
        return BreakEven(*known, "never", nothing, saved.amount, saved.pairs, saved.censored, "")
    if not pretraining.known:
        return _unknown(*known, saved, "what the pretraining cost is unknown")
    if saved.low <= 0:
        return _unknown(*known, saved, "within this budget it is not settled whether anything is saved")
    low = None if pretraining.low is None or math.isinf(saved.high) else pretraining.low / saved.high
    high = None if pretraining.high is None else pretraining.high / saved.low
    if high is None:
        return _unknown(*known, saved, "the pretraining cost has no upper bound")
    if math.isinf(high):
        return _unknown(*known, saved, "the saving is too small to divide by")
    payback = "number" if low is not None else "at most"
    return BreakEven(*known, payback, Amount(low, high), saved.amount, saved.pairs, saved.censored, "")


def _interval(pretraining: Amount, low: float, high: float) -> Amount:
    """Uses that the ends of the saving allow; an end that is not bounded is None."""
    fewest, most = pretraining.low, pretraining.high
    least = None if fewest is None or high <= 0 or math.isinf(high) else fewest / high
    worst = None if most is None or low <= 0 or math.isinf(most / low) else most / low
    return Amount(least, worst)


def _end(savings: Sequence[float], end: str) -> float | None:
    """One end of Student's interval; infinite where a pair is not bounded on that side."""
    if len(savings) < 2:
        return None
    if not all(map(math.isfinite, savings)):
        return math.inf if end == "high" else -math.inf
    return float(getattr(student_interval(np.array(savings)), end))


def reaches(
    matches: Sequence[Match], metric: str, target: int, resource: Resource
) -> list[tuple[Reach, Reach]] | None:
    """Per pair, what (baseline, arm) spent to reach the last validation score of side `target`.

    None when a curve lacks the metric or the resource.
    """
    found = [tuple(_reach(pair, side, target, metric, resource) for side in (0, 1)) for pair in matches]
    whole = [(left, right) for left, right in found if left is not None and right is not None]
    return whole if whole and len(whole) == len(found) else None


def _reach(pair: Match, side: int, target: int, metric: str, resource: Resource) -> Reach | None:
    runner = pair.sides[side]
    found = first_at(runner, pair.sides[target], metric)
    if found is None:
        return None
    curve, point = runner.curve(), found[1]
    place = curve.index(point) if point is not None else len(curve) - 1
    cost = curve[place].get(resource)
    before = curve[place - 1].get(resource) if place else 0.0
    return None if cost is None or before is None else Reach(float(cost), point is not None, float(before))


def _unknown(resource: Resource, target_of: str, saved: Saving | None, reason: str) -> BreakEven:
    nothing = Amount(None, None)
    amount, pairs, censored = (saved.amount, saved.pairs, saved.censored) if saved else (nothing, 0, 0)
    return BreakEven(resource, target_of, "unknown", nothing, amount, pairs, censored, reason)
