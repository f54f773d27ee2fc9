"""Bounds as cells: a number, one side of it, or nothing known, and never a false exactness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.compare.values.efficiency import Bounded
from headstart.reports import bounds, numbers

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
    assert bounds.with_interval(found, numbers.ratio) == told


@given(ENDS, ENDS)
def test_an_open_end_is_never_told_as_a_number(low: float | None, high: float | None) -> None:
    told = bounds.between(low, high, numbers.significant)
    assert told.startswith("at most") == (low is None and high is not None)
    assert told.startswith("at least") == (high is None and low is not None)
    assert (told == numbers.UNKNOWN) == (low is None and high is None)
