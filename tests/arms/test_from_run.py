"""Weights that headstart trained: kept, poured, and never without what they cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headstart.cli import main
from headstart.compare.study import compare


def only(study: str, arm: str) -> tuple[Path, dict]:
    found = [(p.parent, json.loads(p.read_text("utf8"))) for p in Path("runs", study).glob("*/record.json")]
    (hit,) = [(folder, record) for folder, record in found if record["arm"] == arm]
    return hit


def test_weights_carry_their_cost_through_a_chain(quick: list[str]) -> None:
    assert main([*quick, "arm=scratch", "hydra.mode=RUN", "keep_weights=true", "study.name=first"]) == 0
    first, one = only("first", "scratch")
    from_first = ["arm=from_run", f"arm.run={first}", "seed=1", "hydra.mode=RUN", "keep_weights=true"]
    assert main([*quick, *from_first, "study.name=second"]) == 0
    second, two = only("second", "from_run")
    assert two["init"]["checkpoint"]["ledger"]["runs"] == [one["run_id"]]
    assert (
        main([*quick, "arm=from_run", f"arm.run={second}", "seed=2", "hydra.mode=RUN", "study.name=third"])
        == 0
    )
    assert main([*quick, "arm=scratch", "seed=2", "hydra.mode=RUN", "study.name=third"]) == 0
    chain = only("third", "from_run")[1]["init"]["checkpoint"]["ledger"]
    assert chain["runs"] == [two["run_id"]]
    assert chain["parent"]["runs"] == [one["run_id"]]
    assert chain["flops"] == two["cost"]["flops"]["total"]
    (comparison,) = compare(Path("runs/third")).comparisons
    assert comparison.ledger is not None
    assert comparison.ledger.origin == "measured"
    assert [stage.flops for stage in comparison.ledger.stages] in (
        [chain["flops"], chain["parent"]["flops"]],
        [chain["parent"]["flops"], chain["flops"]],
    )


def test_a_run_without_weights_is_one_sentence(quick: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*quick, "arm=scratch", "hydra.mode=RUN", "study.name=first"]) == 0
    first, _ = only("first", "scratch")
    assert main([*quick, "arm=from_run", f"arm.run={first}", "hydra.mode=RUN"]) == 1
    assert "keeps no weights; train it with keep_weights=true" in capsys.readouterr().err


def test_a_finished_run_is_trained_again_when_its_weights_are_wanted(quick: list[str]) -> None:
    run = [*quick, "arm=scratch", "hydra.mode=RUN", "study.name=first"]
    assert main(run) == 0
    folder, before = only("first", "scratch")
    assert main([*run, "keep_weights=true"]) == 0
    assert (folder / "model" / "model.safetensors").exists()
    assert only("first", "scratch")[1]["run_id"] == before["run_id"]
