"""A full disk: one sentence with the place, wherever it is met, and nothing half written stays."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import WORDS

from headstart.cache import cache_dir, cached
from headstart.cli import main
from headstart.errors import DataError, RecordError
from headstart.training import resume

FULL = OSError(errno.ENOSPC, "No space left on device")


def full(*_: object, **__: object) -> Any:
    raise FULL


def refusing(*_: object, **__: object) -> Any:
    raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")


def test_is_found_before_the_first_run(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tempfile.TemporaryFile
    monkeypatch.setattr(
        "tempfile.TemporaryFile", lambda dir: full() if "runs" in str(dir) else whole(dir=dir)
    )
    assert main([*quick, "hydra.mode=RUN"]) == 2
    said = "runs: runs/quick cannot be written (No space left on device); choose another with runs=..."
    assert said in capsys.readouterr().err


def test_a_cache_names_itself_and_keeps_no_half(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))

    def half(path: Path) -> None:
        path.write_text(" ".join(WORDS), "utf8")
        full()

    with pytest.raises(DataError, match=r"cache folder .* \(No space left on device\): set HEADSTART_CACHE"):
        cached("tokens/a.parquet", half)
    assert not list((cache_dir() / "tokens").iterdir())


@pytest.mark.parametrize("fails", [full, refusing])
def test_the_state_of_a_run_leaves_the_former_one(
    fails: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "curve.jsonl").write_text("{}\n")
    resume.save(tmp_path, {"run_id": "a", "step": 1, "results": {"evaluations": 1}})
    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(RecordError, match=r"the state of the run cannot be written .* make room"):
        resume.save(tmp_path, {"run_id": "a", "step": 2, "results": {"evaluations": 1}})
    former = resume.load(tmp_path, "a")
    assert former is not None and former["step"] == 1
    assert {path.name[:7] for path in tmp_path.iterdir()} == {"curve.j", "resume-"}


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("place", ["recorder.append_point", "train.write_predictions", "train.write_record"])
def test_a_run_ends_with_one_sentence(
    place: str, quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"headstart.training.{place}", full)
    assert main([*quick, "hydra.mode=RUN", "budget.steps=1", "budget.epochs=null"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("headstart:")]
    assert len(lines) == 1 and "No space left on device" in lines[0]


@pytest.mark.usefixtures("unreported")
def test_a_traceback_that_cannot_be_kept_hides_no_fault(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise KeyError("a bug")

    Path("runs/quick/errors.log").mkdir(parents=True)
    monkeypatch.setattr("headstart.training.train.plan_of", broken)
    assert main([*quick, "hydra.mode=RUN"]) == 1
    said = capsys.readouterr().err
    assert "KeyError: 'a bug' (runs/quick/errors.log cannot be written: Is a directory)" in said
