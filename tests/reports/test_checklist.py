"""The checklist of a conference: answered from records, and "not known" where no record can know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.factory import make_study
from tests.studies.command import headstart

from headstart.api import open_study


def answers(text: str) -> dict[int, str]:
    """The answer of every item, by its number; of those without an answer, not known."""
    given = {int(n): answer for n, answer in re.findall(r"^## (\d+)\. .*: (yes|no|not known)$", text, re.M)}
    assert text.count("## Not known") == 1
    return given | dict.fromkeys(map(int, re.findall(r"^- (\d+)\. ", text, re.M)), "not known")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study", examples=60, evaluations=3)


def checklist(study: Path) -> str:
    typed = headstart("report", str(study), "--checklist", "neurips")
    assert typed.code == 0, typed.err
    return typed.out


def test_figures_are_those_of_the_records(study: Path) -> None:
    text = checklist(study)
    assert set(answers(text)) == set(range(1, 17))
    assert {n for n, answer in answers(text).items() if answer == "yes"} == {4, 6, 7, 8}
    gain = open_study(study).findings.comparisons[0].gain
    assert gain and gain.interval
    plain = text.replace("\\", "")
    assert f"gain +{gain.gain:.3f}, 95 % interval" in plain and "over 3 pairs and 60 test examples" in plain
    assert "seeds 0, 1, 2" in plain and "6 runs on cpu (a CPU, 2 threads), bf16" in plain
    assert "In all: 6 runs" in plain and "estimated, not measured" in plain
    assert "lr 0.0003" in plain and "4 epochs; the last weights are scored" in plain
    assert "Apache-2.0" in plain and "Records hold no licence of data or weights" in plain


def test_one_pair_has_no_error_bar_and_losses_are_named(tmp_path: Path, study: Path) -> None:
    one = make_study(tmp_path / "one", seeds=range(1), examples=60, evaluations=3, energy="none")
    text = checklist(one)
    assert answers(text)[7] == "no" and "without an interval" in text
    assert "Energy is not known of 2 runs" in text
    (study / "scratch-512-0/record.json").write_text("{", "utf8")
    text = checklist(study)
    assert answers(text)[4] == "no" and "Left out" in text


def test_results_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{arm},{seed},{0.5 + 0.1 * (arm == 'b') * (1 + 0.1 * seed) + 0.01 * seed:.4f}"
        for arm in "ab"
        for seed in range(4)
    ]
    Path("results.csv").write_text("\n".join(["arm,seed,score", *rows]) + "\n", "utf8")
    assert headstart("import", "results.csv", "--base", "a").code == 0
    text = checklist(Path("runs/results"))
    assert answers(text)[4] == answers(text)[6] == answers(text)[8] == "not known"
    assert answers(text)[7] == "yes"


def test_to_a_file_and_mistakes(study: Path, tmp_path: Path) -> None:
    to = tmp_path / "checklist.md"
    typed = headstart("report", str(study), "--checklist", "neurips", "--to", str(to))
    assert typed.code == 0 and to.read_text("utf8").startswith("# NeurIPS checklist")
    for words, sentence in (
        (["--checklist", "icml"], "--checklist knows no 'icml', only neurips"),
        (["--checklist", "neurips", "--export", "md"], "ask for one at a time"),
    ):
        refused = headstart("report", str(study), *words)
        assert refused.code == 2 and sentence in refused.err
