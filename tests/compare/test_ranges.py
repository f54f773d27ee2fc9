"""Ranges: no interval of a score or of a gain, wherever it is told, leaves what its metric allows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import make_study

from headstart.compare.bounds import Interval
from headstart.compare.ranges import of_gain, of_score, span
from headstart.compare.study import compare
from headstart.metrics import METRICS, higher_is_better, limits

FEW: dict[str, Any] = {"seeds": range(2), "examples": 60, "evaluations": 3, "seed_sd": 0.6}


def test_every_metric_that_has_a_name_has_a_range():
    assert {metric for metric in METRICS if span(metric) is None} == {
        metric for metric in METRICS if not higher_is_better(metric)
    }
    assert all(np.isfinite(limits(metric)[0]) for metric in METRICS)


@given(st.sampled_from([*METRICS, "a_metric_of_the_hub"]), st.floats(0, 1), st.floats(0, 300))
def test_a_cut_interval_lies_inside_and_keeps_its_centre(metric, place, width):
    low, high = limits(metric)
    least, most = max(low, -500.0), min(high, 500.0)
    centre = least + place * (most - least)
    wide = Interval(centre - width, centre + width, 0.9)
    found = of_score(wide, metric)
    assert low <= found.low <= centre <= found.high <= high
    assert found.level == 0.9
    if low <= wide.low and wide.high <= high:
        assert found == wide
    gained, reach = of_gain(replace(wide, low=-width, high=width), metric), span(metric) or math.inf
    assert gained == Interval(-min(width, reach), min(width, reach), 0.9)
    assert of_score(None, metric) is of_gain(None, metric) is None


@pytest.mark.parametrize("predictions", [True, False])
def test_intervals_of_rankings_curves_and_matchings_stay_inside(tmp_path, predictions):
    arms = ("scratch", "scratch_b", "pretrained")
    skill = {"scratch": -2.2, "scratch_b": -2.0, "pretrained": 2.2}
    rows = (128, 512, 2048)
    findings = compare(make_study(tmp_path, arms, skill=skill, rows=rows, predictions=predictions, **FEW))
    scores = [row.interval for row in findings.rows.select("rank.score")]
    points = findings.rows.select("data.gain")
    scores += [row.interval for row in findings.rows.select("data.score", "data.baseline_score")]
    scores += [row.interval for row in findings.rows.select("front.*.score")]
    gains = [row.interval for row in points]
    gains += [row.interval for row in findings.rows.select("gain", metric=findings.headline)]
    gains += [row.interval for row in findings.rows.select("matched.*.gain")]
    assert len(points) == 6 and len([each for each in gains if each]) > 12
    assert all(0 <= each.low <= each.high <= 1 for each in scores if each)
    assert all(-1 <= each.low <= each.high <= 1 for each in gains if each)
    touched = [each for each in scores if each and 1 in (each.high, 1 - each.low)]
    assert touched  # two seeds that differ: uncut, some would leave the range
