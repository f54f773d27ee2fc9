"""Across conditions: aggregates, rankings, Pareto fronts and the split of the spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.factory import make_study
from tests.families import FAMILIES

from headstart.compare import aggregates as whole
from headstart.compare.aggregates import summarise
from headstart.compare.pareto import front
from headstart.compare.study import compare
from headstart.compare.variance import split

SMALL: dict[str, Any] = {"examples": 60, "evaluations": 3}
scores = st.lists(st.floats(0, 1), min_size=1, max_size=12)
NAMED = ("pretrained", "scratch", ("a", "b", "c"))


def sides(*conditions):
    """Scores per condition: (baseline runs, arm runs)."""
    return [np.array([baseline, arm], dtype=float) for baseline, arm in conditions]


@given(scores)
def test_the_interquartile_mean_is_scipys_trimmed_mean(found):
    one = [np.array([found, found])[:, None, :]]
    expected = stats.trim_mean(found, 0.25)
    assert whole.interquartile_mean(one, 0)[0] == pytest.approx(expected)


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=4))
def test_the_probability_of_improvement_is_that_of_mann_and_whitney(found):
    each = []
    for baseline, arm in found:
        u = stats.mannwhitneyu(arm, baseline).statistic if len({*arm, *baseline}) > 1 else None
        each.append(0.5 if u is None else u / len(arm) / len(baseline))
    lengths = [min(len(baseline), len(arm)) for baseline, arm in found]
    paired = [(b[:n], a[:n]) for (b, a), n in zip(found, lengths, strict=True)]
    given_sides = [side[:, None, :] for side in sides(*paired)]
    value = float(whole.probability_of_improvement(given_sides)[0])
    by_hand = np.mean([
        np.mean([(x > y) + 0.5 * (x == y) for x in arm for y in baseline]) for baseline, arm in paired
    ])  # fmt: skip
    assert value == pytest.approx(by_hand)
    if lengths == [len(b) for b, _ in found] == [len(a) for _, a in found]:
        assert value == pytest.approx(np.mean(each))


def test_an_aggregate_by_hand():
    runs = sides(([0.1, 0.2], [0.5, 0.6]), ([0.3, 0.4], [0.4, 0.5]), ([0, 0], [1, 1]))
    found: Any = summarise(NAMED, "accuracy", runs, 0)
    rows = {row.key.removeprefix("aggregate."): row for row in found.rows}
    assert rows["baseline_iqm"].value == pytest.approx((0.0 + 0.1 + 0.2 + 0.3) / 4)
    assert rows["arm_iqm"].value == pytest.approx((0.5 + 0.5 + 0.6 + 1.0) / 4)
    assert rows["iqm_gain"].value == pytest.approx(rows["arm_iqm"].value - rows["baseline_iqm"].value)
    assert rows["mean_gain"].value == pytest.approx((0.4 + 0.1 + 1.0) / 3)
    assert rows["improvement"].value == pytest.approx((1 + 0.875 + 1) / 3)
    baseline, arm = found.profiles
    at_half = baseline.taus.index(0.5)
    assert (baseline.shares[at_half], arm.shares[at_half]) == (0, 0.5)
    for row in found.rows:
        assert row.interval.low - 1e-9 <= row.value <= row.interval.high + 1e-9
    assert "With 2 pairs under a condition" in found.notes[0]


@given(st.lists(st.tuples(scores, scores), min_size=3, max_size=4), st.integers(0, 99))
@settings(max_examples=20)
def test_profiles_fall_from_all_to_none(found, seed):
    paired = [(b[: min(len(a), len(b))], a[: min(len(a), len(b))]) for b, a in found]
    for profile in summarise(NAMED, "accuracy", sides(*paired), seed).profiles:
        assert list(profile.shares) == sorted(profile.shares, reverse=True)
        assert profile.shares[-1] == 0  # nothing scores above 1


def test_the_bootstrap_stays_within_conditions():
    """Each condition is constant within itself, so that nothing moves, though conditions differ much."""
    runs = sides(([0.1, 0.1], [0.2, 0.2]), ([0.9] * 3, [1.0] * 3), ([0.5] * 2, [0.6] * 2))
    found: Any = summarise(NAMED, "accuracy", runs, 0)
    (mean,), (iqm,) = found.rows.select("aggregate.mean_gain"), found.rows.select("aggregate.arm_iqm")
    assert (mean.low, mean.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert iqm.low == iqm.high


def test_one_pair_per_condition_has_no_interval():
    found: Any = summarise(NAMED, "accuracy", sides(([0.1], [0.2]), ([0.9], [1.0]), ([0.5], [0.6])), 0)
    assert {row.interval for row in found.rows} == {None}
    assert found.profiles[0].low[0] is None


def test_three_conditions_make_an_aggregate_and_two_do_not(tmp_path):
    assert compare(make_study(tmp_path / "two", rows=(64, 256), **SMALL)).aggregates == ()
    (found,) = compare(make_study(tmp_path / "three", rows=(64, 256, 1024), **SMALL)).aggregates
    assert (found.arm, found.baseline, found.scale) == ("pretrained", "scratch", "accuracy")
    assert found.pairs == (3, 3, 3)
    assert found.conditions == ("64 rows", "256 rows", "1024 rows")
    assert (found.rows.value("aggregate.improvement") or 0) > 0.9


def test_scores_of_several_metrics_share_a_scale_or_are_refused(tmp_path):
    for name in ("question_answering", "text_to_text", "tagging"):
        make_study(tmp_path / name, family=FAMILIES[name], **SMALL)
    findings = compare(tmp_path)
    (found,) = findings.aggregates
    told = found.scale.replace(" and ", ", ").split(", ")
    assert sorted(told) == ["BLEU (divided by 100)", "answer F1", "entity F1"]
    assert {one.headline for one in findings.comparisons} == {"bleu", "entity_f1", "f1"}
    make_study(tmp_path / "language", family=FAMILIES["language"], **SMALL)
    (refused,) = compare(tmp_path).aggregates
    assert "loss per token has no scale from 0 to 1" in refused.reason
    assert {(row.value, row.note) for row in refused.rows} == {(None, refused.reason)}


def test_a_ranking_of_arms(tmp_path):
    arms = ("scratch", "scratch_b", "pretrained")
    skill = {"scratch": -0.9, "scratch_b": -0.9, "pretrained": 0.5}
    findings = compare(make_study(tmp_path, arms, skill=skill, rows=(256, 512), **SMALL))
    ranks = findings.rows.select("rank")
    assert list(ranks.by("condition")) == ["256 rows", "512 rows"]
    first = ranks.select(condition="256 rows")
    assert (first[0].arm, first[0].value) == ("pretrained", 1)
    assert [row.value for row in first] == sorted(row.value or 0 for row in first)
    assert [row.verdict for row in first if row.arm == "scratch"] == [""]
    own = next(one for one in findings.comparisons if one.arm == "pretrained")
    assert own.gain is not None
    assert first[0].verdict == own.gain.verdict


def test_equal_arms_share_a_place_and_two_arms_are_no_ranking(tmp_path):
    arms = ("scratch", "pretrained", "pretrained_again")
    rows = compare(make_study(tmp_path / "a", arms, twins=True, **SMALL)).rows
    assert [row.value for row in rows.select("rank")] == [1, 1, 3]
    assert compare(make_study(tmp_path / "b", **SMALL)).rows.select("rank", "rank.score") == ()


def test_lower_is_better_ranks_the_other_way(tmp_path):
    arms = ("scratch", "scratch_b", "pretrained")
    rows = compare(make_study(tmp_path, arms, family=FAMILIES["language"], **SMALL)).rows
    scores = [row.value for row in rows.select("rank.score")]
    assert scores == sorted(scores, key=lambda score: score or 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_the_front_is_what_nobody_beats(points):
    found = front(points)
    for place, (cost, score) in enumerate(points):
        beats = [o for o in points if o[0] <= cost and o[1] >= score and o != (cost, score)]
        assert (found[place] is None) == (not beats)
        if found[place] is not None:
            assert points[found[place]][0] == min(o[0] for o in beats)
    assert any(by is None for by in found)


def sized(name, parameters, flops):
    def change(record):
        record["config"]["model"]["name"] = name
        record["cost"]["parameters"] = {"all": parameters, "trainable": parameters}
        record["cost"]["flops"]["train"] = flops

    return change


def test_scores_and_costs_against_parameters(tmp_path):
    make_study(tmp_path / "s", change=sized("small", 10**6, 10**12), skill={"scratch": -1.5}, **SMALL)
    make_study(tmp_path / "l", change=sized("large", 10**8, 10**14), **SMALL)
    findings = compare(tmp_path)
    sizes = findings.rows.select("model.parameters")
    assert [(row.condition, row.arm, row.value) for row in sizes] == [
        ("small", "pretrained", 10**6), ("large", "pretrained", 10**8),
        ("small", "scratch", 10**6), ("large", "scratch", 10**8),
    ]  # fmt: skip
    assert findings.rows.value("model.flops") == 10**12
    flops, seconds, joules = findings.fronts
    assert (flops.resource, seconds.resource, joules.resource) == ("flops", "seconds", "joules")
    costs = [row.value or 0.0 for row in flops.rows.select("front.flops")]
    assert all(costs) and costs == sorted(costs) != []
    scores = flops.rows.select("front.flops.score")
    assert {row.verdict for row in scores} == {"on the front", "beaten"}
    assert all(row.note.startswith("by ") == (row.verdict == "beaten") for row in scores)
    assert joules.estimated


def test_one_model_has_no_scale_and_two_points_no_front(tmp_path):
    findings = compare(make_study(tmp_path, **SMALL))
    assert not findings.rows.select("model.*")
    assert findings.fronts == ()


def test_costs_from_several_machines_are_no_front(tmp_path):
    def moved(record):
        if record["arm"] == "pretrained":
            record["environment"]["machine"] = "f" * 16

    found = compare(make_study(tmp_path, rows=(64, 256), change=moved, **SMALL)).fronts
    assert [each.reason for each in found] == [
        "", "the runs differ in their machine", "the runs differ in their machine",
    ]  # fmt: skip


def test_the_split_of_a_table_by_hand():
    table = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])  # draws add 1, seeds add 1, nothing else
    subset, seed, rest = split(table, 0)
    assert rest.variance == pytest.approx(0)
    assert subset.variance == pytest.approx(0.5)  # of 1.5 and 2.5 around their mean
    assert seed.variance == pytest.approx(1.0)
    assert subset.share == pytest.approx(1 / 3)


@pytest.mark.parametrize(("of_draws", "of_seeds"), [(0.02, 0.01), (0.0, 0.02), (0.03, 0.0)])
def test_the_split_finds_planted_variances(of_draws, of_seeds):
    rng = np.random.default_rng([round(1000 * of_draws), round(1000 * of_seeds)])
    hits, studies = np.zeros(3), 150
    truth, means = np.array([of_draws**2, of_seeds**2, 0.01**2]), np.zeros(3)
    for study in range(studies):
        table = of_draws * rng.standard_normal((5, 1)) + of_seeds * rng.standard_normal((1, 6))
        parts = split(table + 0.01 * rng.standard_normal((5, 6)), study)
        for i, part in enumerate(parts):
            assert part.interval is not None
            hits[i] += part.interval.low <= truth[i] <= part.interval.high
            means[i] += part.variance / studies
    assert (hits / studies >= 0.92).all()  # a variance of 0 is covered more often than 95 %: it is cut there
    assert means == pytest.approx(truth, rel=0.25, abs=2e-5)


def drawn(draw):
    def change(record):
        record["config"]["size"]["seed"] = draw
        record["data"]["rows"]["train"] = f"{draw:016x}"

    return change


def ordered(order, draw=0):
    def change(record):
        record["config"]["order_seed"] = order
        record["data"]["order"] = f"{order:016x}"
        drawn(draw)(record)

    return change


@pytest.mark.parametrize(("change", "source"), [(drawn, "subset"), (ordered, "order")])
def test_draws_or_orders_under_the_same_seeds_are_split(tmp_path, change, source):
    for place in range(3):
        make_study(tmp_path / str(place), seeds=range(4), change=change(place), **SMALL)
    findings = compare(tmp_path)
    parts = findings.rows.select(*(f"variance.{name}" for name in ("subset", "order", "seed", "rest")))
    assert list(parts.by("arm")) == ["scratch", "pretrained", "gain of pretrained"]
    for own in parts.by("arm").values():
        found = [(row.key, row.n) for row in own]
        assert found == [(f"variance.{source}", 3), ("variance.seed", 4), ("variance.rest", None)]
    assert findings.rows.select("variance") == ()


def test_rows_and_orders_that_both_vary_are_not_split(tmp_path):
    for place in range(2):
        make_study(tmp_path / str(place), seeds=range(2), change=ordered(place, place), **SMALL)
    assert {"both vary" in row.note for row in compare(tmp_path).rows.select("variance")} == {True}


def test_what_the_data_do_not_support_is_refused(tmp_path):
    (found,) = compare(make_study(tmp_path / "one", **SMALL)).rows.select("variance")
    assert "cannot be told apart" in found.note
    for draw in range(2):
        make_study(tmp_path / f"two/{draw}", seeds=[draw, 7], change=drawn(draw), study="two", **SMALL)
    rows = compare(tmp_path / "two").rows
    assert {row.key for row in rows.select("variance*")} == {"variance"}
    reason = "2 draws of the rows share 1 seed: two are needed to tell them apart"
    assert {row.note for row in rows.select("variance")} == {reason}
