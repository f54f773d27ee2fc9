"""Ranges: intervals cut to the scores that a metric allows, and to the differences of two scores.

An interval that is built around a mean knows nothing of such limits: what lies beyond them is cut off.
"""

from __future__ import annotations

import math
from typing import overload

from headstart.compare.bounds import Interval
from headstart.metrics import limits


def span(metric: str) -> float | None:
    """The largest possible difference of two scores; None: no bound, or an unknown metric."""
    low, high = limits(metric)
    return high - low if math.isfinite(high - low) else None


@overload
def of_score(interval: Interval, metric: str) -> Interval: ...
@overload
def of_score(interval: Interval | None, metric: str) -> Interval | None: ...
def of_score(interval: Interval | None, metric: str) -> Interval | None:
    """The part of an interval that a score can lie in."""
    return _cut(interval, *limits(metric))


@overload
def of_gain(interval: Interval, metric: str) -> Interval: ...
@overload
def of_gain(interval: Interval | None, metric: str) -> Interval | None: ...
def of_gain(interval: Interval | None, metric: str) -> Interval | None:
    """The part of an interval that a difference of two scores can lie in."""
    widest = span(metric)
    return interval if widest is None else _cut(interval, -widest, widest)


def _cut(interval: Interval | None, low: float, high: float) -> Interval | None:
    if interval is None:
        return None
    return Interval(min(max(interval.low, low), high), min(max(interval.high, low), high), interval.level)
