"""The tuning section: trials, winners, their cost and the best to expect, in the page and in the terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.compare.trials import RATES, make_trials, tune, tuned
from tests.factory import make_study

from headstart.compare.findings import Findings, Rows
from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import markdown, terminal
from headstart.reports.page import Figure, Table
from headstart.reports.sections import tuning

SCORES = {"scratch": (0.10, 0.20, None), "pretrained": (0.50, 0.60, 0.40)}
WINNERS = {"scratch": 1e-3, "pretrained": 1e-3}


@pytest.fixture(scope="module", params=["random", "grid"])
def findings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """A tuned study of three trials per arm, one of which diverged."""
    folder = tmp_path_factory.mktemp("tuned") / "study"
    setting = tune(RATES, request.param)
    make_study(folder, seeds=range(2), examples=60, evaluations=3, change=tuned(WINNERS, setting))
    score = dict(zip(RATES, range(3), strict=True))
    make_trials(folder, lambda arm, rate: SCORES[arm][score[rate]], setting=setting)
    return compare(folder)


def tables(findings: Findings) -> list[Table]:
    return [part for part in tuning.parts(findings) if isinstance(part, Table)]


def test_every_arm_has_its_winner_beside_all_its_trials(findings: Findings) -> None:
    won, _ = tables(findings)
    assert [[cell.text for cell in row] for row in won.rows] == [
        ["scratch", "optim.lr 0.001", "0.200", "0.100 to 0.200", "3", "1"],
        ["pretrained", "optim.lr 0.001", "0.600", "0.400 to 0.600", "3", "0"],
    ]


def test_the_cost_stands_against_that_of_the_runs(findings: Findings) -> None:
    _, cost = tables(findings)
    assert [row[0].text for row in cost.rows] == ["scratch", "pretrained"]
    assert {row[1].text for row in cost.rows} == {"3"}
    trials, runs = 3 * (128 + 9 + 1), 2 * (48 + 9 + 1)  # steps, with evaluation and test
    assert {row[6].text for row in cost.rows} == {f"{trials / runs:.2f}×"}
    assert all("(estimated)" in row[4].text for row in cost.rows)


def test_the_sure_band_is_drawn_for_random_trials_alone(findings: Findings) -> None:
    (figure,) = [part for part in tuning.parts(findings) if isinstance(part, Figure)]
    assert findings.tuning
    text = markdown.render(outline.page(findings))
    lines = [layer for layer in figure.spec["layer"] if "strokeDash" in str(layer)]
    sure = any(row.level for row in findings.rows.select("tuning.expected_best.*"))
    assert sure == (findings.tuning.sampler == "random")
    assert bool(lines) == sure
    assert ("Dashed: the ends" in text) == sure
    assert ("Nothing is said of trials that were not run." in text) == (not sure)
    assert "scratch: 0.133 with 1 trial, 0.200 with 3, 1 without a score" in figure.description


def test_the_terminal_says_it_in_a_line(findings: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show(findings, None, Console(width=200))
    assert "Tuned equally, on validation: 3 trials for each arm" in capsys.readouterr().out


def test_a_study_that_tuned_nothing_has_no_section(tmp_path: Path) -> None:
    found = compare(make_study(tmp_path, seeds=range(2), examples=60, evaluations=3))
    assert tuning.parts(found) == ()
    assert "tuning" not in {section.key for section in outline.page(found).sections}


def test_a_single_trial_has_no_curve(findings: Findings) -> None:
    one = Rows(row for row in findings.rows if not re.fullmatch(r"tuning\.expected_best\.[23]", row.key))
    parts = tuning.parts(replace(findings, rows=one))
    assert not [part for part in parts if isinstance(part, Figure)]
