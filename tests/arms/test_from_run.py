"""Weights that headstart trained: kept, poured, and never without what they cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.arms.choices import ALL, arm
from tests.arms.families import BARE, CLASSIFY, publish, published, seeded

from headstart.arms.from_run import LEDGER, MODEL
from headstart.cli import main
from headstart.compare.study import compare
from headstart.errors import WeightsError

pytestmark = pytest.mark.usefixtures("unreported")


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
        [chain["train"]["flops"], chain["parent"]["train"]["flops"]],
        [chain["parent"]["train"]["flops"], chain["train"]["flops"]],
    )
    assert chain["train"]["flops"] == two["cost"]["flops"]["train"] < chain["flops"]


def kept_run(folder: Path, ledger: str | None = '{"flops": 7}') -> Path:
    """A run's folder with weights of its own, other than the published ones."""
    publish("bert", BARE, folder / MODEL, seed=7)
    if ledger is not None:
        (folder / MODEL / LEDGER).write_text(ledger, "utf8")
    return folder


@pytest.mark.parametrize("choice", [choice for choice in ALL if "run" in type(arm(choice)).model_fields])
def test_every_arm_takes_the_weights_of_a_run_instead(choice: str, tmp_path: Path) -> None:
    run, model = kept_run(tmp_path / "earlier"), published("bert", BARE)
    own, other = arm(choice, run=str(run)), arm(choice)
    made, elsewhere = seeded(model, CLASSIFY), seeded(model, CLASSIFY)
    mine, theirs = own.load_weights(made, model).checkpoint, other.load_weights(elsewhere, model).checkpoint
    assert mine["source"] == "the run earlier"
    assert mine["ledger"] == {"flops": 7}
    assert "ledger" not in theirs
    assert mine["sha256"] == own.weights_digest(model) != theirs["sha256"] == other.weights_digest(model)
    assert mine["tensors"].keys() == theirs["tensors"].keys()
    assert all(mine["tensors"][name] != theirs["tensors"][name] for name in mine["tensors"])


def test_weights_without_a_ledger_cost_nobody_knows_what(tmp_path: Path) -> None:
    model = published("bert", BARE)
    unknown = arm("pretrained", run=str(kept_run(tmp_path / "run", ledger=None)))
    assert unknown.load_weights(seeded(model, CLASSIFY), model).checkpoint["ledger"] is None
    broken = arm("pretrained", run=str(kept_run(tmp_path / "broken", ledger="{")))
    with pytest.raises(WeightsError, match=r"ledger\.json is not what the run saved; train that run again"):
        broken.load_weights(seeded(model, CLASSIFY), model)


def test_from_run_needs_a_run() -> None:
    with pytest.raises(ValueError, match="run is missing"):
        arm("from_run", run=None)


def test_an_adapted_run_keeps_plain_weights(quick: list[str]) -> None:
    assert main([*quick, "arm=scratch", "hydra.mode=RUN", "keep_weights=true", "study.name=first"]) == 0
    first, one = only("first", "scratch")
    adapted = ["arm=lora", f"arm.run={first}", "arm.rank=2", "hydra.mode=RUN", "keep_weights=true"]
    assert main([*quick, *adapted, "study.name=second"]) == 0
    second, two = only("second", "lora")
    assert two["init"]["checkpoint"]["ledger"]["runs"] == [one["run_id"]]
    adapters = 2 * (4 * (32 + 32) + 2 * (32 + 64) + (32 + 32))
    assert two["cost"]["parameters"]["trainable"] == adapters + 2 * 32 + 2
    before, after = (load_file(folder / "model" / "model.safetensors") for folder in (first, second))
    assert {name: t.shape for name, t in after.items()} == {name: t.shape for name, t in before.items()}
    query = "bert.encoder.layer.0.attention.self.query.weight"
    change = after[query].double() - before[query].double()
    assert 0 < torch.linalg.matrix_rank(change, tol=1e-5) <= 2
    assert torch.equal(
        after["bert.embeddings.word_embeddings.weight"], before["bert.embeddings.word_embeddings.weight"]
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
