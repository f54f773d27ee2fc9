"""Targets and matchings: what a score costs, what the same cost buys, and what was never reached."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.factory import make_study

from headstart.compare.cost_to_target import geometric_mean, targets
from headstart.compare.learning_curves import Reach, pairs_of_curves
from headstart.compare.sentences import costs as sentences
from headstart.compare.study import compare, material

SMALL: dict[str, Any] = {"examples": 60, "evaluations": 8}
AXES = ("steps", "samples", "tokens", "flops", "seconds", "joules")
cost = st.floats(1, 1e12)
spent = st.builds(Reach, cost, st.booleans(), after=cost)
reached = st.builds(Reach, cost, st.just(True), after=cost)


def spent_until(cost: float, reached: bool, after: float, before: float | None = None) -> Reach:
    return Reach(cost, reached, before, after)


def targets_of(folder) -> Any:
    """The targets of a study of one comparison."""
    (compared,) = material(folder).compared
    return targets(compared.matches, compared.headline)


def only(findings) -> Any:
    assert len(findings.comparisons) == 1
    return findings.comparisons[0]


@given(st.lists(st.tuples(reached, reached), min_size=2, max_size=6))
def test_without_censoring_the_ratio_is_a_number(pairs):
    found: Any = geometric_mean(pairs)
    logs = [math.log(arm.cost / baseline.cost) for baseline, arm in pairs]
    assert found.value == pytest.approx(math.exp(np.mean(logs)))
    assert found.censored == ""
    assert found.sure_low <= found.value * (1 + 1e-9) and found.value <= found.sure_high * (1 + 1e-9)


@given(st.lists(st.tuples(spent, spent), min_size=1, max_size=5), st.data())
def test_a_bound_holds_whatever_the_censored_runs_would_have_needed(pairs, data):
    """Let every censored run go on for as long as you like: the ratio stays within what was said."""
    found = geometric_mean(pairs)
    more = st.floats(1, 1e6)
    logs = []
    for baseline, arm in pairs:
        true = [run.cost * (1 if run.reached else data.draw(more)) for run in (baseline, arm)]
        logs.append(math.log(true[1] / true[0]))
    ratio = math.exp(np.mean(logs))
    assert found.low is None or found.low <= ratio * (1 + 1e-9)
    assert found.high is None or ratio <= found.high * (1 + 1e-9)


@given(st.lists(st.tuples(spent, reached), min_size=1, max_size=5))
def test_a_baseline_that_missed_the_target_leaves_an_upper_bound(pairs):
    assume(any(not baseline.reached for baseline, _ in pairs))
    found = geometric_mean(pairs)
    assert found.censored == "at most"
    assert found.low is None and found.sure_low is None


def test_the_interval_allows_for_the_evaluation_before():
    exact = [(spent_until(80.0, True, 1.0), spent_until(20.0, True, 1.0))] * 3
    spaced = [(spent_until(80.0, True, 1.0, 70.0), spent_until(20.0, True, 1.0, 10.0))] * 3
    assert geometric_mean(exact).sure_low == pytest.approx(0.25)
    found = geometric_mean(spaced)
    assert found.value == pytest.approx(0.25)
    assert (found.sure_low, found.sure_high) == (pytest.approx(10 / 80), pytest.approx(20 / 70))
    first = [(spent_until(80.0, True, 1.0, 70.0), spent_until(20.0, True, 1.0, 0.0))] * 3
    assert geometric_mean(first).sure_low is None  # it may have been reached at once


def test_runs_that_missed_it_on_different_sides_leave_nothing():
    both = [
        (spent_until(5, False, 1), spent_until(5, True, 1)),
        (spent_until(5, True, 1), spent_until(5, False, 1)),
    ]
    assert geometric_mean(both).censored == "unknown"
    assert geometric_mean([(spent_until(5, False, 1), spent_until(5, False, 1))]).censored == "unknown"


def test_before_any_training_is_bounded_by_the_first_evaluation():
    found = geometric_mean([(spent_until(8.0, True, 1.0), spent_until(0.0, True, 1.0))])
    assert (found.low, found.high) == (None, pytest.approx(1 / 8))
    assert geometric_mean([(spent_until(0.0, True, 1.0), spent_until(0.0, True, 1.0))]).censored == "unknown"


def test_every_target_is_told_in_every_quantity(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    made = targets_of(tmp_path)
    names = [sentences.target_name(target.key, "scratch", "pretrained") for target in made]
    assert names == [
        "the final score of pretrained", "the final score of scratch",
        "50 % of the way", "75 % of the way", "90 % of the way",
    ]  # fmt: skip
    for target in made:
        assert tuple(target.ratios) == AXES
        assert target.spacing == 16
        for axis in AXES:
            assert found.rows.select(f"target.{target.key}.{axis}_ratio")


def reaches(folder, axis):
    """What (baseline, arm) spent per pair until the baseline's final score."""
    (compared,) = material(folder).compared
    curves = pairs_of_curves(compared.matches, compared.headline)
    return [tuple(curve.reach(pair[0].scores[-1], axis) for curve in pair) for pair in curves]


