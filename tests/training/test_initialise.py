"""The start of a run: whatever writes into the weights unseen ends the run before its first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.arms.cheats import Sly
from tests.training.runs import composed

from headstart.arms.arm import BaseArm
from headstart.arms.lora import Lora
from headstart.errors import WeightsError
from headstart.records.curve import read_curve
from headstart.records.record import faults
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.initialise import check_attestation, initialise
from headstart.training.train import train

WRITTEN = r"^arm=scratch: at step 0 bert\.\S+ is not what the seed gives, .* \(and \d+ more like this\);"


@pytest.fixture
def run(quick: list[str]) -> Run:
    return composed(*quick, "arm=scratch", "budget.epochs=null", "budget.steps=1")


@pytest.fixture
def held(tiny_model: Path) -> dict[str, torch.Tensor]:
    """The checkpoint, almost: what a scratch arm must not hold."""
    stored = load_file(tiny_model / "model.safetensors")
    return {f"bert.{name}": tensor + 1e-6 for name, tensor in stored.items()}


def with_arm(run: Run, arm: BaseArm) -> Run:
    return run.model_copy(update={"arm": arm})


def test_weights_that_are_written_while_the_arm_is_asked_are_refused(run: Run, held) -> None:
    prepared = run.task.prepare(run.model, run.size)
    check_attestation("scratch", initialise(run, prepared, 1).attest())
    for where in ("load_weights", "adapt", "stages"):
        start = initialise(with_arm(run, Sly(where=where, held=held)), prepared, 1)
        with pytest.raises(WeightsError, match=WRITTEN):
            check_attestation("scratch", start.attest())


def test_weights_that_are_written_after_the_start_end_the_run(run: Run, held, tmp_path: Path) -> None:
    sly = with_arm(run, Sly(where="lr_factors", held=held))  # asked when Lightning makes the optimizer
    with pytest.raises(WeightsError, match=WRITTEN):
        train(sly, tmp_path / "run", identify(run))
    assert [point["step"] for point in read_curve(tmp_path / "run/curve.jsonl")[0]] == [0]


def test_an_arm_may_add_and_rename_but_not_replace(run: Run) -> None:
    class Replaces(BaseArm):
        name: str = "replaces"

        def adapt(self, seeded: torch.nn.Module, seed: int = 0) -> tuple[str, ...]:
            layer: Any = seeded.get_submodule("bert.pooler.dense")
            layer.weight = torch.nn.Parameter(layer.weight.detach().clone())
            return ()

    prepared = run.task.prepare(run.model, run.size)
    with pytest.raises(WeightsError, match=r"1 tensors were taken out of .* \(bert\.pooler\.dense\.weight\)"):
        initialise(with_arm(run, Replaces()), prepared, 1)
    adapted = initialise(with_arm(run, Lora(kind="lora")), prepared, 1).attest()
    check_attestation("lora", adapted)
    again = initialise(with_arm(run, Lora(kind="lora")), prepared, 1).attest()
    assert again == adapted, "adapters come from the seed as well"
    assert adapted["added"]["tensors"] == len(adapted["changed"].keys() - adapted["seeded"].keys()) > 0


def test_an_interrupted_run_keeps_what_was_attested_at_step_zero(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.training.recorder import Timer

    run = composed(*quick, "arm=pretrained", "hardware.save_every=0")
    names, whole = identify(run), Timer.on_train_batch_end

    def stopped(self: Timer, *arguments) -> None:
        whole(self, *arguments)
        if self.results.steps == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Timer, "on_train_batch_end", stopped)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(run, tmp_path / "run", names)
    resumed = train(run, tmp_path / "run", names)
    assert resumed["init"] == train(run, tmp_path / "another", names)["init"]
    assert faults(resumed) == []
