"""Checkpoints: the weights of their step, with their cost, and runs that start from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from headstart.cli import main

pytestmark = pytest.mark.usefixtures("unreported")

RUN = ["arm=scratch", "hydra.mode=RUN", "keep_weights=true", "budget.steps=4", "budget.epochs=null"]
LATER = ["arm=from_run", "arm.checkpoint_step=2", "seed=1", "hydra.mode=RUN"]


def folder(study: str) -> Path:
    (found,) = (path.parent for path in Path("runs", study).glob("*/record.json"))
    return found


def weights(place: Path) -> dict[str, torch.Tensor]:
    return load_file(place / "model.safetensors")


def words(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was printed, whatever the width of the terminal."""
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_checkpoints_are_the_weights_of_their_steps_with_their_cost(quick: list[str]) -> None:
    assert main([*quick, *RUN, "budget.evaluations=2", "checkpoint_steps=[0,2,4]", "study.name=aged"]) == 0
    run = folder("aged")
    start, middle, end, final = (weights(run / name) for name in ("model-0", "model-2", "model-4", "model"))
    assert all(torch.equal(end[name], final[name]) for name in final)
    assert any(not torch.equal(start[name], middle[name]) for name in final)
    assert any(not torch.equal(middle[name], end[name]) for name in final)

    ledgers = [json.loads((run / f"model-{age}" / "ledger.json").read_text("utf8")) for age in (0, 2, 4)]
    record = json.loads((run / "record.json").read_text("utf8"))
    points = [json.loads(line) for line in (run / "curve.jsonl").read_text("utf8").splitlines()]
    look = record["cost"]["flops"]["eval"] // len(points)
    trained = {point["step"]: point["flops"] for point in points}
    paid = [trained[age] + (k + 1) * look for k, age in enumerate((0, 2, 4))]
    assert [one["flops"] for one in ledgers] == paid
    assert [one["train"]["flops"] for one in ledgers] == [trained[age] for age in (0, 2, 4)]
    assert ledgers[0]["seconds"] < ledgers[1]["seconds"] < record["cost"]["seconds"]["total"]
    assert (run / "model-2" / "corpus.parquet").is_file()

    later = [*quick, *LATER, f"arm.run={run}", "study.name=later"]
    assert main(later) == 0
    checkpoint = json.loads((folder("later") / "record.json").read_text("utf8"))["init"]["checkpoint"]
    assert checkpoint["source"] == f"the run {run.name} after 2 steps"
    assert checkpoint["ledger"]["flops"] == ledgers[1]["flops"]


def test_a_checkpoint_between_two_evaluations(quick: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*quick, *RUN, "budget.evaluations=2", "checkpoint_steps=[3]", "study.name=between"]) != 0
    told = words(capsys)
    assert "checkpoint_steps: step 3 is not an evaluation step; choose among 0, 2, 4" in told


def test_a_checkpoint_that_was_not_saved(quick: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*quick, *RUN, "budget.evaluations=2", "study.name=plain"]) == 0
    run = folder("plain")
    assert main([*quick, *LATER, f"arm.run={run}", "study.name=x"]) != 0
    assert "keeps no weights of step 2; train it with keep_weights=true checkpoint_steps=[2]" in words(capsys)
