"""Numbers as a reader sees them: three significant figures, plain units; unknown is a word, never 0."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from headstart.compare import phrases
from headstart.compare.catalogue import form
from headstart.compare.quantity import Quantity

P = ParamSpec("P")
Form = Callable[[float | None], str]  # how numbers of one unit are written

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
JOULES_PER_KWH = 3_600_000.0
UNITS = r"%|[kMGTPEZY]?(?:FLOPs|B|J|W)\b|(?:kWh|ms|s|min|h)\b"
OF_A_NUMBER = re.compile(rf"(?<=\d) (?={UNITS})|(?<=[<>≥]) (?=\d)")  # a space within it


def _or_unknown(write: Callable[Concatenate[float, P], str]) -> Callable[Concatenate[float | None, P], str]:
    """The same function for what may be no number: None, NaN and infinity are unknown."""

    @functools.wraps(write)
    def form(value: float | None, *args: P.args, **options: P.kwargs) -> str:
        return UNKNOWN if value is None or not math.isfinite(value) else write(value, *args, **options)

    return form


def known(value: float | None) -> bool:
    """Whether `value` is a finite number."""
    return value is not None and math.isfinite(value)


@_or_unknown
def significant(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant figures and never an exponent: 0.0123, 1.23, 12,300."""
    if value == 0:
        return "0"
    places = digits - 1 - _exponent(value, digits)
    text = f"{abs(round(value, places)):,.{max(places, 0)}f}"
    return MINUS + text if value < 0 else text


@_or_unknown
def si(value: float, unit: str) -> str:
    """`value` with an SI prefix from 1 to 10²⁴: 1.23 TFLOPs; below 1 as it is."""
    step = 0 if value == 0 else min(max(_exponent(value, 3) // 3, 0), len(PREFIXES) - 1)
    scaled = value / 1000.0**step
    whole = step == 0 and float(value).is_integer()
    return f"{f'{value:,.0f}' if whole else significant(scaled)} {PREFIXES[step]}{unit}".strip()


def flops(value: float | None) -> str:
    """Floating point operations: 1.23 TFLOPs."""
    return si(value, "FLOPs")


@_or_unknown
def seconds(value: float) -> str:
    """A duration: 840 ms, 12.3 s, 4 min 05 s, 2 h 03 min."""
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


@_or_unknown
def energy(value: float) -> str:
    """Joules as J or kJ; from 0.01 kWh (36 kJ) as kWh."""
    if abs(value) >= 0.01 * JOULES_PER_KWH:
        return f"{significant(value / JOULES_PER_KWH)} kWh"
    return si(value, "J") if abs(value) >= 10 else f"{significant(value)} J"


@_or_unknown
def watts(value: float) -> str:
    """A power: 10.0 W."""
    return f"{significant(value)} W"


@_or_unknown
def count(value: float) -> str:
    """A whole number with thousands separated: 22,713,216."""
    return f"{value:,.0f}".replace("-", MINUS)


@_or_unknown
def uses(value: float) -> str:
    """A number of uses, rounded up: 11.2 uses pay only at the 12th."""
    return count(math.ceil(value))


@_or_unknown
def score(value: float) -> str:
    """A score with three decimals, 0.558; from 1,000 on without any, 6,680."""
    return phrases.number(value)


def signed(value: float | None) -> str:
    """A difference with its sign and three decimals: +0.388, −0.012, 0.000."""
    text = score(value)
    return text if text in (UNKNOWN, "0.000") or text.startswith(MINUS) else f"+{text}"


def span(low: float | None, high: float | None, form: Form) -> str:
    """Both ends of an interval: 0.360 to 0.410 ('to', since a dash looks like a minus)."""
    return f"{form(low)} to {form(high)}" if known(low) and known(high) else UNKNOWN


def between(low: float | None, high: float | None, form: Form) -> str:
    """A number between two ends, None where it is not bounded: '3 to 5', 'at least 64.0×', 'unknown'."""
    if low is None or high is None:
        if low is None and high is None:
            return UNKNOWN
        return f"at most {form(high)}" if low is None else f"at least {form(low)}"
    first, last = form(low), form(high)
    return first if first == last else f"{first} to {last}"


@_or_unknown
def ratio(value: float) -> str:
    """How many times as much: 1.00×, 0.25×, 12.4×."""
    return f"{significant(value)}×"


@_or_unknown
def percent(value: float) -> str:
    """A share with one decimal: 99.9 %; '< 0.1 %' and '> 99.9 %' rather than a false 0 or 100."""
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %".replace(".0 %", " %")


def value_text(row: Quantity) -> str:
    """The value in its unit, or the bound or range that is known: '+0.388', 'at least 64.0×', 'never'."""
    write = form_of(row.unit)
    if row.value is not None:
        return f"≥ {write(row.value)}" if row.verdict == "lower bound" else write(row.value)
    known_ends = [write(end) for end in (row.low, row.high) if end is not None]
    if len(known_ends) == 2:
        return f"{known_ends[0]} to {known_ends[1]}"
    return f"{row.verdict} {known_ends[0]}".strip() if known_ends else row.verdict or UNKNOWN


def text(row: Quantity) -> str:
    """The value; of joules that no counter measured, with how they are known: '768 J (estimated)'."""
    if row.unit != "J":
        return value_text(row)
    if row.value is None:
        return {"mixed": "methods differ", "": UNKNOWN}.get(row.verdict, "not measured")
    return value_text(row) + ("" if row.verdict in ("measured", "") else f" ({row.verdict})")


def interval_text(row: Quantity) -> str:
    """'+0.360 to +0.410', 'at least 30 rows', 'range 0.167 to 0.213'; nothing where there is none."""
    if (row.low is None and row.high is None) or (row.value is None and row.level is None):
        return ""
    write = form_of(row.unit)
    if row.low is None or row.high is None:
        return between(row.low, row.high, write)
    if row.level is None:
        return f"range {span(row.low, row.high, write)}"
    exact = row.unit in ("times", "rows") and math.isclose(row.low, row.high)
    return "exact" if exact else span(row.low, row.high, write)


def with_interval(row: Quantity) -> str:
    """'+0.388 (+0.360 to +0.410)'."""
    interval = interval_text(row).removeprefix("range ")
    return f"{value_text(row)} ({interval})" if interval else value_text(row)


def form_of(unit: str) -> Form:
    """How numbers of a unit are written."""
    return globals()[form(unit)]


def chance(p: float | None) -> str:
    """A p value: '0.013', '< 0.001', 'unknown'."""
    return "< 0.001" if p is not None and p < 0.001 else significant(p, 2)


def plural(number: int, word: str, words: str | None = None) -> str:
    """'1 pair', '6 pairs'."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def unbroken(words: Any) -> Any:
    """The words, whose numbers no line ends within: '95 %' and '3.7 GFLOPs' with a no-break space.

    The `finalize` of a jinja template: markup, such as `{{ words | e }}`, stays as it is.
    """
    if not isinstance(words, str) or hasattr(words, "__html__"):
        return words
    return OF_A_NUMBER.sub("\N{NO-BREAK SPACE}", words)


def _exponent(value: float, digits: int) -> int:
    """The power of ten of `value` once it is rounded to `digits` figures (999.6 is 10³)."""
    return int(f"{abs(value):.{digits - 1}e}".split("e")[1])
