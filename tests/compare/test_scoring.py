"""Metrics against scikit-learn, also with weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from headstart.compare.scoring import METRICS, higher_is_better, score


@pytest.fixture(params=[0, 1, 2])
def case(request):
    rng = np.random.default_rng(request.param)
    labels = rng.integers(5, size=120)
    predictions = np.where(rng.random(120) < 0.5, labels, rng.integers(5, size=120))
    return labels, predictions, rng.random(120), rng.integers(0, 4, size=120)


def reference(metric, labels, predictions, scores, weights):
    if metric == "accuracy":
        return sk.accuracy_score(labels, predictions, sample_weight=weights)
    if metric == "macro_f1":
        return sk.f1_score(labels, predictions, average="macro", sample_weight=weights)
    if metric == "matthews":
        return sk.matthews_corrcoef(labels, predictions, sample_weight=weights)
    return np.average(-np.log(scores), weights=weights)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_agree_with_scikit_learn(metric, weighted, case):
    labels, predictions, scores, drawn = case
    weights = drawn if weighted else None
    found = score(metric, labels, predictions, scores, 5, weights)
    assert float(found) == pytest.approx(reference(metric, labels, predictions, scores, weights), abs=1e-6)


def test_a_constant_prediction_correlates_with_nothing():
    labels = np.array([0, 1, 1])
    assert score("matthews", labels, np.zeros(3, int), np.ones(3), 2) == 0


def test_directions():
    assert higher_is_better("accuracy")
    assert not higher_is_better("log_loss")
    assert not higher_is_better("squared_error")
