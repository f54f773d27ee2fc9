"""Ranges: between which numbers a score of each metric lies, and what that leaves for a difference of two.

An interval that is built around a mean knows nothing of such limits: what lies beyond them is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import overload

from headstart.compare.interval import Interval

_ANY = (-math.inf, math.inf)
_OF_ONE = (
    "accuracy", "macro_f1", "micro_f1", "exact_match", "f1", "rouge_l", "entity_f1", "entity_precision",
    "entity_recall", "token_accuracy",
)  # fmt: skip
RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(_OF_ONE, (0.0, 1.0)),
    **dict.fromkeys(("matthews", "pearson", "spearman"), (-1.0, 1.0)),
    **dict.fromkeys(("chrf", "bleu"), (0.0, 100.0)),
    **dict.fromkeys(("loss", "log_loss", "token_loss", "bits_per_byte", "mse", "mae"), (0.0, math.inf)),
    "perplexity": (1.0, math.inf),
}


def span(metric: str) -> float | None:
    """The largest possible difference of two scores; None: no bound, or an unknown metric."""
    low, high = RANGES.get(metric, _ANY)
    return high - low if math.isfinite(high - low) else None


@overload
def of_score(interval: Interval, metric: str) -> Interval: ...
@overload
def of_score(interval: Interval | None, metric: str) -> Interval | None: ...
def of_score(interval: Interval | None, metric: str) -> Interval | None:
    """The part of an interval that a score can lie in."""
    return _cut(interval, *RANGES.get(metric, _ANY))


@overload
def of_gain(interval: Interval, metric: str) -> Interval: ...
@overload
def of_gain(interval: Interval | None, metric: str) -> Interval | None: ...
def of_gain(interval: Interval | None, metric: str) -> Interval | None:
    """The part of an interval that a difference of two scores can lie in."""
    widest = span(metric)
    return _cut(interval, *_ANY) if widest is None else _cut(interval, -widest, widest)


def _cut(interval: Interval | None, low: float, high: float) -> Interval | None:
    if interval is None:
        return None
    return Interval(min(max(interval.low, low), high), min(max(interval.high, low), high), interval.level)
