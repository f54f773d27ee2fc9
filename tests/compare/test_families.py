"""Studies of every family of task: the resampling of their metrics, and what compare says of them."""

from __future__ import annotations

import itertools
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compare.simulated import scores_of
from tests.factory import Family, edit_predictions, make_study
from tests.families import FAMILIES, text_statistics, text_to_text

from headstart.compare.aligned_predictions import Answers
from headstart.compare.statistics.bootstrap import Spread, resampled_gains
from headstart.compare.study import compare
from headstart.compare.verdicts import Evidence, evaluate
from headstart.metrics import METRICS, orient

SMALL: dict[str, Any] = {"examples": 60, "evaluations": 3}
FEW = settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])


def answers_of(family: Family, seed: int, pairs: int, size: int, skills=(0.0, 0.5)) -> Answers:
    """Answers of a comparison, without folders."""
    rng = np.random.default_rng(seed)
    runs = [[family.answers(skill, rng, size) for _ in range(pairs)] for skill in skills]
    names = runs[0][0]["statistics"]
    statistics = {
        name: np.array([[run["statistics"][name] for run in side] for side in runs], np.float32)
        for name in names
    }
    ids, none = np.arange(size).astype(str), np.zeros((2, pairs, size), int)
    return Answers(("",), ids, ids, none[0, 0], none, statistics)


def metrics_of(answers: Answers) -> list[str]:
    return [metric for metric in METRICS if answers.recomputes(metric)]


@pytest.mark.parametrize("name", FAMILIES)
@given(seed=st.integers(0, 2**32 - 1), pairs=st.integers(1, 4), size=st.integers(1, 40))
@FEW
def test_two_sides_that_answer_alike_gain_exactly_nothing(name, seed, pairs, size):
    found = answers_of(FAMILIES[name], seed, pairs, size)
    twins = {key: np.stack([values[0], values[0]]) for key, values in found.statistics.items()}
    alike = Answers(found.classes, found.ids, found.texts, found.labels, found.predictions, twins)
    assert alike.identical
    assert metrics_of(alike)
    for gains in resampled_gains(alike, metrics_of(alike), seed % 1000, 200).values():
        assert not gains.any()


@pytest.mark.parametrize("name", FAMILIES)
def test_resampled_gains_centre_on_the_gain(name):
    found = answers_of(FAMILIES[name], 0, 3, 300)
    for metric, gains in resampled_gains(found, metrics_of(found), 1, 1000).items():
        scores = scores_of(found, metric)
        gain = (scores[1] - scores[0]).mean() * orient(metric)
        assert np.isfinite(gains).all()
        assert gains.mean() == pytest.approx(gain, abs=4 * gains.mean(axis=1).std() / 10 + 1e-6)


