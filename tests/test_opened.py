"""A study in a notebook: frames that say what the report says, charts that draw, a light import."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.factory import make_study

import headstart
from headstart.api import OpenedStudy
from headstart.compare.study import compare
from headstart.errors import RecordError
from headstart.records.store import read_study
from headstart.reports import outline


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenedStudy:
    status = {("scratch", 2): "diverged"}
    return headstart.open_study(
        make_study(tmp_path_factory.mktemp("study"), rows=(64, 512), examples=60, status=status)
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> OpenedStudy:
    return headstart.open_study(make_study(tmp_path_factory.mktemp("small"), seeds=[0, 1], examples=40))


def test_importing_the_package_costs_nothing_and_opening_a_study_no_torch(study: OpenedStudy) -> None:
    program = (
        "import sys, headstart\n"
        "early = {'numpy', 'pandas', 'scipy', 'altair', 'pydantic', 'pyarrow'} & set(sys.modules)\n"
        f"study = headstart.open_study({str(study.folder)!r})\n"
        "study.sentence, study.gains, study.quantities\n"
        "heavy = {'torch', 'transformers', 'datasets', 'altair', 'hydra'} & set(sys.modules)\n"
        "print(sorted(early), sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


def test_a_row_of_records_per_run_whatever_its_status(study: OpenedStudy) -> None:
    frame, stored = study.records, read_study(study.folder).records
    assert list(frame.run) == [record.folder.name for record in stored]
    assert list(frame.status) == [record.status for record in stored]
    assert list(frame.condition) == [f"{record.data.counts.train} rows" for record in stored]
    lost = frame[frame.status == "diverged"]
    assert lost.test_accuracy.isna().all(), "a score that is not there is missing, not 0"
    assert (frame.joules > 0).all()


def test_pairs_and_gains_are_those_of_the_findings(study: OpenedStudy) -> None:
    findings = compare(study.folder)
    assert list(study.pairs.gain) == [pair.gain for item in findings.comparisons for pair in item.pairs]
    gains = [gain for item in findings.comparisons for gain in item.gains.values()]
    assert list(study.gains.gain) == [gain.gain for gain in gains]
    assert list(study.gains.low) == [gain.interval.low for gain in gains if gain.interval]
    assert list(study.gains.verdict) == [gain.verdict for gain in gains]


def test_curves_hold_every_evaluation(study: OpenedStudy) -> None:
    frame = study.curves
    for record in read_study(study.folder).records:
        own = frame[frame.run == record.folder.name]
        assert list(own.step) == [point["step"] for point in record.curve()]
        assert list(own.validation_accuracy) == [p["validation"]["accuracy"] for p in record.curve()]
    assert frame.train_loss.isna().sum() == frame.run.nunique(), "before the first step there is no loss"


def test_costs_and_quantities_are_those_of_the_report(study: OpenedStudy) -> None:
    findings = study.findings
    assert list(study.costs.flops) == [item.flops for item in findings.arms]
    ratios = study.costs.set_index(["condition", "arm"]).seconds_ratio
    for item in findings.comparisons:
        assert ratios[item.condition.name, item.arm] == item.rows.value("seconds_ratio")
        assert pd.isna(ratios[item.condition.name, item.baseline])
    assert list(study.quantities.key) == [one.key for one in findings.rows]
    assert study.sentence == findings.sentence


def test_energy_that_was_not_measured_is_missing(tmp_path: Path) -> None:
    bare = headstart.open_study(make_study(tmp_path, seeds=[0, 1], examples=30, energy="none"))
    assert bare.records.joules.isna().all()
    assert bare.curves.joules.isna().all()
    assert bare.costs.joules.isna().all()


def test_the_charts_are_the_reports_and_draw(small: OpenedStudy) -> None:
    assert list(small.charts) == [figure.key for figure in outline.page(small.findings).figures()]
    drawn = io.StringIO()
    small.charts["gain"].save(drawn, format="svg")
    assert drawn.getvalue().startswith("<svg")
    assert "Gain in accuracy" in drawn.getvalue()


def test_the_report_is_written_from_the_same_findings(small: OpenedStudy) -> None:
    built = small.report()
    assert built.findings is small.findings
    assert small.sentence.split(" (")[0] in built.html.read_text("utf8")


def test_a_folder_that_is_not_there_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"absent: no such folder; name the folder of a study"):
        headstart.open_study(tmp_path / "absent")


def test_a_folder_without_runs_says_so_when_asked(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        _ = headstart.open_study(tmp_path).sentence
