"""Bounds: numbers that are known, or known only from one side, as the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Callable

from headstart.compare.interval import Interval
from headstart.compare.values.efficiency import Bounded
from headstart.reports import numbers

Form = Callable[[float | None], str]


def value(found: Bounded | None, form: Form) -> str:
    """'6.40×', 'at least 64 rows', '3 to 5', 'unknown'."""
    return between(found.low, found.high, form) if found else numbers.UNKNOWN


def interval(found: Bounded | None, form: Form) -> str:
    """'4.70× to 8.80×', 'at least 4.70×', 'exact'; nothing where no end is known."""
    if found is None or (found.sure_low is None and found.sure_high is None):
        return ""
    low, high = found.sure_low, found.sure_high
    if low is None or high is None:
        return between(low, high, form)
    return "exact" if math.isclose(low, high) else f"{form(low)} to {form(high)}"


def with_interval(found: Bounded | None, form: Form) -> str:
    """'6.40× (4.70× to 8.80×)'; a bound whose interval ends at it is said once."""
    known, told = value(found, form), interval(found, form)
    return f"{known} ({told})" if told and told != known else known


def between(low: float | None, high: float | None, form: Form) -> str:
    """Both ends as words; an end that is None is not bounded."""
    if low is None or high is None:
        if low is None and high is None:
            return numbers.UNKNOWN
        return f"at most {form(high)}" if low is None else f"at least {form(low)}"
    first, last = form(low), form(high)
    return first if first == last else f"{first} to {last}"


def ends(found: Interval | None, form: Form) -> str:
    """'0.360 to 0.410', or that there is none."""
    return f"{form(found.low)} to {form(found.high)}" if found else "no interval"
