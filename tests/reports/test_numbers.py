"""Numbers as a reader sees them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from headstart.compare.findings import Bounded, Quantity
from headstart.reports import numbers
from headstart.reports.tables import Line

NOT_NUMBERS = (None, math.nan, math.inf, -math.inf)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (999.6, "1,000"), (12345, "12,300"), (-0.5, "−0.500")],
)
def test_three_significant_figures_without_exponent(value: float, text: str) -> None:
    assert numbers.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 FLOPs"),
        (950, "950 FLOPs"),
        (1.2345e12, "1.23 TFLOPs"),
        (999_600, "1.00 MFLOPs"),
        (3.14e21, "3.14 ZFLOPs"),
    ],
)
def test_flops_carry_an_si_prefix(value: float, text: str) -> None:
    assert numbers.flops(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (0.00042, "0.420 ms"),
        (0.84, "840 ms"),
        (0.9999, "1.00 s"),
        (12.34, "12.3 s"),
        (59.97, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.8, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_seconds_read_like_a_clock(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


def test_sizes_counts_and_ratios() -> None:
    assert numbers.size(12_400_000) == "12.4 MB"
    assert numbers.count(22713216) == "22,713,216"
    assert numbers.ratio(1) == "1.00×"
    assert numbers.plural(1, "pair") == "1 pair"
    assert numbers.plural(6, "pair") == "6 pairs"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 J"),
        (4.2, "4.20 J"),
        (86.44, "86.4 J"),
        (12_300, "12.3 kJ"),
        (36_000, "0.0100 kWh"),
        (3.6e6, "1.00 kWh"),
    ],
)
def test_energy_is_joules_and_then_kilowatt_hours(value: float, text: str) -> None:
    assert numbers.energy(value) == text


def test_scores_have_three_decimals_and_a_true_minus() -> None:
    assert numbers.score(0.5576) == "0.558"
    assert numbers.score(-0.0001) == "0.000"
    assert numbers.signed(0.388) == "+0.388"
    assert numbers.signed(-0.0121) == "−0.012"
    assert numbers.signed(0.0) == "0.000"
    assert numbers.span(-0.01, 0.02, numbers.signed) == "−0.010 to +0.020"


def test_shares_never_round_to_a_false_nothing_or_everything() -> None:
    assert numbers.percent(0.5) == "50 %"
    assert numbers.percent(0.0002) == "< 0.1 %"
    assert numbers.percent(0.99999) == "> 99.9 %"
    assert numbers.percent(1.0) == "100 %"


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize(
    "form",
    [
        numbers.significant,
        numbers.flops,
        numbers.seconds,
        numbers.size,
        numbers.energy,
        numbers.count,
        numbers.score,
        numbers.signed,
        numbers.ratio,
        numbers.percent,
    ],
)
def test_what_is_no_number_is_called_unknown(form, value: float | None) -> None:
    assert form(value) == "unknown"


def test_half_an_interval_is_unknown() -> None:
    assert numbers.span(0.1, math.nan, numbers.score) == "unknown"


ENDS = st.none() | st.floats(1e-3, 1e6)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Bounded(6.4, 6.4, 4.7, 8.8), "6.40× (4.70× to 8.80×)"),
        (Bounded(64.0, None, 64.0, None), "at least 64.0×"),
        (Bounded(64.0, None, 30.0, None), "at least 64.0× (at least 30.0×)"),
        (Bounded(None, 0.5, None, 0.8), "at most 0.500× (at most 0.800×)"),
        (Bounded(0.125, 0.125, 0.125, 0.125), "0.125× (exact)"),
        (Bounded(3.0, 5.0, None, None), "3.00× to 5.00×"),
        (Bounded(2.0, 2.0, None, None), "2.00×"),
        (Bounded(None, None, None, None), "unknown"),
        (None, "unknown"),
    ],
)
def test_what_is_known_is_said_and_no_more(found: Bounded | None, told: str) -> None:
    row, *ends = Quantity("data_multiplier", unit="times").with_interval(found)
    assert Line(row, {each.key: each for each in (row, *ends)}).with_interval(row.key) == told


@given(ENDS, ENDS)
def test_an_open_end_is_never_told_as_a_number(low: float | None, high: float | None) -> None:
    told = numbers.between(low, high, numbers.significant)
    assert told.startswith("at most") == (low is None and high is not None)
    assert told.startswith("at least") == (high is None and low is not None)
    assert (told == numbers.UNKNOWN) == (low is None and high is None)


@pytest.mark.parametrize(
    ("words", "unbroken"),
    [
        ("95 % of 3 seeds", "95~% of 3 seeds"),
        ("3.7 GFLOPs, 12 MB, 4 min 05 s", "3.7~GFLOPs, 12~MB, 4~min 05~s"),
        ("< 0.1 % at ≥ 12 kWh", "<~0.1~% at ≥~12~kWh"),
        ("5 hours, 2 Seeds, 7 Bits", "5 hours, 2 Seeds, 7 Bits"),
        (Markup("95 %"), "95 %"),
    ],
)
def test_no_line_ends_within_a_number(words: str, unbroken: str) -> None:
    assert numbers.unbroken(words) == unbroken.replace("~", "\N{NO-BREAK SPACE}")
