"""Interval: two ends and how sure one is that the truth lies between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An interval and its level (0.95 = 95 %)."""

    low: float
    high: float
    level: float = 0.95
