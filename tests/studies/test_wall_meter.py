"""An external meter's readings, joined to finished runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.studies.command import records

from headstart.cli import main

pytestmark = pytest.mark.usefixtures("unreported")

QUICK = Path("runs/quick")


def test_readings_are_joined_to_the_phases(quick: list[str], tmp_path: Path) -> None:
    assert main([*quick, "meter=constant", "meter.watts=10", "seed=0"]) == 0
    windows = [w for record in records(QUICK) for w in record["cost"]["energy"]["evidence"]["windows"]]
    first, last = min(w[1] for w in windows), max(w[2] for w in windows)
    times = range(int(first) - 2, int(last) + 3)
    (tmp_path / "wall.csv").write_text("time,watts\n" + "".join(f"{t},100\n" for t in times))
    assert main(["energy", "runs/quick", "wall.csv"]) == 0
    for record in records(QUICK):
        energy, seconds = record["cost"]["energy"], record["cost"]["seconds"]
        assert energy["method"] == "measured"
        assert energy["joules"]["train"] == pytest.approx(100 * seconds["train"], rel=0.02, abs=1)
        assert energy["joules"]["total"] == pytest.approx(100 * seconds["total"], rel=0.02, abs=1)
    assert main(["report", "runs/quick"]) == 0


def test_readings_that_miss_a_run_change_nothing(
    quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*quick, "meter=constant", "meter.watts=10", "hydra.mode=RUN"]) == 0
    before = records(QUICK)
    Path("wall.csv").write_text("time,watts\n0,100\n1,100\n")
    assert main(["energy", "runs/quick", "wall.csv"]) == 1
    assert "do not cover the run" in capsys.readouterr().err
    assert records(QUICK) == before
