"""Skewed costs: the interval of a saving when a few runs need many times more than the others.

`python -m pytest tests/compare/test_skewed.py -m slow -s` prints the coverage. Measured, per cent of the
intervals that hold the mean saving, Student's in brackets; 400 studies per number, costs of a pair correlated
by 0 / 0.7:

| pairs | sigma 0.3                 | sigma 0.8                 | sigma 1.2                 |
|-------|---------------------------|---------------------------|---------------------------|
| 3     | 96.8 (94.2) / 97.2 (92.0) | 98.0 (92.2) / 97.0 (84.2) | 98.0 (85.5) / 98.8 (79.0) |
| 5     | 95.5 (94.5) / 97.5 (94.5) | 95.8 (90.0) / 97.8 (85.0) | 95.5 (80.0) / 97.5 (81.5) |
| 10    | 95.8 (94.8) / 95.0 (95.2) | 94.5 (90.2) / 96.8 (85.5) | 93.8 (87.2) / 96.0 (77.0) |
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.statistics.skewed import mean_difference

costs = st.lists(st.tuples(st.floats(0.1, 1e3), st.floats(0.1, 1e3)), min_size=2, max_size=8)


def covered(pairs: int, sigma: float, shared: float, studies: int) -> tuple[float, float]:
    """How often our interval and Student's hold the mean saving of lognormal costs around 100 and 30."""
    rng = np.random.default_rng([pairs, round(10 * sigma), round(10 * shared)])
    truth, ours, students = 70 * np.exp(sigma**2 / 2), 0, 0
    for _ in range(studies):
        noise = rng.standard_normal((pairs, 2))
        noise[:, 1] = shared * noise[:, 0] + np.sqrt(1 - shared**2) * noise[:, 1]
        spent = np.exp(sigma * noise) * [100, 30]
        found, plain = mean_difference(spent, draws=1000), student_interval(spent[:, 0] - spent[:, 1])
        assert plain is not None
        ours += found.low <= truth <= found.high
        students += plain.low <= truth <= plain.high
    return ours / studies, students / studies


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.2])
def test_the_interval_of_a_saving_holds_it_about_95_percent_of_the_time(sigma):
    shares = []
    for pairs in (3, 5, 10):
        found = [covered(pairs, sigma, shared, 400) for shared in (0.0, 0.7)]
        shares += found
        told = ", ".join(f"{ours:.1%} ({students:.1%})" for ours, students in found)
        print(f"\nlognormal costs, sigma {sigma}, {pairs} pairs: {told}")
    mean = np.mean([ours for ours, _ in shares])
    print(f"lognormal costs, sigma {sigma}: {mean:.1%}")
    assert abs(mean - 0.95) <= 0.02
    assert min(ours for ours, _ in shares) >= 0.92


def test_a_quick_look_at_skewed_costs():
    ours, students = covered(5, 1.2, 0.7, 120)
    assert ours >= 0.9 > students


@given(costs, st.floats(0.01, 100))
@settings(max_examples=30)
def test_the_unit_of_the_costs_does_not_matter(spent, unit):
    found, scaled = (mean_difference(np.array(spent) * factor, draws=500) for factor in (1.0, unit))
    assert (scaled.low, scaled.high) == pytest.approx((unit * found.low, unit * found.high), rel=1e-6)


def test_equal_costs_have_a_point_and_nearly_equal_ones_students_interval():
    same = mean_difference(np.array([[5.0, 2.0]] * 3))
    assert (same.low, same.high) == pytest.approx((3.0, 3.0))
    rng = np.random.default_rng(0)
    spent = 100 + rng.standard_normal((6, 2)) * [1, 0.001]
    plain, found = student_interval(spent[:, 0] - spent[:, 1]), mean_difference(spent)
    assert plain and (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.1)


def test_costs_of_zero_have_no_logarithm():
    found = mean_difference(np.array([[5.0, 0.0], [6.0, 0.0], [5.5, 0.0]]))
    assert 0 < found.low < 5.5 < found.high < np.inf
    some = mean_difference(np.array([[5.0, 0.0], [6.0, 1.0], [5.5, 0.0]]))
    assert np.isfinite([some.low, some.high]).all() and some.low < 5 < some.high
