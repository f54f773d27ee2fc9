"""Quantity: one number that a study says, with its interval, its n and the runs that it was made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from headstart.compare import phrases
from headstart.compare.interval import Interval
from headstart.compare.values.economics import Amount
from headstart.compare.values.efficiency import Bounded


@dataclass(frozen=True)
class Quantity:
    """One number of a study. Name, condition, arm, baseline and metric tell it from every other.

    `value` is a point estimate and nothing else: what is censored or a range has none, and its ends are in
    `low` and `high`. With a `level` these are an interval; without one, the range of what was seen or known.
    """

    name: str  # stable and dotted: "gain", "flops_ratio", "break_even.flops.arm_score"
    condition: str = ""  # as in Condition.name; "" = the study's only one, or all of them
    arm: str = ""
    baseline: str = ""  # "" where the number is of one arm alone
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None  # 0.95; None: the ends are no interval
    n: int | None = None  # pairs, or runs where the number is of one arm
    unit: str = ""  # "score", "difference", "times", "FLOPs", "s", "J", "rows", ...
    word: str = ""  # the verdict, "at least", "at most", "never", "estimated", "not reached", ...
    provenance: tuple[str, ...] = ()  # names of run folders
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What tells it from every other number of the study."""
        return self.name, self.condition, self.arm, self.baseline, self.metric

    @property
    def known(self) -> bool:
        """Whether it says a number, a bound or a range."""
        return any(each is not None for each in (self.value, self.low, self.high))

    def at(self, value: float | None, interval: Interval | None = None) -> Quantity:
        """The same with a value and its interval; what is not finite is not known."""
        ends = (interval.low, interval.high) if interval else (None, None)
        level = interval.level if interval else None
        return replace(self, value=finite(value), low=finite(ends[0]), high=finite(ends[1]), level=level)

    def between(self, low: float | None, high: float | None) -> Quantity:
        """The same with the range of what was seen, which is no interval."""
        return replace(self, low=finite(low), high=finite(high), level=None)

    def bounded(self, found: Bounded | None) -> Quantity:
        """The same with a number, or what is known of one; a censored one tells its interval in its note."""
        if found is None:
            return self
        if found.value is None:
            note = "; ".join(part for part in (phrases.bounded(found), self.note) if part)
            return replace(self.between(found.low, found.high), word=found.censored, note=note)
        ends = (found.sure_low, found.sure_high)
        level = None if ends == (None, None) else 0.95
        return replace(self.at(found.value), low=finite(ends[0]), high=finite(ends[1]), level=level)

    def amount(self, found: Amount) -> Quantity:
        """The same with a number or a range of known ends."""
        return self.at(found.low) if found.exact else self.between(found.low, found.high)

    def because(self, *notes: str | None) -> Quantity:
        """The same with more notes; those that say nothing are left out."""
        return replace(self, note="; ".join(note for note in (self.note, *notes) if note))


def finite(value: float | None) -> float | None:
    """The number, or None for what no number says."""
    return None if value is None or not math.isfinite(value) else float(value)
