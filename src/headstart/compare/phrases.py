"""Phrases: numbers, bounds and intervals as a sentence says them."""

from __future__ import annotations

import math
from collections.abc import Callable

from headstart.compare.bounds import Bounded

# What runs are drawn over, short and in the plural.
FACTORS = {
    "pretraining": ("pretraining", "pretraining seeds"),
    "subset": ("draw", "draws of the rows"),
    "order": ("order", "orders of the rows"),
    "seed": ("seed", "seeds"),
}
LARGE = 999.5  # from here on, decimals are noise: a perplexity of 6,680


def number(value: float, sign: str = "", digits: int = 3) -> str:
    """A score: three decimals, none from 1,000 on, a real minus sign, and no minus before a zero."""
    if abs(value) >= LARGE:
        return f"{value:{sign},.0f}".replace("-", "\N{MINUS SIGN}")
    text = f"{value:{sign}.{digits}f}"
    zero = f"{0:{sign}.{digits}f}"
    return zero if not text.strip("+-0.") else text.replace("-", "\N{MINUS SIGN}")


def digits_for(*values: float) -> int:
    """Decimals, from 3 to 6, with which none of these that is not 0 looks like it."""
    shown = [abs(value) for value in values if value and math.isfinite(value)]
    smallest = min(shown, default=1.0)
    return 3 if smallest >= 0.0005 else min(6, 1 + math.ceil(-math.log10(smallest)))


def short(value: float | None) -> str:
    """Three significant figures, thousands separated: 0.0123, 6.4, 12,300; "unknown" for None."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if not value:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    text = f"{round(value, digits):,.{max(digits, 0)}f}".replace("-", "\N{MINUS SIGN}")
    return text.rstrip("0").rstrip(".") if digits > 0 else text


def rows(count: float) -> str:
    """'1 row', '4,096 rows'."""
    return plural(round(count), "row")


def whole(count: float | None) -> str:
    """'4,096'; "unknown" for None."""
    return "unknown" if count is None or not math.isfinite(count) else f"{round(count):,}"


def plural(count: int, noun: str) -> str:
    """'1 pair', '6 pairs'."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def capitalised(text: str) -> str:
    """The text with its first letter as a capital one."""
    return text[:1].upper() + text[1:]


def percent(share: float) -> str:
    """'75 %'."""
    return f"{share * 100:.0f} %"


def joined(names: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def interval(bounds: Bounded, form: Callable[[float | None], str] = short) -> str:
    """' (95 % interval 300 to 560)', or with the end that is known; nothing where there is none."""
    low, high = bounds.sure_low, bounds.sure_high
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f" (95 % interval: at {f'most {form(high)}' if low is None else f'least {form(low)}'})"
    return f" (95 % interval {form(low)} to {form(high)})"


def bounded(bounds: Bounded) -> str:
    """'6.4 (95 % interval 4.7 to 8.8)', 'at least 64 (95 % interval: at least 30)', '3 to 5', 'unknown'."""
    if bounds.low is None or bounds.high is None:
        if not bounds.known:
            return "unknown"
        end = bounds.high if bounds.low is None else bounds.low
        sure = interval(bounds)
        told = f"{bounds.censored} {short(end)}"
        return told if sure == f" (95 % interval: {told})" else told + sure  # the same end is said once
    low, high = short(bounds.low), short(bounds.high)
    return f"{low if low == high else f'{low} to {high}'}{interval(bounds)}"
