"""Quantity: one number that a study says; Rows: all of them, to select from.

A table, a chart or an export selects what it shows:

    findings.rows.select("gain", metric="accuracy")            one row per condition and arm
    findings.rows.select("train.flops", "train.seconds", arm="pretrained")
    findings.rows.select("target.*.flops_ratio")               "*" stands for any part of a key
    findings.rows.first("gain", condition="512 rows", arm="pretrained")    one row, or None

`headstart.compare.catalogue` says the label, unit and number format of each key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from operator import itemgetter
from typing import Any

from headstart.compare import phrases
from headstart.compare.bounds import Bounded, Interval
from headstart.compare.catalogue import MAIN_KEYS, entry


@dataclass(frozen=True)
class Quantity:
    """One number of a study. Key, condition, arm, baseline and metric identify it.

    `value` is a point estimate and nothing else: what is censored or a range has none, and its ends are in
    `low` and `high`. With a `level` these are an interval; without one, the range of what was seen or known.
    """

    key: str  # stable and dotted: "gain", "flops_ratio", "break_even.flops.arm_score"
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
    verdict: str = ""  # of the gain, or "at least", "at most", "never", "estimated", "not reached", ...
    note: str = ""
    provenance: tuple[str, ...] = ()  # names of run folders

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What tells it from every other number of the study."""
        return self.key, self.condition, self.arm, self.baseline, self.metric

    @property
    def known(self) -> bool:
        """Whether it says a number, a bound or a range."""
        return (self.value, self.low, self.high) != (None, None, None)

    @property
    def interval(self) -> Interval | None:
        """Both ends of its interval, where it has both."""
        if self.level is None or self.low is None or self.high is None:
            return None
        return Interval(self.low, self.high, self.level)

    def named(self, key: str, **fields: Any) -> Quantity:
        """Another number of the same place, in the catalogue's unit, with `fields` replaced."""
        return replace(self, key=key, **({"unit": entry(key).unit} | fields))

    def at(self, value: float | None, interval: Interval | None = None) -> Quantity:
        """The same with a value and its interval; what is not finite is not known."""
        ends = (interval.low, interval.high) if interval else (None, None)
        level = interval.level if interval else None
        return replace(self, value=finite(value), low=finite(ends[0]), high=finite(ends[1]), level=level)

    def between(self, low: float | None, high: float | None) -> Quantity:
        """The same with the range of what was seen, which is no interval."""
        return replace(self, low=finite(low), high=finite(high), level=None)

    def bounded(self, bounds: Bounded | None) -> Quantity:
        """The same with a number, or what is known of one; a censored one has its interval in its note."""
        if bounds is None:
            return self
        if bounds.value is None:
            row = replace(self.between(bounds.low, bounds.high), verdict=bounds.censored)
            return replace(row, note=phrases.bounded(bounds)).because(self.note)
        ends = (finite(bounds.sure_low), finite(bounds.sure_high))
        level = None if ends == (None, None) else 0.95
        return replace(self.at(bounds.value), low=ends[0], high=ends[1], level=level)

    def with_interval(self, bounds: Bounded | None) -> list[Quantity]:
        """As `bounded`; a censored number has its interval in a row of its own, `<key>.interval`."""
        row = self.bounded(bounds)
        if bounds is None or bounds.value is not None or (bounds.sure_low, bounds.sure_high) == (None, None):
            return [row]
        interval = self.named(f"{self.key}.interval", unit=self.unit, level=0.95)
        return [row, replace(interval, low=finite(bounds.sure_low), high=finite(bounds.sure_high))]

    def because(self, *notes: str | None) -> Quantity:
        """The same with more notes; those that say nothing are left out."""
        return replace(self, note="; ".join(note for note in (self.note, *notes) if note))


class Rows(tuple[Quantity, ...]):
    """Numbers of a study, in the order of the exports: comparisons first, then arms, then totals."""

    def select(
        self,
        *keys: str,
        condition: str | None = None,
        arm: str | None = None,
        baseline: str | None = None,
        metric: str | None = None,
    ) -> Rows:
        """The rows of any of these keys (all keys without one) and of the condition, arm, ... that are given.

        In a key, `*` stands for any text: "target.*.flops_ratio", "tuning.*".
        """
        known, patterns = self._by_key, [key for key in keys if "*" in key]
        chosen = [k for k in known if k in keys or any(fnmatchcase(k, pattern) for pattern in patterns)]
        wanted = {"condition": condition, "arm": arm, "baseline": baseline, "metric": metric}
        where = [(name, value) for name, value in wanted.items() if value is not None]
        if condition is not None:
            among, names = self._by_condition.get(condition, ()), {*chosen}
            rows = (row for row in among if not keys or row.key in names)
        elif len(chosen) == 1:
            rows = (row for _, row in known[chosen[0]])
        else:  # in the order of all rows
            placed = (place for key in chosen for place in known[key])
            rows = (row for _, row in sorted(placed, key=itemgetter(0))) if keys else iter(self)
        return Rows(row for row in rows if all(getattr(row, name) == value for name, value in where))

    @cached_property
    def _by_key(self) -> Mapping[str, list[tuple[int, Quantity]]]:
        """The rows of each key with their places: a study of many conditions is asked very often."""
        rows: dict[str, list[tuple[int, Quantity]]] = {}
        for place, row in enumerate(self):
            rows.setdefault(row.key, []).append((place, row))
        return rows

    @cached_property
    def _by_condition(self) -> Mapping[str, list[Quantity]]:
        rows: dict[str, list[Quantity]] = {}
        for row in self:
            rows.setdefault(row.condition, []).append(row)
        return rows

    def first(self, *keys: str, **where: str) -> Quantity | None:
        """The first row that `select` gives, or None. Of several metrics the headline's comes first."""
        return next(iter(self.select(*keys, **where)), None)

    def value(self, key: str, **where: str) -> float | None:
        """The value of the first row that `select` gives; None where there is none or it is not known."""
        row = self.first(key, **where)
        return row.value if row else None

    def by(self, field: str) -> dict[str, Rows]:
        """The rows of each condition, arm, baseline, metric or key, in the order in which they come."""
        groups: dict[str, list[Quantity]] = {}
        for row in self:
            groups.setdefault(str(getattr(row, field)), []).append(row)
        return {name: Rows(rows) for name, rows in groups.items()}

    @property
    def main(self) -> Rows:
        """The rows of a short table, in the catalogue's order; what is merely unknown is left out.

        So is a break-even where no gain is shown: it would read as if the pretraining paid.
        """
        kept = Rows(row for row in self.select(*MAIN_KEYS) if row.verdict != "unknown" and self._shown(row))
        place = {
            row.key: next(i for i, key in enumerate(MAIN_KEYS) if fnmatchcase(row.key, key)) for row in kept
        }
        return Rows(sorted(kept, key=lambda row: place[row.key]))

    def _shown(self, row: Quantity) -> bool:
        """Whether the gain is shown, of a break-even; anything else stands on its own."""
        if not (row.known and row.key.startswith("break_even.")):
            return True
        gain = self.first("gain", condition=row.condition, arm=row.arm)  # of the headline metric
        return gain is not None and gain.verdict == "better"


NO_ROWS = Rows()


def finite(value: float | None) -> float | None:
    """The number, or None for what no number says."""
    return None if value is None or not math.isfinite(value) else float(value)
