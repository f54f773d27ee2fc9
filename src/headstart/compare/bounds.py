"""Bounds: an interval, and a number that may be known from one side only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Censored = Literal["", "at least", "at most", "unknown"]  # "" = a number


@dataclass(frozen=True)
class Interval:
    """An interval and its level (0.95 = 95 %)."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class Bounded:
    """A number, a range or a bound, from `low` to `high`, with its 95 % interval."""

    low: float | None  # None: not bounded
    high: float | None
    sure_low: float | None = None  # ends of the 95 % interval; None: not bounded, or one pair
    sure_high: float | None = None

    @property
    def value(self) -> float | None:
        """The number, where it is one."""
        return self.low if self.low is not None and self.low == self.high else None

    @property
    def known(self) -> bool:
        """Whether a number or a bound is known."""
        return self.low is not None or self.high is not None

    @property
    def censored(self) -> Censored:
        """Which side is known, where it is one side or none."""
        if self.low is not None and self.high is not None:
            return ""
        if self.low is None:
            return "unknown" if self.high is None else "at most"
        return "at least"

    def scaled(self, by: float) -> Bounded:
        """Every end times `by`, a positive number."""
        return Bounded(*(None if end is None else end * by for end in self._ends))

    def shifted(self, by: float) -> Bounded:
        """Every end plus `by`."""
        return Bounded(*(None if end is None else end + by for end in self._ends))

    def plus(self, other: Bounded) -> Bounded:
        """Both ends added, without an interval; unknown where either is."""
        ends = ((self.low, other.low), (self.high, other.high))
        return Bounded(*(None if a is None or b is None else a + b for a, b in ends))

    @property
    def _ends(self) -> tuple[float | None, ...]:
        return self.low, self.high, self.sure_low, self.sure_high


NOTHING_KNOWN = Bounded(None, None)
