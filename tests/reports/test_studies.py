"""`headstart studies`: a line per comparison of every study in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.factory import make_study
from tests.studies.command import headstart

from headstart.api import open_study


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of one size, of two sizes, with one arm, a damaged one, and notes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    make_study(folder / "small", study="small")
    make_study(folder / "sizes", study="sizes", rows=(128, 512))
    make_study(folder / "alone", arms=("scratch",), study="alone")
    (folder / "damaged/run").mkdir(parents=True)
    (folder / "damaged/run/record.json").write_text("{", "utf8")
    (folder / "notes").mkdir()
    (folder / "notes/a.txt").write_text("x", "utf8")
    return folder


def test_every_study_has_a_line_per_comparison(runs: Path) -> None:
    rows = json.loads(headstart("studies", "--json").out)
    assert [(row["study"], row["condition"], row["pairs"]) for row in rows] == [
        ("alone", "", 0),
        ("damaged", "", 0),
        ("sizes", "128 rows", 3),
        ("sizes", "512 rows", 3),
        ("small", "512 rows", 3),
    ]
    opened = open_study(runs / "small")
    gain = opened.gains.iloc[0]
    assert (rows[-1]["gain"], rows[-1]["low"], rows[-1]["verdict"]) == (
        gain["gain"],
        gain["low"],
        gain["verdict"],
    )
    total = opened.findings.total
    assert total is not None and rows[-1]["seconds"] == total.seconds
    assert rows[-1]["date"] == max(opened.records["started"])[:10]


def test_what_says_nothing_says_why(runs: Path) -> None:
    typed = headstart("studies", "runs")
    assert typed.code == 0 and "pretrained over scratch, 512 rows: +" in typed.out
    assert any(
        line.startswith("  runs/damaged: holds no run that can be read") for line in typed.out.splitlines()
    )
    assert len([line for line in typed.out.splitlines() if line.startswith("alone")]) == 1


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [("absent", "there is no folder absent"), ("runs/notes", "runs/notes holds no study")],
)
def test_a_folder_without_studies_is_one_sentence(folder: str, sentence: str, runs: Path) -> None:
    typed = headstart("studies", folder)
    assert typed.code == 2 and sentence in typed.err and len(typed.err.splitlines()) == 1
