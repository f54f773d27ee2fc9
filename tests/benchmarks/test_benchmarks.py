"""The benchmarks run, and the figures in their README are those of the committed JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.benchmarks.__main__ import BY_DEFAULT, main
from tests.benchmarks.readme import README, filled
from tests.benchmarks.row import Row, divided, interleaved, markdown


def test_the_tables_of_the_readme_are_those_of_the_committed_json() -> None:
    text = README.read_text("utf8")
    assert filled(text) == text, "run python -m tests.benchmarks.readme"


def test_calls_take_turns() -> None:
    called: list[str] = []
    taken = interleaved({name: lambda name=name: called.append(name) for name in "ab"}, rounds=2)
    assert called == [*"ababab"]
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 2, "b": 2}


def test_a_row_has_median_and_range() -> None:
    row = Row("part", "it", "that", divided([2, 9, 4], [1, 3, 1]), figures={"s": 1234.56}, goal="≤ 2").plain()
    assert (row["median"], row["range"], row["rounds"]) == (3, [2, 4], 3)
    assert markdown([row]).splitlines()[-1] == "| it | 3 | 2 to 4 | that | 1,235 s | ≤ 2 |"


def test_without_a_gpu_its_rows_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["cuda", "--to", str(tmp_path / "benchmarks.json")]) == 0
    measured = json.loads((tmp_path / "benchmarks.json").read_text("utf8"))
    assert {"date", "processor", "cores", "gpu", "versions"} <= measured.keys()
    assert {row["reason"] for row in measured["rows"]} == {"not measured here: no CUDA device"}
    assert [row["median"] for row in measured["rows"]] == [None] * 3
    assert "BERT-base, batch 128" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("part", [part for part in BY_DEFAULT if part != "cuda"])
def test_every_part_can_be_measured(part: str, tmp_path: Path) -> None:
    assert main([part, "--small", "--to", str(tmp_path / "benchmarks.json")]) == 0
    rows = json.loads((tmp_path / "benchmarks.json").read_text("utf8"))["rows"]
    assert rows and all(row["median"] is not None or row["reason"] for row in rows)
