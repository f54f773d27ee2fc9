"""Data curves: rows read backwards off a curve, with what is not in the data said to be so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression
from tests.compare.curves import ROWS, grown, with_transfer
from tests.factory import make_study

from headstart.compare.data_curves import data_curves
from headstart.compare.statistics.joint import SizeScores, joint_draws
from headstart.compare.statistics.monotone import isotonic, last_above, rows_at
from headstart.compare.statistics.power_law import Point, power_law
from headstart.compare.statistics.transfer import transfer
from headstart.compare.study import compare, material

SMALL: dict[str, Any] = {"examples": 80, "evaluations": 3}


def curves_of(folder: Path) -> Any:
    """The data curves of a study, and the laws over its models."""
    return data_curves(material(folder).compared, 0.01)


def only(found) -> Any:
    assert len(found) == 1
    return found[0]


values = st.lists(st.floats(-10, 10), min_size=2, max_size=7)


@given(values, st.data())
def test_isotonic_is_what_scikit_learn_says(found, data):
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(found), max_size=len(found)))
    smooth = isotonic(np.array([found, found]), np.array(weights, dtype=float))
    expected = isotonic_regression(np.array(found), sample_weight=np.array(weights, dtype=float))
    assert smooth[0] == pytest.approx(expected, abs=1e-9)
    assert smooth[1] == pytest.approx(expected, abs=1e-9)


@given(values, st.floats(-11, 11))
def test_rows_at_reads_a_curve_backwards(found, target):
    rows, curve = 2.0 ** np.arange(len(found)), np.sort(np.array(found))[None]
    needed = float(rows_at(np.array([target]), curve, rows)[0])
    if target > curve[0, -1]:
        assert needed == np.inf
    elif target < curve[0, 0]:
        assert needed == 0
    else:
        assert np.interp(np.log(needed), np.log(rows), curve[0]) == pytest.approx(target, abs=1e-6)
        assert not (curve[0][rows < needed * (1 - 1e-9)] >= target).any()  # the smallest such number of rows


@given(values, st.floats(0, 5))
def test_beyond_the_crossing_no_gain_is_above_the_margin(found, margin):
    rows, gains = 2.0 ** np.arange(len(found)), np.array([found])
    where = float(last_above(gains, margin, rows)[0])
    if where == np.inf:
        assert gains[0, -1] > margin
    else:
        assert (gains[0][rows > where * (1 + 1e-9)] <= margin).all()
        there = margin if where == 0 else np.interp(np.log(where), np.log(rows), gains[0])
        assert there == pytest.approx(margin, abs=1e-6)


def sizes(rng, scores, units=4, noise=0.0, rows=ROWS, examples=None):
    """Scores (sizes, 2) with noise of their own in every run."""
    names = tuple(map(str, range(units)))
    drawn = np.asarray(scores)[..., None] + noise * rng.standard_normal((len(rows), 2, units))
    return [SizeScores(int(n), names, each, examples) for n, each in zip(rows, drawn, strict=True)]


def test_rows_transferred_are_found_without_noise():
    found, _ = transfer(sizes(np.random.default_rng(0), with_transfer()), 1, 0.01, 0)
    true = ROWS + 30 * ROWS**0.4
    for point, needed in zip(found.points, true, strict=True):
        if needed <= ROWS[-1]:
            assert point.rows_needed.value == pytest.approx(needed, rel=0.03)  # straight between the sizes
            assert point.multiplier.value == pytest.approx(needed / point.rows, rel=0.03)
            assert point.transferred.value == pytest.approx(needed - point.rows, rel=0.1)
            below, above = point.between
            assert below is not None and above is not None
            assert below <= needed <= above
        else:
            assert point.rows_needed.censored == "at least"
            assert point.rows_needed.low == ROWS[-1]
            assert point.between == (2048, None)


def test_an_arm_below_the_smallest_size_is_censored_downwards():
    scores = np.stack([grown(ROWS), grown(ROWS) - 0.3], axis=1)
    found, crossing = transfer(sizes(np.random.default_rng(0), scores, noise=0.001), 1, 0.01, 0)
    assert found.points[0].rows_needed.censored == "at most"
    assert (found.points[0].rows_needed.low, found.points[0].rows_needed.high) == (None, 64.0)
    assert found.points[0].multiplier.sure_high == 1.0
    assert crossing.rows.censored == "at most"


def test_an_interval_that_leaves_the_data_has_no_end_there():
    scores = with_transfer()
    scores[3, 1] = grown(1300)
    found, _ = transfer(sizes(np.random.default_rng(1), scores, noise=0.02), 1, 0.01, 0)
    point = found.points[3]
    assert point.rows_needed.value is not None
    assert point.rows_needed.sure_low is not None
    assert point.rows_needed.sure_high is None


def test_the_crossing_is_where_the_gain_falls_to_the_margin():
    gains = np.array([0.20, 0.15, 0.10, 0.05, 0.0, 0.0])
    scores = np.stack([grown(ROWS), grown(ROWS) + gains], axis=1)
    _, crossing = transfer(sizes(np.random.default_rng(0), scores), 1, 0.025, 0)
    assert crossing.rows.value == pytest.approx(512 * np.sqrt(2))
    assert crossing.beyond == 0


def test_lower_is_better_gives_the_same_rows():
    rng = np.random.default_rng(0)
    higher, _ = transfer(sizes(rng, with_transfer()), 1, 0.01, 0)
    lower, _ = transfer(sizes(rng, with_transfer()), -1, 0.01, 0)  # the scores come oriented
    assert [p.rows_needed for p in higher.points] == [p.rows_needed for p in lower.points]
    assert lower.points[0].baseline == -higher.points[0].baseline


def test_joint_draws_give_students_interval_of_any_difference():
    rng = np.random.default_rng(3)
    made = sizes(rng, with_transfer(), units=3, noise=0.05)
    drawn = joint_draws(made, 0, number=200_000)
    each = made[2].values[1] - made[0].values[0]  # of two sizes and both arms, seed by seed
    moved = drawn[:, 2, 1] - drawn[:, 0, 0]
    width = 4.3027 * each.std(ddof=1) / np.sqrt(3)
    assert np.quantile(moved, 0.975) - each.mean() == pytest.approx(width, rel=0.05)
    assert np.median(moved) == pytest.approx(each.mean(), abs=0.002)


def test_examples_that_both_arms_answer_alike_move_no_difference():
    rng = np.random.default_rng(0)
    shared = rng.normal(0.5, 0.1, (500, 1, 1)) + np.zeros((500, 2, 3))  # one resampled score for all runs
    same = SizeScores(64, ("0", "1", "2"), np.full((2, 3), 0.5), shared)
    own = SizeScores(128, ("0", "1", "2"), np.full((2, 3), 0.5), rng.normal(0.5, 0.1, (500, 2, 3)))
    drawn = joint_draws([same, own], 0, number=20_000)
    assert np.abs(drawn[:, 0, 1] - drawn[:, 0, 0]).max() < 1e-6
    assert drawn[:, 0, 0].std() == pytest.approx(0.1, rel=0.1)
    assert drawn[:, 1, 0].std() < 0.03  # noise of single runs, which the seeds' part holds already


def test_one_unit_has_no_seeds_to_vary():
    made = sizes(np.random.default_rng(0), with_transfer(), units=1)
    assert np.ptp(joint_draws(made, 0), axis=0).max() == 0
    found, crossing = transfer(made, 1, 0.01, 0)
    assert found.points[0].rows_needed.sure_low is None
    assert found.points[0].gain_interval is None
    assert crossing.rows.sure_low is None


def law_points(k=20.0, alpha=0.5, beta=0.0, models=(1_000_000,), rows=ROWS, noise=0.0, draws=500):
    rng = np.random.default_rng(0)
    return [
        Point(
            int(n), model, k * n**alpha * model**beta,
            k * n**alpha * model**beta * np.exp(noise * rng.standard_normal(draws)), 1e9,
        )
        for model in models
        for n in rows
    ]  # fmt: skip


def test_a_power_law_is_found_again():
    found = power_law("pretrained", law_points())
    assert (found.k, found.alpha, found.beta) == (pytest.approx(20), pytest.approx(0.5), None)
    assert found.residual == pytest.approx(0, abs=1e-9)
    both = power_law("pretrained", law_points(beta=0.3, models=(10**6, 10**7)))
    assert (both.alpha, both.beta) == (pytest.approx(0.5), pytest.approx(0.3))
    assert both.points == 12


def test_the_law_has_intervals_from_its_draws():
    found = power_law("pretrained", law_points(noise=0.2))
    assert found.alpha_interval is not None and found.k_interval is not None
    assert found.alpha_interval.low < 0.5 < found.alpha_interval.high
    assert found.k_interval.low < 20 < found.k_interval.high
    assert "not whether the curve is a power law" in found.notes[0]


def test_a_law_of_three_points_is_refused():
    found = power_law("pretrained", law_points(rows=ROWS[:3]))
    assert found.alpha is None
    assert found.reason == "a power law needs 4 points at two sizes or more, and 3 can be used"


def test_points_beyond_the_data_are_left_out_of_the_law():
    points = law_points()
    beyond = [Point(p.rows, p.parameters, np.inf, np.full(500, np.inf), p.most) for p in points[3:]]
    found = power_law("pretrained", [*points[:3], *beyond])
    assert found.left_out == 3
    assert "3 of 6 can be used: the others are beyond the sizes that were run" in found.reason
    shaky = Point(64, None, 10.0, np.where(np.arange(500) < 50, np.inf, 10.0), 1e9)
    assert power_law("pretrained", [*points[:4], shaky]).left_out == 1  # a tenth of its draws leave the data


@given(st.floats(1, 100), st.floats(0.1, 1.5), st.integers(0, 99))
def test_scaling_all_transferred_rows_changes_only_k(k, alpha, factor):
    one = power_law("a", law_points(k, alpha))
    other = power_law("a", law_points(k * (factor + 1), alpha))
    assert one.alpha == pytest.approx(other.alpha)
    assert other.k == pytest.approx(one.k * (factor + 1), rel=1e-6)  # pyright: ignore[reportOptionalOperand]


def test_a_study_over_sizes_has_a_data_curve(tmp_path):
    findings = compare(make_study(tmp_path, rows=(64, 256, 1024, 4096), **SMALL))
    curve = only(curves_of(tmp_path)[0])
    assert (curve.arm, curve.baseline, curve.context) == ("pretrained", "scratch", "")
    assert [point.rows for point in curve.points] == [64, 256, 1024, 4096]
    assert curve.covers == "seeds and test examples"
    smooth = [point.baseline_smooth for point in curve.points]
    assert smooth == sorted(smooth)
    gains: Any = [comparison.gain for comparison in findings.comparisons]
    for point, gain in zip(curve.points, gains, strict=True):
        assert point.gain == pytest.approx(gain.gain)
        assert point.gain_interval.low == pytest.approx(gain.interval.low, abs=0.03)
    assert curve.sentence.startswith("With 64 rows, pretrained scores what scratch needs about ")
    assert ": a data multiplier of " in curve.sentence
    ahead = "pretrained is still more than 0.01 ahead with 4,096 rows"
    assert f"Within the data, scratch does not catch up: {ahead}" in curve.sentence
    assert curve.law.alpha is None
    assert any("One draw of the rows" in note for _, _, note in curve.facts)
    json.dumps([point.rows_needed.low for point in curve.points])


def test_what_no_interval_shows_is_not_said(tmp_path: Path) -> None:
    """A mean gain above the margin with 0 in its interval is no proof that scratch never catches up."""
    alike: dict[str, Any] = {"skill": {"scratch": -0.5, "pretrained": -0.35}, **SMALL}
    make_study(tmp_path / "large", rows=(512, 1024), **alike)
    curve = only(curves_of(tmp_path)[0])
    assert set(curve.verdicts) == {"undecided"} and curve.points[-1].gain > 0.01
    assert curve.sentence.startswith(
        "At no size is a difference between pretrained and scratch shown: the gains"
    )
    assert "multiplier" not in curve.sentence and "catch" not in curve.sentence
    (crossing,) = compare(tmp_path).rows.select("crossing")
    assert crossing.value is crossing.low is crossing.high is None
    assert crossing.note == curve.crossing_sentence
    make_study(tmp_path / "small", rows=(64, 128), skill={"scratch": -0.5, "pretrained": 2.0}, **SMALL)
    curve = only(curves_of(tmp_path)[0])
    assert curve.verdicts[0] == "better" and "a data multiplier of " in curve.sentence
    assert "Whether scratch catches up within the data is not shown: with 1,024 rows the" in curve.sentence


def test_one_size_has_no_data_curve(tmp_path):
    assert curves_of(make_study(tmp_path, **SMALL)) == ((), ())


def test_an_arm_that_falls_behind_with_more_rows_is_ossified(tmp_path):
    make_study(tmp_path / "few", rows=(64, 128), seeds=range(4), **SMALL)
    make_study(tmp_path / "many", rows=(2048, 4096), seeds=range(4), skill={"pretrained": -2.0}, **SMALL)
    curve = only(curves_of(tmp_path)[0])
    assert curve.ossified == (4096, 2048)
    assert not curve.worse_everywhere
    assert "With 2,048 rows and 4,096 rows, pretrained is worse than scratch: ossification." in curve.sentence
    assert 128 <= curve.crossing.rows.value <= 2048


def test_an_arm_that_is_always_worse_is_not_called_ossified(tmp_path):
    given = {"rows": (256, 1024), "skill": {"pretrained": -2.5}, "seeds": range(4), **SMALL}
    curve = only(curves_of(make_study(tmp_path, **given))[0])
    assert (curve.ossified, curve.worse_everywhere) == ((), True)
    assert "At no size is pretrained more than 0.01 ahead." in curve.sentence


def test_several_draws_of_the_rows_are_what_was_sampled(tmp_path):
    for draw in range(3):

        def other(record, draw=draw):
            record["config"]["size"]["seed"] = draw

        seeds = [10 * draw, 10 * draw + 1]
        make_study(tmp_path / f"d{draw}", rows=(128, 512), seeds=seeds, change=other, **SMALL)
    curve = only(curves_of(tmp_path)[0])
    assert [point.units for point in curve.points] == [6, 6]
    assert curve.covers == "draws of the rows and test examples"
    assert not any("One draw" in note for _, _, note in curve.facts)


def test_models_have_a_curve_each_and_a_law_together(tmp_path):
    for name, parameters in (("small", 10**6), ("large", 10**8)):

        def other(record, name=name, parameters=parameters):
            record["config"]["model"]["name"] = name
            record["cost"]["parameters"] = {"all": parameters, "trainable": parameters}

        make_study(tmp_path / name, rows=(64, 256, 1024), seeds=range(2), change=other, **SMALL)
    curves, laws = curves_of(tmp_path)
    assert {curve.context for curve in curves} == {"small", "large"}
    (law,) = laws
    assert law.points + law.left_out == 6


def test_a_curve_without_predictions_covers_seeds(tmp_path):
    curve = only(curves_of(make_study(tmp_path, rows=(64, 256), predictions=False, **SMALL))[0])
    assert curve.covers == "seeds"


def test_the_same_study_gives_the_same_curve(tmp_path):
    folder: Path = make_study(tmp_path, rows=(64, 256), **SMALL)
    assert curves_of(folder) == curves_of(folder)
