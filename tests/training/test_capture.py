"""Captured steps give the bits of eager ones: on a GPU by CUDA graphs, here by graphs that compute again."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.contract.cells import ARCHITECTURES, run_of
from tests.training.runs import curve, lasting, stopped_at

from headstart.errors import ConfigError
from headstart.hardware import Hardware
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.capture import Batch, CudaGraph, Graph, Step, equal_bits
from headstart.training.module import Learner
from headstart.training.train import train

ARMS: dict[str, dict[str, Any]] = {
    "scratch": {"kind": "scratch"},
    "pretrained": {"kind": "pretrained"},
    "frozen": {"kind": "pretrained", "trainable": "head"},
    "lora": {"kind": "lora", "rank": 2, "alpha": 4, "dropout": 0.1, "targets": None},
    "gradual": {"kind": "gradual_unfreezing", "until": 0.5},
    "layerwise": {"kind": "layerwise_decay", "decay": 0.9},
}
CELLS = {
    "encoder": ("BERT", "one text"),
    "decoder": ("GPT-2", "causal"),
    "encoder-decoder": ("T5", "text to text"),
    "images": ("ViT", "images"),
}


class Computed:
    """A graph without CUDA: a replay makes the step again, from the inputs that it holds."""

    def __init__(self, step: Step, batch: Batch, pool: Any) -> None:
        self.batch = {name: values.clone() for name, values in batch.items()}
        self.loss = torch.zeros(())
        self._step = step

    def replay(self) -> None:
        self.loss = self._step(self.batch)


class Inexact(Computed):
    """Computes a little more than the step."""

    def replay(self) -> None:
        super().replay()
        self.loss = torch.nextafter(self.loss, torch.tensor(torch.inf))


class Frozen(Computed):
    """Keeps the noise of its first replay, as a graph does with a value that was a plain number."""

    def replay(self) -> None:
        torch.manual_seed(0)
        super().replay()


class Stale(Computed):
    """Does not read its inputs again."""

    def __init__(self, step: Step, batch: Batch, pool: Any) -> None:
        super().__init__(step, batch, pool)
        self._first = {name: values.clone() for name, values in batch.items()}

    def replay(self) -> None:
        self.loss = self._step(self._first)


class Impossible(Computed):
    """CUDA's answer to an operation that waits for the host."""

    def __init__(self, step: Step, batch: Batch, pool: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might ...")


@contextmanager
def capturing(graph: type[Graph], least: int = 1) -> Iterator[None]:
    """Within, training captures as on a GPU, with this kind of graph."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hardware, "least_replays", lambda _: least)
        patch.setattr(Learner, "capture_steps", functools.partialmethod(Learner.capture_steps, graph=graph))
        yield


def run(cell: str, arm: str, accelerator: str = "cpu", precision: str = "fp32", **hardware: Any) -> Run:
    """16 steps on batches of few shapes, with warm-up, decay, clipping and dropout."""
    name, variant = CELLS[cell]
    fresh = {} if arm == "scratch" else {"newly_initialised": ARCHITECTURES[name].fresh}
    cell_run = run_of(name, variant, **ARMS[arm], **fresh)
    return cell_run.model_copy(
        update={
            "precision": precision,
            # The numbers of dropout come from torch's generator, as on a GPU, so that a graph can miss them.
            "optim": cell_run.optim.model_copy(update={"noise": "torch"}),
            "budget": cell_run.budget.model_copy(update={"steps": 16, "evaluations": 2}),
            "hardware": cell_run.hardware.model_copy(update={"accelerator": accelerator, **hardware}),
        }
    )


def left_by(run: Run, folder: Path) -> tuple[dict[str, Any], list[Any], dict[str, torch.Tensor]]:
    """The record without times, the losses and scores of the curve, and the weights."""
    record = train(run, folder, identify(run))
    points = [(point["train_loss"], point["training"], point["validation"]) for point in curve(folder)]
    return record, points, load_file(folder / "model" / "model.safetensors")


def check_the_same(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    """Equal records, curves and predictions, and the same bits of all weights."""
    assert lasting(first[0]) == lasting(second[0])
    assert first[1] == second[1]
    assert first[2].keys() == second[2].keys()
    assert all(equal_bits(first[2][name], second[2][name]) for name in first[2])


@pytest.mark.parametrize(
    ("cell", "arm", "precision"),
    [(cell, "scratch", "fp32") for cell in CELLS]
    + [("encoder", arm, "fp32") for arm in ARMS if arm != "scratch"]
    + [pytest.param("encoder", "scratch", "bf16", marks=pytest.mark.slow)],  # emulated by many processors
)
def test_captured_steps_are_whole_steps(cell: str, arm: str, precision: str, tmp_path: Path) -> None:
    given = run(cell, arm, precision=precision)
    eager = left_by(given, tmp_path / "eager")
    with capturing(Computed):
        captured = left_by(given, tmp_path / "captured")
    check_the_same(eager, captured)
    facts = captured[0]["environment"]["capture"]
    assert eager[0]["environment"]["capture"] is None
    assert facts["graphs"] >= 1 and facts["steps"] >= 6 and facts["reason"] is None


@pytest.mark.parametrize("graph", [Inexact, Frozen, Stale, Impossible])
def test_a_graph_that_is_not_exact_makes_no_step(
    graph: type[Graph], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    eager = left_by(run("encoder", "scratch"), tmp_path / "eager")
    with capturing(graph), caplog.at_level(logging.WARNING, "headstart"):
        captured = left_by(run("encoder", "scratch"), tmp_path / "captured")
    check_the_same(eager, captured)
    facts = captured[0]["environment"]["capture"]
    assert facts["graphs"] == facts["steps"] == 0
    (sentence,) = [line for line in caplog.messages if "made eagerly" in line]
    assert facts["reason"] in sentence and "\n" not in sentence


def test_rare_shapes_are_not_captured(tmp_path: Path) -> None:
    with capturing(Computed, least=16):
        record, *_ = left_by(run("encoder", "scratch"), tmp_path)
    assert record["environment"]["capture"]["graphs"] == 0


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = left_by(run("encoder", "scratch"), tmp_path / "whole")
    with capturing(Computed):
        with stopped_at(11), pytest.raises(KeyError):
            left_by(run("encoder", "scratch"), tmp_path / "resumed")
        resumed = left_by(run("encoder", "scratch"), tmp_path / "resumed")
    check_the_same(whole, resumed)


def test_capture_on_needs_a_gpu() -> None:
    assert Hardware(accelerator="cpu", capture="auto").least_replays() is None
    with pytest.raises(ConfigError, match="capture=on needs a CUDA device"):
        Hardware.read({"accelerator": "cpu", "capture": "on"})
    with pytest.raises(ConfigError, match="capture=on is for one device, and devices=2"):
        Hardware.read({"accelerator": "cuda", "capture": "on", "devices": 2})
    assert Hardware(accelerator="cuda", capture="auto", devices=2).least_replays() is None


def test_bits_are_compared_and_not_values() -> None:
    nan, zero = torch.tensor([float("nan")]), torch.tensor([0.0])
    assert equal_bits(nan, nan.clone()) and not equal_bits(zero, -zero)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("cell", CELLS)
def test_cuda_graphs_give_the_bits_of_eager_steps(
    cell: str, arm: str, precision: str, tmp_path: Path
) -> None:
    eager = left_by(run(cell, arm, "cuda", precision), tmp_path / "eager")
    captured = left_by(run(cell, arm, "cuda", precision, capture="on"), tmp_path / "captured")
    check_the_same(eager, captured)
    facts = captured[0]["environment"]["capture"]
    assert facts["steps"] >= 6 and facts["reason"] is None


@pytest.mark.gpu
def test_a_run_with_cuda_graphs_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = left_by(run("encoder", "scratch", "cuda"), tmp_path / "whole")
    again = run("encoder", "scratch", "cuda", capture="on")
    with stopped_at(11), pytest.raises(KeyError):
        left_by(again, tmp_path / "resumed")
    check_the_same(whole, left_by(again, tmp_path / "resumed"))


@pytest.mark.gpu
def test_a_step_that_waits_for_the_host_is_not_captured() -> None:
    batch = {"values": torch.ones(4, device="cuda")}
    with pytest.raises(RuntimeError):
        CudaGraph(lambda inputs: inputs["values"].sum() * float(inputs["values"].sum()), batch, None)
    assert float(batch["values"].sum()) == 4  # CUDA still works