def test_a_target_that_the_baseline_missed_is_at_most(tmp_path):
    target = targets_of(make_study(tmp_path, **SMALL))[0]
    assert (target.baseline_reached, target.arm_reached) == (0, 3)
    ratio = target.ratios["flops"]
    assert ratio.censored == "at most"
    assert ratio.high == 1.0
    assert "scratch did not reach it in 3 of 3 pairs" in target.sentence
    assert "pretrained needs no more FLOPs than scratch" in target.sentence


def test_a_target_that_both_reached_is_a_number(tmp_path):
    target = targets_of(make_study(tmp_path, **SMALL))[1]
    assert (target.baseline_reached, target.arm_reached) == (3, 3)
    for axis in AXES:
        pairs = reaches(tmp_path, axis)
        assert all(each.reached for pair in pairs for each in pair)
        each = [arm.cost / baseline.cost for baseline, arm in pairs]
        assert target.ratios[axis].value == pytest.approx(np.exp(np.mean(np.log(each))))
    assert "did not reach" not in target.sentence


def test_medians_to_the_other_score_are_those_of_the_curves(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    for axis in ("steps", "flops", "seconds"):
        costs = [arm.cost for _, arm in reaches(tmp_path, axis)]
        assert found.rows.value(f"to_target.{axis}", arm="pretrained") == pytest.approx(np.median(costs))
    score = found.rows.value("to_target.score", arm="pretrained")
    assert targets_of(tmp_path)[1].score == pytest.approx(score)


def test_joules_that_were_not_measured_or_not_compared_give_no_ratio(tmp_path):
    silent = targets_of(make_study(tmp_path / "a", energy="none", **SMALL))
    assert all(target.reasons["joules"] == "not measured" for target in silent)

    def company(record):
        record["cost"]["energy"]["exclusive"] = False

    found = only(compare(make_study(tmp_path / "b", study="b", change=company, **SMALL)))
    crowded = targets_of(tmp_path / "b")[1]
    assert "joules" not in crowded.ratios
    assert "was not alone on the machine" in crowded.reasons["joules"]
    joules = found.rows.first("matched.joules.gain")
    assert joules and "was not alone" in joules.note
    assert joules.value is None


def test_a_score_that_does_not_move_has_no_way(tmp_path):
    def flat(record):
        validation = record["scores"]["validation"]
        validation["accuracy"] = 1 / 6  # where every curve of the factory starts

    made = targets_of(make_study(tmp_path, change=flat, **SMALL))
    assert [target.key for target in made] == ["arm_final", "baseline_final"]


def test_every_matching_is_there(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    keys = [row.key for row in found.rows.select("matched.*.gain")]
    assert keys == [f"matched.{name}.gain" for name in (*AXES, "target", "converged")]
    steps = matched(found, "steps")
    assert (steps["baseline_share"].value, steps["share"].value, steps["gain"].note) == (1.0, 1.0, "")
    assert steps["gain"].verdict == "better"
    gain = steps["gain"].value
    assert gain == pytest.approx(steps["score"].value - steps["baseline_score"].value)
    ends = [[p["validation"]["accuracy"] for p in curves(tmp_path, arm)] for arm in ("scratch", "pretrained")]
    assert gain == pytest.approx(np.mean(ends[1]) - np.mean(ends[0]))
    assert matched(found, "target")["flops_ratio"].known
    assert matched(found, "target")["gain"].verdict == "better"


def matched(found, name):
    """The rows of one matching, by the last part of their key."""
    return {row.key.split(".")[2]: row for row in found.rows.select(f"matched.{name}.*")}


def curves(folder, arm):
    files = sorted(folder.glob(f"{arm}-*/curve.jsonl"))
    return [json.loads(file.read_text().splitlines()[-1]) for file in files]


def longer(record):
    """The arm trains twice as long: everything that it spends doubles."""
    if record["arm"] == "pretrained":
        for name in ("flops", "seconds"):
            record["cost"][name] = {
                key: 2 * value if key in ("train", "total") else value
                for key, value in record["cost"][name].items()
            }
        record["cost"]["steps"] *= 2
        record["cost"]["samples"]["train"] *= 2
        record["config"]["study"]["free"] = ["budget"]
        record["config"]["budget"]["epochs"] = 8
        record["data"]["order"] = "f" * 16
    else:
        record["config"]["study"]["free"] = ["budget"]


def test_a_longer_run_is_read_where_the_other_ends(tmp_path):
    found = only(compare(make_study(tmp_path, change=longer, **SMALL)))
    flops = matched(found, "flops")
    assert (flops["share"].value, flops["baseline_share"].value) == (pytest.approx(0.5), 1.0)
    cut = "Unfair: pretrained is read at 50 % of its training, while its learning rate was to fall"
    assert flops["gain"].note.startswith(cut)
    assert (
        flops["score"].value < matched(found, "tokens")["score"].value
    )  # half of the way, against all of it


def test_a_constant_learning_rate_may_be_cut(tmp_path):
    def constant(record):
        longer(record)
        record["config"]["optim"]["decay"] = "constant"

    found = only(compare(make_study(tmp_path, change=constant, **SMALL)))
    flops = matched(found, "flops")
    assert flops["share"].value < flops["baseline_share"].value == 1.0
    assert flops["gain"].note == ""


def test_curves_that_still_rise_have_not_converged(tmp_path):
    found = only(compare(make_study(tmp_path, margin=0.001, **SMALL)))
    last = matched(found, "converged")["gain"]
    assert last.value is None
    assert "not converged: scratch still gained 0." in last.note
    wide = only(compare(make_study(tmp_path / "w", study="w", margin=0.2, **SMALL)))
    last = matched(wide, "converged")["gain"]
    assert last.value is not None
    assert "a longer schedule may gain more" in last.note


def test_one_pair_decides_nothing_under_any_matching(tmp_path):
    found = only(compare(make_study(tmp_path, seeds=[0], **SMALL)))
    gains = found.rows.select("matched.*.gain")
    assert {row.verdict for row in gains if row.value is not None} == {"cannot say"}
    assert {row.verdict for row in gains} <= {"cannot say", ""}
    assert all(row.interval is None for row in gains)


def test_without_curves_there_are_no_targets(tmp_path):
    found = only(compare(make_study(tmp_path, curve=False, **SMALL)))
    assert found.rows.select("matched.*", "target.*") == ()


def test_twins_are_equivalent_under_every_matching_that_spends_the_same(tmp_path):
    arms = ("pretrained", "pretrained_again")
    found = only(compare(make_study(tmp_path, arms, twins=True, **SMALL)))
    for axis in ("steps", "samples", "tokens", "flops"):
        assert matched(found, axis)["gain"].verdict == "equivalent"
    assert matched(found, "target")["flops_ratio"].value == 1.0