def test_many_classes_and_pairs_stay_in_memory():
    rng, classes, pairs, size = np.random.default_rng(0), 150, 6, 200
    labels = rng.integers(classes, size=size)
    predictions = rng.integers(classes, size=(2, pairs, size))
    ids, scores = np.arange(size).astype(str), {"score": rng.random((2, pairs, size))}
    found = Answers(tuple(map(str, range(classes))), ids, ids, labels, predictions, scores)
    tracemalloc.start()
    resampled_gains(found, ["macro_f1", "matthews"], 0, 4000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6  # 4000 resamples of the sums alone would be 170 MB in double precision, several times


def only(findings) -> Any:
    assert len(findings.comparisons) == 1
    return findings.comparisons[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_study_of_any_family_finds_the_planted_gain(tmp_path, name):
    family = FAMILIES[name]
    skill = {"scratch": -0.3, "pretrained": 0.6}
    findings = compare(make_study(tmp_path, family=family, skill=skill, **SMALL))
    found = only(findings)
    assert tuple(found.gains) == family.metrics
    assert findings.headline == family.metrics[0]
    assert found.gain.verdict == "better"
    for metric, gain in found.gains.items():
        assert gain.gain > 0, metric
        told = () if METRICS[metric].resamples else SEEDS_ONLY
        assert gain.notes == told  # recomputed from the statistics, and the same as other libraries say
        assert gain.examples == (60 if METRICS[metric].resamples else None)
    assert found.classes == ()
    assert found.confusions == ()
    assert found.only_arm_count > found.only_baseline_count
    assert findings.problems == ()


SEEDS_ONLY = (
    "Spearman correlation cannot be recomputed from the predictions",
    "the interval covers seeds only, not test examples",
)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_arm_twice_is_identical_in_any_family(tmp_path, name):
    arms = ("pretrained", "pretrained_again")
    found = only(compare(make_study(tmp_path, arms, family=FAMILIES[name], twins=True, **SMALL)))
    assert found.gain.gain == 0
    assert (found.gain.interval.low, found.gain.interval.high) == (0, 0)
    assert found.gain.notes == ("both sides answer the same, example by example",)
    assert (found.only_arm, found.only_arm_count, found.only_baseline_count) == ((), 0, 0)


@pytest.mark.parametrize(
    ("name", "nearer", "told"),
    [
        ("many_labels", False, r"^$|^(art|law|sport|war)"),
        ("tagging", False, r"^(B-NAME|O)( |$)"),
        ("question_answering", False, r"^\w+ \w+$"),
        ("text_to_text", False, r"^\w+( \w+){5}$"),
        ("summaries", True, r"indeed \(mean chrF \d+\.\d\)$"),
        ("language", True, r"^\d\.\d\d nats per token$"),
        ("regression", True, r"^-?\d\.?\d*$"),
    ],
)
def test_examples_speak_for_an_arm_in_the_way_of_their_family(tmp_path, name, nearer, told):
    found = only(compare(make_study(tmp_path, family=FAMILIES[name], **SMALL)))
    assert found.nearer == nearer
    assert found.only_arm
    for each in found.only_arm:
        assert re.search(told, each.arm_prediction), each
        assert re.search(told, each.baseline_prediction), each
        assert (each.label == "") == (name == "language") or name == "many_labels"
    if not nearer:
        assert all(2 * e.arm_right > e.pairs >= 2 * e.baseline_right for e in found.only_arm)
    assert {e.id for e in found.only_arm}.isdisjoint(e.id for e in found.only_baseline)


def test_the_largest_difference_of_loss_comes_first(tmp_path):
    found = only(compare(make_study(tmp_path, family=FAMILIES["language"], **SMALL)))
    leads = [loss(e.baseline_prediction) - loss(e.arm_prediction) for e in found.only_arm]
    assert len(leads) == 20
    assert all(earlier >= later - 0.02 for earlier, later in itertools.pairwise(leads))
    assert leads[-1] > 0
    back = [loss(e.arm_prediction) - loss(e.baseline_prediction) for e in found.only_baseline]
    assert len(back) == found.only_baseline_count
    assert all(lead > -0.02 for lead in back)
    assert found.only_arm_count + found.only_baseline_count == 60


def loss(text):
    return float(text.split()[0])


def test_a_statistic_that_one_run_lacks_leaves_seeds_only(tmp_path):
    make_study(tmp_path, family=FAMILIES["language"], **SMALL)
    edit_predictions(tmp_path / "scratch-512-1", lambda columns: columns["statistics"].pop("bytes"))
    found = only(compare(tmp_path))
    assert found.gains["bits_per_byte"].examples is None
    assert "bits per byte cannot be recomputed from the predictions" in found.gains["bits_per_byte"].notes


def test_classes_beyond_fifty_are_not_told_one_by_one(tmp_path):
    few = only(compare(make_study(tmp_path / "few", classes=[f"c{i}" for i in range(40)], **SMALL)))
    assert few.classes
    assert len(few.confusions) == 2
    many = [f"c{i}" for i in range(400)]
    found = only(compare(make_study(tmp_path / "many", classes=many, examples=120, evaluations=3)))
    assert found.classes == found.confusions == ()
    assert found.only_arm  # examples are still told


def test_an_interval_is_cut_at_the_largest_possible_difference():
    wide = Spread(0.0, 2, np.linspace(-500, 500, 1001), 1.0, 1.0, 0.0)
    for metric, span in (("pearson", 2.0), ("bleu", 100.0), ("entity_f1", 1.0)):
        interval = evaluate(Evidence(metric, np.zeros((2, 2)), wide, 10, False), None).interval
        assert interval is not None
        assert (interval.low, interval.high) == (-span, span)


def test_long_predictions_are_cut_where_they_are_shown(tmp_path):
    def talkative(skill, luck, examples):
        found = text_to_text(skill, luck, examples)
        found["predictions"] = [text + " on and on" * 100 for text in found["predictions"]]
        return found | {"statistics": text_statistics(found["labels"], found["predictions"])}

    family = Family("text_to_text", ("chrf",), talkative, FAMILIES["summaries"].scores)
    example = only(compare(make_study(tmp_path, family=family, **SMALL))).only_arm[0]
    assert len(example.arm_prediction) < 450
    assert "… (mean chrF" in example.arm_prediction
