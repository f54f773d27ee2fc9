"""Claims: exact tests against scipy, Holm against the definition, and what a family leaves of a word."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.factory import make_study

from headstart.compare.findings import Comparison, Quantity
from headstart.compare.statistics.bootstrap import Spread
from headstart.compare.statistics.exact import exact_tests, mcnemar, sign, signed_rank
from headstart.compare.statistics.holm import holm
from headstart.compare.statistics.proportions import wilson
from headstart.compare.study import compare

SMALL: dict[str, Any] = {"examples": 120, "evaluations": 3}
gains = st.lists(st.integers(-20, 20), min_size=1, max_size=9)
chances = st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=8)


@given(gains)
def test_the_sign_test_is_what_scipy_says(values):
    kept = [value for value in values if value]
    expected = stats.binomtest(sum(v > 0 for v in kept), len(kept)).pvalue if kept else 1.0
    assert sign(values).p == pytest.approx(expected)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9, unique=True), st.data())
def test_signed_ranks_without_ties_are_what_scipy_says(sizes, data):
    values = [size * data.draw(st.sampled_from((-1, 1))) for size in sizes]
    found: Any = signed_rank(values)
    expected: Any = stats.wilcoxon(values, method="exact")
    assert found.p == pytest.approx(expected.pvalue)
    assert found.p >= 2 / 2 ** len(values) - 1e-12


@given(gains)
def test_signed_ranks_with_ties_count_every_sign(values):
    """The definition: of all signs, twice the share with a rank sum as far out on the same side."""
    kept = np.array([value for value in values if value])
    found: Any = signed_rank(values)
    if not len(kept):
        assert found.p == 1.0
        return
    ranks = stats.rankdata(np.abs(kept))
    sums = np.array([ranks[list(signs)].sum() for signs in _subsets(len(kept))])
    seen = ranks[kept > 0].sum()
    expected = 2 * min((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean())
    assert found.p == pytest.approx(min(1.0, expected))


def _subsets(number):
    places = range(number)
    return itertools.chain.from_iterable(itertools.combinations(places, size) for size in range(number + 1))


def test_rounding_does_not_break_a_tie():
    exact, rounded = [0.02, -0.02, 0.05], [0.1 + 0.2 - 0.28, -0.02, 0.05]
    assert signed_rank(rounded) == signed_rank(exact)
    assert sign([0.3 - 0.1 - 0.2, 0.1]).number == 1


def test_five_pairs_that_all_point_one_way():
    found: Any = signed_rank([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found.p == 0.0625
    assert signed_rank(np.arange(1, 102)) is None  # more than a hundred pairs


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_is_a_sign_test_of_what_only_one_gets_right(rows):
    right = np.array(rows).T
    lost, won = (right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()
    expected = stats.binomtest(int(won), int(won + lost)).pvalue if won + lost else 1.0
    found = mcnemar(right)
    assert found.p == pytest.approx(expected)
    assert found.number == won + lost
    assert "not about other seeds" in found.meaning


def test_which_test_depends_on_the_pairs():
    right = np.zeros((2, 1, 5), bool)
    assert [test.key for test in exact_tests(np.array([0.1, 0.2]), None)] == ["signed_rank", "sign"]
    assert [test.key for test in exact_tests(np.array([0.1]), right)] == ["mcnemar"]
    assert exact_tests(np.array([0.1]), None) == ()


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, None]) == [0.08, None]  # what is unknown is a claim all the same
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(chances, st.floats(0.001, 0.2))
def test_holm_rejects_what_the_step_down_rejects(found, alpha):
    corrected = holm(found)
    ranked = sorted((p, i) for i, p in enumerate(found) if p is not None)
    rejected = set()
    for rank, (p, i) in enumerate(ranked):
        if p * (len(found) - rank) >= alpha:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(corrected) if p is not None and p < alpha} == rejected
    assert all(p is None or p >= own for p, own in zip(corrected, found, strict=True) if own is not None)


@given(st.lists(st.floats(-1, 1), min_size=100, max_size=300), st.floats(-1, 1))
def test_p_is_where_the_interval_ends(draws, shift):
    spread = Spread(0.0, 3, np.array(draws) + shift, 1.0, 1.0, 0.0)
    p = spread.p()
    inside = spread.interval(1 - min(p * 1.02, 1.0))
    outside = spread.interval(1 - p * 0.98)
    assert (outside.low <= 1e-9 and outside.high >= -1e-9) or p <= 2 / len(draws) * 1.01
    assert inside.low >= -1e-9 or inside.high <= 1e-9 or p >= 0.98
    assert spread.p() < 0.05 or (spread.interval().low <= 1e-9 and spread.interval().high >= -1e-9)


@given(st.lists(st.floats(-1, 1), min_size=100, max_size=300), st.floats(0.001, 1.5))
def test_p_of_the_margin_agrees_with_equivalence(draws, margin):
    spread = Spread(0.0, 3, np.array(draws), 1.0, 1.0, 0.0)
    interval = spread.interval()
    if interval.low > -margin + 1e-9 and interval.high < margin - 1e-9:
        assert spread.p_margin(margin) <= 0.05 + 1e-9
    if interval.low < -margin - 1e-9 or interval.high > margin + 1e-9:
        assert spread.p_margin(margin) >= 0.05 - 1e-9


@given(st.integers(1, 60), st.data())
def test_wilson_is_what_scipy_says(number, data):
    happened = data.draw(st.integers(0, number))
    expected = stats.binomtest(happened, number).proportion_ci(method="wilson")
    found = wilson(happened, number)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high))
    assert 0 <= found.low < found.high <= 1


def test_diverged_runs_are_counted_with_an_interval(tmp_path):
    status = {("scratch", 1): "diverged", ("scratch", 2): "interrupted"}
    findings = compare(make_study(tmp_path, status=status, **SMALL))
    scratch, pretrained = findings.rows.select("stability.diverged_share")
    assert (scratch.arm, scratch.n, scratch.value) == ("scratch", 2, 0.5)
    assert findings.rows.value("stability.diverged", arm="scratch") == 1
    assert scratch.interval == wilson(1, 2) == findings.arms[0].diverged_share
    assert (pretrained.value, pretrained.interval) == (0.0, wilson(0, 3))


def test_one_comparison_is_no_family(tmp_path):
    (found,) = compare(make_study(tmp_path, **SMALL)).comparisons
    assert found.rows.select("gain.corrected_p") == ()
    assert found.gain is not None
    assert found.gain.p is not None and found.gain.p < 0.05
    assert [test.key for test in found.gain.tests] == ["signed_rank", "sign"]
    assert found.gain.tests[0].p == 0.25


def test_one_pair_gets_mcnemar(tmp_path):
    (found,) = compare(make_study(tmp_path, seeds=[0], **SMALL)).comparisons
    assert found.gain is not None
    assert [test.key for test in found.gain.tests] == ["mcnemar"]
    assert found.gains["macro_f1"].tests == ()  # no share of right answers


def test_every_comparison_is_a_claim_of_the_family(tmp_path):
    findings = compare(make_study(tmp_path, rows=(256, 512, 1024), seeds=range(4), **SMALL))
    found = findings.rows.select("gain.corrected_p")
    chances = [one.gain.p for one in findings.comparisons if one.gain]
    assert [row.value for row in found] == holm(chances)
    assert {row.verdict for row in found} == {"survives"}
    assert all("It stays better among the 3 comparisons" in row.note for row in found)
    assert "Alone it is" not in findings.sentence


def _corrected(found: Comparison) -> Quantity:
    (row,) = found.rows.select("gain.corrected_p")
    return row


def test_a_word_that_the_family_takes_back_is_told_with_both(tmp_path):
    arms = ("scratch", *(f"scratch_{i}" for i in range(9)))
    skill = {f"scratch_{i}": -0.9 + 0.05 * i for i in range(9)}  # from nothing to much
    found = compare(make_study(tmp_path, arms, seeds=range(4), skill=skill, seed_sd=0.02, **SMALL))
    lost = [one for one in found.comparisons if _corrected(one).verdict == "does not survive"]
    assert lost
    for one in lost:
        value = _corrected(one).value
        assert one.gain is not None and one.gain.p is not None and one.gain.p < 0.05
        assert value is not None and value >= 0.05
        assert f"Alone it is {one.gain.verdict}, but not among the 9 comparisons" in one.sentence
