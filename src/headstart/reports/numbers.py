"""Numbers as a reader sees them: three significant figures, plain units; unknown is a word, never 0."""

from __future__ import annotations

import math

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
JOULES_PER_KWH = 3_600_000.0
LARGE = 999.5  # scores from here on have decimals that are noise


def known(value: float | None) -> bool:
    """Whether `value` is a finite number."""
    return value is not None and math.isfinite(value)


def significant(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant figures and never an exponent: 0.0123, 1.23, 12,300."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    places = digits - 1 - _exponent(value, digits)
    text = f"{abs(round(value, places)):,.{max(places, 0)}f}"
    return MINUS + text if value < 0 else text


def si(value: float | None, unit: str) -> str:
    """`value` with an SI prefix from 1 to 10²⁴: 1.23 TFLOPs; below 1 as it is."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    step = 0 if value == 0 else min(max(_exponent(value, 3) // 3, 0), len(PREFIXES) - 1)
    scaled = value / 1000.0**step
    whole = step == 0 and float(value).is_integer()
    return f"{f'{value:,.0f}' if whole else significant(scaled)} {PREFIXES[step]}{unit}".strip()


def flops(value: float | None, *, lower_bound: bool = False) -> str:
    """Floating point operations: 1.23 TFLOPs; '≥' when an operation had no formula."""
    text = si(value, "FLOPs")
    return f"≥ {text}" if lower_bound and known(value) else text


def seconds(value: float | None) -> str:
    """A duration: 840 ms, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 0.9995:
        return "0 s" if value == 0 else f"{significant(value * 1000)} ms"
    if round(value, 1) < 60:
        return f"{significant(value)} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def size(value: float | None) -> str:
    """Bytes, decimal prefixes: 12.4 MB."""
    return si(value, "B")


def energy(value: float | None) -> str:
    """Joules as J or kJ; from 0.01 kWh (36 kJ) as kWh."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= 0.01 * JOULES_PER_KWH:
        return f"{significant(value / JOULES_PER_KWH)} kWh"
    return si(value, "J") if abs(value) >= 10 else f"{significant(value)} J"


def count(value: float | None) -> str:
    """A whole number with thousands separated: 22,713,216."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.0f}".replace("-", MINUS)


def uses(value: float | None) -> str:
    """A number of uses, rounded up: 11.2 uses pay only at the 12th."""
    return count(None if value is None else math.ceil(value))


def score(value: float | None) -> str:
    """A score with three decimals, 0.558; from 1,000 on without any, 6,680."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return _no_negative_zero(f"{value:,.0f}" if abs(value) >= LARGE else f"{value:.3f}")


def signed(value: float | None) -> str:
    """A difference with its sign and three decimals: +0.388, −0.012, 0.000."""
    text = score(value)
    return text if text in (UNKNOWN, "0.000") or text.startswith(MINUS) else f"+{text}"


def interval(low: float | None, high: float | None, *, sign: bool = False) -> str:
    """Both ends of an interval: 0.360 to 0.410 ('to', since a dash reads as a minus)."""
    if not (known(low) and known(high)):
        return UNKNOWN
    form = signed if sign else score
    return f"{form(low)} to {form(high)}"


def ratio(value: float | None) -> str:
    """How many times as much: 1.00×, 0.25×, 12.4×."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{significant(value)}×"


def percent(value: float | None) -> str:
    """A share with one decimal: 99.9 %; '< 0.1 %' and '> 99.9 %' rather than a false 0 or 100."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %".replace(".0 %", " %")


def plural(number: int, word: str, words: str | None = None) -> str:
    """'1 pair', '6 pairs'."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def _exponent(value: float, digits: int) -> int:
    """The power of ten of `value` once it is rounded to `digits` figures (999.6 is 10³)."""
    return int(f"{abs(value):.{digits - 1}e}".split("e")[1])


def _no_negative_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text.replace("-", MINUS)
