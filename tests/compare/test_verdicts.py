"""Verdicts: the four words, the limits of few pairs, and what would decide."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from tests.compare.simulated import scores_of

from headstart.compare.aligned_predictions import Answers
from headstart.compare.costs import geometric_mean
from headstart.compare.findings import Interval
from headstart.compare.statistics.bootstrap import resampled_gains, spread, student_interval
from headstart.compare.verdicts import Evidence, evaluate, smallest_p, verdict_of


def answers(rates, pairs=6, examples=1000, classes=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=examples)
    draws = rng.random((2, pairs, examples))
    right = draws < np.array(rates)[:, None, None]
    predictions = np.where(right, labels, (labels + 1) % classes)
    ids = np.arange(examples).astype(str)
    scores = {"score": draws.astype(np.float32)}
    return Answers(tuple("abcdefgh"[:classes]), ids, ids, labels, predictions, scores)


def evidence(found, metric="accuracy"):
    scores = scores_of(found, metric)
    resampled = resampled_gains(found, [metric], 1, 2000)[metric]
    return Evidence(
        metric, scores, spread(scores[1] - scores[0], resampled, 1), len(found.ids), found.identical
    )


@pytest.mark.parametrize(
    ("low", "high", "margin", "word"),
    [
        (0.02, 0.04, 0.01, "better"),
        (-0.04, -0.02, 0.01, "worse"),
        (-0.005, 0.009, 0.01, "equivalent"),
        (0.002, 0.009, 0.01, "equivalent"),
        (0.002, 0.009, None, "better"),
        (-0.02, 0.02, 0.01, "undecided"),
        (0.0, 0.02, 0.01, "undecided"),
        (0.0, 0.0, 0.0, "equivalent"),
    ],
)
def test_words(low, high, margin, word):
    assert verdict_of(Interval(low, high), margin, pairs=2) == word
    assert verdict_of(Interval(low, high), margin, pairs=1) == "cannot say"


def test_no_interval_decides_nothing():
    assert verdict_of(None, 0.01, pairs=2) == "undecided"


@pytest.mark.parametrize("rates", [(0.6, 0.6), (0.0, 0.0), (0.0, 1.0), (0.3, 0.6)])
def test_a_single_pair_is_never_given_a_word(rates):
    """Also where both arms are the same, or answer alike, or one is right everywhere."""
    for seed in range(50):
        gain = evaluate(evidence(answers(rates, pairs=1, examples=200, seed=seed)), 0.01)
        assert gain.verdict == "cannot say"
        assert gain.interval is gain.p is gain.p_margin is gain.probability_better is None


def test_five_pairs_can_never_reach_five_per_cent():
    assert smallest_p(5) == 0.0625
    assert smallest_p(6) < 0.05
    assert smallest_p(1) == 1.0


def test_an_undecided_gain_says_what_would_decide_it():
    gain: Any = evaluate(evidence(answers((0.60, 0.61), pairs=3, examples=400)), 0.01)
    assert gain.verdict == "undecided"
    assert "more pair" in gain.decide or "larger test set" in gain.decide


def test_an_interval_without_width_allows_for_three_in_n():
    found = answers((0.0, 1.0), examples=100)
    gain: Any = evaluate(evidence(found), 0.01)
    assert (gain.interval.low, gain.interval.high) == (0.97, 1.0)


def test_ten_thousand_resamples_take_less_than_a_second():
    found = answers((0.5, 0.6))
    start = time.perf_counter()
    assert resampled_gains(found, ["accuracy"], 1)["accuracy"].shape == (10_000, 6)
    assert time.perf_counter() - start < 3  # a busy machine is allowed three


def test_resampled_gains_centre_on_the_gain_for_every_metric():
    found = answers((0.5, 0.6), examples=400)
    metrics = ["accuracy", "macro_f1", "matthews", "log_loss"]
    resampled = resampled_gains(found, metrics, 1, 3000)
    for metric in metrics:
        scores = scores_of(found, metric)
        sign = -1 if metric == "log_loss" else 1
        gain = sign * (scores[1] - scores[0]).mean()
        assert resampled[metric].mean() == pytest.approx(gain, abs=0.005)


def test_ratios():
    assert geometric_mean([1.0, 1.0]) == (1.0, Interval(1.0, 1.0))
    assert geometric_mean([1.0]) == (1.0, None)
    value, interval = geometric_mean([2.0, 0.5])
    assert value == pytest.approx(1.0)
    assert interval is not None
    assert interval.low * interval.high == pytest.approx(1.0)


def test_students_interval():
    found = student_interval(np.array([1.0, 2.0, 3.0]))
    assert found is not None
    assert found.high - 2 == pytest.approx(4.3027 / np.sqrt(3), rel=1e-3)
    assert student_interval(np.array([1.0])) is None
