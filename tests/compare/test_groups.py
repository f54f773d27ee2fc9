"""Groups: examples that belong together are resampled together, and too few groups carry no interval."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compare.simulated import scores_of, simulate
from tests.factory import edit_predictions, make_study

from headstart.compare.aligned_predictions import Answers
from headstart.compare.data_curves import data_curves
from headstart.compare.findings import Comparison
from headstart.compare.statistics.bootstrap import resampled_gains, spread
from headstart.compare.statistics.exact import mcnemar
from headstart.compare.study import compare, material
from headstart.reports import outline
from headstart.reports.formats import markdown

SMALL: dict[str, Any] = {"examples": 120, "evaluations": 2}


def grouped(folder: Path, groups: list[str | None] | None, runs: str = "*", **study: Any) -> Path:
    """A synthetic study whose predictions say what belongs together."""
    if not folder.exists():
        make_study(folder, **(SMALL | study))
    for run in sorted(folder.glob(runs)):
        if (run / "predictions.parquet").exists():
            edit_predictions(run, lambda columns: columns.update(groups=groups))
    return folder


def compared(folder: Path) -> Comparison:
    (found,) = compare(folder).comparisons
    return found


def of(size: int, examples: int = 120) -> list[str | None]:
    return [f"document {row // size}" for row in range(examples)]


def gain_error(answers: Answers) -> float:
    """The example part of the error of a gain."""
    scores = scores_of(answers, "accuracy")
    groups = None if answers.groups is None else answers.units
    drawn = resampled_gains(answers, ["accuracy"], 0, 4000)["accuracy"]
    found = spread(scores[1] - scores[0], drawn, 0, groups=groups)
    assert found is not None and found.example_variance is not None
    return float(np.sqrt(found.example_variance))


def test_copies_of_an_example_tell_no_more_than_one():
    answers, _ = simulate(np.random.default_rng(0), 3, 300, 0.0)
    ten: dict[str, Any] = {
        name: np.repeat(getattr(answers, name), 10, axis=-1)
        for name in ("ids", "texts", "labels", "predictions")
    }
    ten["statistics"] = {name: np.repeat(values, 10, axis=-1) for name, values in answers.statistics.items()}
    copies = replace(answers, **ten)
    whole = replace(copies, groups=np.repeat(np.arange(300), 10))
    assert gain_error(whole) == pytest.approx(gain_error(answers), rel=0.05)
    assert gain_error(copies) == pytest.approx(gain_error(answers) / np.sqrt(10), rel=0.1)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_group_of_each_example_is_no_group_and_order_does_not_matter(size, seed):
    rng = np.random.default_rng(seed)
    answers, _ = simulate(rng, 2, 60, 0.01)
    values = rng.standard_normal((60, 3))
    assert answers.by_group(values) is values
    groups = rng.integers(size, size=60)
    groups = np.unique(groups, return_inverse=True)[1]
    sums = replace(answers, groups=groups).by_group(values)
    expected = [values[groups == number].sum(axis=0) for number in range(groups.max() + 1)]
    assert np.allclose(sums, expected)


def test_groups_widen_the_interval_and_the_report_says_so(tmp_path):
    plain = compared(grouped(tmp_path / "plain", None)).gain
    found = compared(grouped(tmp_path / "grouped", of(4)))
    gain = found.gain
    assert plain and gain and plain.interval and gain.interval
    assert (plain.groups, gain.groups, gain.examples) == (None, 30, 120)
    assert found.rows.value("gain.groups", metric="accuracy") == 30
    assert "120 test examples in 30 groups" in " ".join(gain.notes)
    assert "120 test examples in 30 groups" in markdown.render(outline.page(compare(tmp_path / "grouped")))


def test_fewer_than_twenty_groups_carry_no_interval_over_examples(tmp_path):
    found = compared(grouped(tmp_path / "s", of(10)))
    gain = found.gain
    assert gain and gain.interval and (gain.example_se, gain.examples, gain.groups) == (None, None, 12)
    (row,) = found.rows.select("gain.example_se", metric="accuracy")
    assert row.value is None
    assert "120 test examples come from 12 groups, fewer than 20" in row.note
    assert "the interval covers seeds only" in row.note
    assert "come from 12 groups" in markdown.render(outline.page(compare(tmp_path / "s")))


def test_an_example_without_a_group_is_its_own(tmp_path):
    alone: list[str | None] = [None] * 120
    assert compared(grouped(tmp_path / "none", alone)).gain == compared(grouped(tmp_path / "old", None)).gain
    mixed = [name if row < 60 else None for row, name in enumerate(of(6))]
    gain = compared(grouped(tmp_path / "mixed", mixed)).gain
    assert gain and gain.groups == 10 + 60


def test_runs_from_before_groups_are_compared_with_those_that_know_them(tmp_path):
    every = compared(grouped(tmp_path / "every", of(4))).gain
    grouped(tmp_path / "some", None)
    some = compared(grouped(tmp_path / "some", of(4), runs="*-1")).gain
    assert every and some and (every.interval, every.groups) == (some.interval, some.groups)


def test_groups_that_differ_between_runs_are_refused(tmp_path):
    grouped(tmp_path / "s", of(4))
    gain = compared(grouped(tmp_path / "s", of(5), runs="scratch-*-1")).gain
    assert gain and gain.examples is None
    assert "the groups of the test examples in predictions.parquet differ between runs" in gain.notes


def test_a_single_pair_is_tested_by_groups(tmp_path):
    gain = compared(grouped(tmp_path / "s", of(6), seeds=[0])).gain
    assert gain
    (test,) = gain.tests
    assert test.key == "mcnemar" and test.number <= 20
    assert "groups of examples of which one arm gets more right" in test.meaning


def test_ten_copies_of_each_example_leave_mcnemar_as_it_was():
    right = np.random.default_rng(0).random((2, 80)) < 0.5
    assert mcnemar(10.0 * right).p == mcnemar(right).p


def test_data_curves_draw_whole_groups(tmp_path):
    sizes = {"rows": (64, 256, 1024), "examples": 400, "evaluations": 2}
    for size, covers in ((20, "seeds and groups of test examples"), (40, "seeds")):
        folder = grouped(tmp_path / f"{size}", of(size, 400), **sizes)
        curves, _ = data_curves(material(folder).compared, 0.01)
        assert [curve.covers for curve in curves] == [covers]


def test_a_run_is_no_better_than_a_trivial_rule_within_the_error_of_its_groups():
    answers, _ = simulate(np.random.default_rng(0), 2, 400, 0.0)
    labels = np.repeat(np.arange(20) % 2, 20)  # a document has one label
    right = np.broadcast_to(np.arange(400) % 25 < 14, (2, 2, 400))  # 56 %
    by_row = replace(answers, labels=labels, predictions=np.where(right, labels, 1 - labels))
    by_group = replace(by_row, groups=np.arange(400) // 20)
    rows, groups = by_row.trivial(), by_group.trivial()
    assert rows and groups and rows[0] == groups[0] == 0.5
    assert not rows[1].any() and groups[1].all()
