"""Many runs: what a plan, a status and a report do once per run or once per file, and how much they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.benchmarks.data import MINILM, docstrings
from tests.finished import finish

import headstart.records.predictions
from headstart.compare import aggregates
from headstart.compare.findings import Findings
from headstart.compare.statistics import bootstrap
from headstart.compare.study import compare
from headstart.models.model import Model
from headstart.records import curve, store
from headstart.records.kept import Recent
from headstart.records.predictions import read_predictions
from headstart.reports import outline, tables
from headstart.reports.charts import style
from headstart.reports.page import Table
from headstart.run import Run
from headstart.studies import run_folder
from headstart.studies.compose import runs_of
from headstart.studies.forecast import forecast
from headstart.studies.status import Watched
from headstart.watch import frame

RUNS = 12  # 3 conditions x 2 arms x 2 seeds


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("many")
    data = docstrings(folder / "data", 60, 12)
    axes = ["optim.lr=1e-4,2e-4,3e-4", "arm=scratch,pretrained", "seed=0,1"]
    return [*data.overrides(), *MINILM, *axes, f"runs={folder / 'runs'}", "study.name=many"]


@pytest.fixture(scope="module")
def study(words: list[str]) -> Path:
    return finish(words)


@pytest.fixture(scope="module")
def findings(study: Path) -> Findings:
    return compare(study)


def count(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[object]:
    """Counts the calls of a function that does what it did."""
    calls: list[object] = []
    function = getattr(owner, name)

    def counted(*given: Any, **named: Any) -> Any:
        calls.append(given)
        return function(*given, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls


def test_a_plan_makes_the_digests_of_a_models_files_once_for_each_arm(
    words: list[str], study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = runs_of(words)
    calls = count(monkeypatch, Model, "built_from")
    named = count(monkeypatch, run_folder, "unseeded")
    sealed = count(monkeypatch, store, "_check_seal")
    expected, _ = forecast(runs)
    assert len(expected) == RUNS and all(run.done for run in expected)
    assert len(calls) == 2
    assert len(named) == RUNS / 2, "runs that differ in the seed alone are named from the same texts"
    assert len(sealed) == RUNS, "no record is believed unchecked"


def test_a_sweep_checks_each_value_of_its_axes_once(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count(monkeypatch, Model, "check_head")
    runs = runs_of(words)
    assert len(runs) == RUNS
    assert len(calls) == 1 + (3 - 1) + (2 - 1) + (2 - 1)  # the first run, and each further value
    assert len({id(run.task) for run in runs}) == 1, "runs share what is the same"
    assert [run.config() for run in runs] == [Run.read(run.config()).config() for run in runs]


def test_a_comparison_reads_the_predictions_of_each_run_once(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headstart.records.predictions.RECENT, "_found", {})
    calls = count(monkeypatch, headstart.records.predictions, "read_predictions")
    assert len(compare(study).comparisons) == 3
    assert len(calls) == RUNS


def test_a_comparison_reads_the_curve_of_each_run_once(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve.RECENT_CURVES, "_found", {})
    calls = count(monkeypatch, curve.RECENT_CURVES, "_read")
    assert len(compare(study).comparisons) == 3
    assert len(calls) == RUNS


def test_few_rows_of_predictions_are_kept(study: Path) -> None:
    recent = Recent(read_predictions, len, most=250)
    for file in sorted(study.glob("*/predictions.parquet")):
        recent.read(file)
        assert sum(map(len, recent._found.values())) <= 250


def test_a_look_at_very_many_runs_compares_none_and_says_who_does(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count(monkeypatch, headstart.records.predictions, "read_predictions")
    monkeypatch.setattr(frame, "MOST_COMPARED", RUNS - 1)
    look = frame.Frames(study, Watched(study).look).look()
    assert look.study.count("finished") == RUNS and not look.gains and not calls
    assert look.doubt == f"{RUNS} finished runs are compared by headstart report {study}"


def test_a_page_of_many_comparisons_shows_a_part_and_says_where_all_are(
    findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = outline.page(findings)
    monkeypatch.setattr(outline, "MOST_CHAPTERS", 1)
    monkeypatch.setattr(tables, "MOST_LINES", 2)
    monkeypatch.setattr(style, "MOST_MARKS", 2)
    page = outline.page(findings)
    chapters = [section.title for section in page.sections if "pretrained against" in section.title]
    assert len(chapters) == 1
    keys = {section.key for section in page.sections}
    assert "others" in keys and "others" not in {section.key for section in whole.sections}
    made = [part for section in page.sections for part in section.parts if isinstance(part, Table)]
    assert any("first 2 of 6 lines" in each.caption for each in made)
    assert len(page.figures()) < len(whole.figures())
    assert "first 2 of 3 gains" in str([section.parts for section in page.sections if section.key == "gain"])


def test_who_beats_whom_is_the_same_counted_by_pairs_and_by_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).integers(0, 9, size=(2, 50, 12)) / 9  # with ties
    by_pairs = aggregates._leads(scores)
    monkeypatch.setattr(aggregates, "FEW_RUNS", 1)
    assert np.array_equal(aggregates._leads(scores), by_pairs)


def test_very_many_pairs_are_resampled_less_often(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {each.gain.metric for each in compare(study).comparisons if each.gain}
    assert drawn == {"accuracy"}
    sizes: list[int] = []
    original = bootstrap._weights

    def counted(examples: int, resamples: int, chunk: int, rng: np.random.Generator) -> Any:
        sizes.append(resamples)
        return original(examples, resamples, chunk, rng)

    monkeypatch.setattr(bootstrap, "_weights", counted)
    monkeypatch.setattr(bootstrap, "_SUMS", 1)
    compare(study)
    assert 1000 in sizes and 10_000 not in sizes
