"""Exact interpolation: right on every polynomial of degree two, and silent about everything else."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.meters.polynomial import CHECKS, Polynomial, outside_in


class Counts:
    """Answers by a function, and remembers how often it was asked."""

    def __init__(self, function) -> None:
        self.function, self.polynomial, self.asked = function, Polynomial(), 0

    def __call__(self, *sizes: int) -> int:
        return self.polynomial.value(sizes, lambda: self._count(sizes))

    def _count(self, sizes: tuple[int, ...]) -> int:
        self.asked += 1
        return self.function(*sizes)


def polynomial(factors: list[int], *sizes: int) -> int:
    terms = combinations_with_replacement((1, *sizes), 2)
    return sum(factor * prod(term) for factor, term in zip(factors, terms, strict=True))


@st.composite
def asked(draw) -> tuple[list[int], list[tuple[int, ...]]]:
    """Factors of a polynomial of one to three sizes, and points in any order."""
    number = draw(st.integers(1, 3))
    count = (number + 1) * (number + 2) // 2
    factors = draw(st.lists(st.integers(-(10**12), 10**12), min_size=count, max_size=count))
    point = st.tuples(*[st.integers(1, 512)] * number)
    return factors, draw(st.lists(point, min_size=1, max_size=40))


@settings(max_examples=150)
@given(asked())
def test_every_polynomial_is_answered_exactly(case: tuple[list[int], list[tuple[int, ...]]]) -> None:
    factors, points = case
    counts = Counts(lambda *sizes: polynomial(factors, *sizes))
    for point in points:
        assert counts(*point) == polynomial(factors, *point)


def test_three_counts_and_two_checks_decide_all_between_them() -> None:
    counts = Counts(lambda n: 7 * n * n + 5 * n + 3)
    for length in (8, 128, 16, 64, 32, *range(9, 128)):
        assert counts(length) == 7 * length**2 + 5 * length + 3
    assert counts.asked == 3 + CHECKS


def test_outside_in_bounds_first() -> None:
    assert outside_in([(8,), (16,), (24,), (16,), (128,)]) == [(128,), (8,), (24,), (16,)]
    assert outside_in([]) == []


def test_beyond_what_was_counted_nothing_is_predicted() -> None:
    counts = Counts(lambda n: n * n)
    for length in (1, 2, 3, 4, 5):
        counts(length)
    assert (counts(6), counts.asked) == (36, 6)


@settings(max_examples=60)
@given(st.permutations(range(1, 60)), st.integers(2, 58))
def test_a_bend_is_seen(lengths: list[int], bend: int) -> None:
    """Attention within a window is quadratic up to its width, and linear from there on."""
    counts = Counts(lambda n: 1000 * n + min(n, bend) * n)
    for length in lengths:
        assert counts(length) == 1000 * length + min(length, bend) * length


@pytest.mark.parametrize("step", [7, 16])
def test_steps_are_never_predicted(step: int) -> None:
    counts = Counts(lambda n: -(-n // step))
    for length in [*range(1, 100), *range(99, 0, -1)]:
        assert counts(length) == -(-length // step)
