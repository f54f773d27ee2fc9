"""Runs on a CUDA device: one per family, from the same start and with the same counts as on the processor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tests.contract.cells import KINDS, VARIANTS, pair_of
from tests.studies.command import without
from tests.training.runs import curve, lasting, stopped_at, trained

from headstart.hardware import Hardware, gpu_capability
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.train import train

CELLS = {  # each family of tasks, and encoders, decoders, encoder-decoders and models of images
    ("BERT", "one text"), ("RoBERTa", "tags"), ("ModernBERT", "questions"), ("ELECTRA", "masked"),
    ("GPT-2", "causal"), ("T5", "denoising"), ("BART", "text to text"), ("ViT", "images"),
}  # fmt: skip


def on_cuda(run: Run) -> Run:
    return run.model_copy(update={"hardware": Hardware(accelerator="cuda", save_every=0)})


def on(device: str, overrides: list[str]) -> list[str]:
    return [*(text for text in overrides if text != "hardware=cpu"), f"hardware={device}"]


def test_every_family_has_a_cell() -> None:
    assert {VARIANTS[variant].kind for _, variant in CELLS} == set(KINDS)


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "variant"), sorted(CELLS))
def test_a_family_trains_from_the_same_start_and_counts_the_same(
    name: str, variant: str, tmp_path: Path
) -> None:
    folders, records = [tmp_path / device for device in ("cpu", "cuda")], []
    _, run = pair_of(name, variant)
    for folder, placed in zip(folders, (run, on_cuda(run)), strict=True):
        records.append(train(placed, folder, identify(placed)))
    processor, gpu = records
    assert gpu["status"] == "finished" and gpu["environment"]["device"].startswith("cuda:")
    assert (gpu["run_id"], gpu["init"], gpu["data"]) == (
        processor["run_id"], processor["init"], processor["data"]
    )  # fmt: skip
    for stage in ("train", "eval"):  # what a test generates depends on what was learnt
        assert gpu["cost"]["flops"][stage] == processor["cost"]["flops"][stage] or run.task.longest()
    assert gpu["cost"]["tokens"] == processor["cost"]["tokens"]
    assert gpu["cost"]["peak_memory_bytes"]["device"] > 0
    first = [curve(folder)[0]["validation"]["loss"] for folder in folders]  # of the same weights
    assert first[1] == pytest.approx(first[0], rel=0.02)
    assert np.isfinite(list(gpu["scores"]["test"].values())).all()


@pytest.mark.gpu
@pytest.mark.parametrize("arm", ["scratch", "pretrained", "frozen", "lora"])
def test_the_same_run_gives_the_same_bits(quick: list[str], tmp_path: Path, arm: str) -> None:
    overrides = [*on("cuda", quick), f"arm={arm}"]
    first, second = (trained(tmp_path / name, overrides) for name in "ab")
    assert lasting(first) == lasting(second)
    assert [point["train_loss"] for point in curve(tmp_path / "a")] == [
        point["train_loss"] for point in curve(tmp_path / "b")
    ]


@pytest.mark.gpu
def test_a_stopped_run_resumes_to_the_same_bits(quick: list[str], tmp_path: Path) -> None:
    overrides = [*on("cuda", quick), "arm=pretrained", "budget.evaluations=4", "hardware.save_every=0"]
    whole = trained(tmp_path / "a", overrides)
    with stopped_at(5), pytest.raises(KeyError):
        trained(tmp_path / "b", overrides)
    again = trained(tmp_path / "b", overrides)
    assert lasting(again) == lasting(whole)
    tables = [pq.read_table(tmp_path / name / "predictions.parquet") for name in "ab"]
    assert tables[0].equals(tables[1])


@pytest.mark.gpu
@pytest.mark.parametrize("arm", ["pretrained", "lora", "gradual_unfreezing"])
def test_two_gpus_compute_what_one_computes(quick: list[str], tmp_path: Path, arm: str) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    words = [
        *without(on("cuda", quick), "meter"),
        "meter=nvml",
        f"arm={arm}",
        "precision=fp32",
        "optim.batch_size=7",
    ]
    one, two = (trained(tmp_path / n, [*words, f"hardware.devices={n}"]) for n in "12")
    assert (one["run_id"], one["init"], one["data"]) == (two["run_id"], two["init"], two["data"])
    assert one["cost"]["flops"] == two["cost"]["flops"] and two["environment"]["devices"] == 2
    assert len(two["cost"]["energy"]["devices"]) == 2
    start, end = ([curve(tmp_path / n)[place]["validation"]["loss"] for n in "12"] for place in (0, -1))
    assert start[1] == pytest.approx(start[0], rel=1e-3)
    assert end[1] == pytest.approx(end[0], rel=0.3)  # dropout is drawn by each


@pytest.mark.gpu
def test_auto_takes_the_gpu_and_its_own_arithmetic(quick: list[str], tmp_path: Path) -> None:
    record = trained(tmp_path / "run", [*on("auto", quick), "arm=pretrained", "precision=auto"])
    native = (gpu_capability() or (0, 0)) >= (8, 0)
    assert record["config"]["precision"] == ("bf16" if native else "fp32")
    assert record["environment"]["device"].startswith("cuda:") and record["environment"]["gpu_driver"]
    assert record["init"]["dtypes"].keys() == {"float32"}


@pytest.mark.gpu
def test_the_energy_of_a_run_is_the_gpus(quick: list[str], tmp_path: Path) -> None:
    settings = [*(text for text in on("cuda", quick) if text != "meter=none"), "meter=nvml"]
    record: dict[str, Any] = trained(tmp_path / "run", [*settings, "arm=pretrained"])
    energy = record["cost"]["energy"]
    assert energy["method"] in ("measured", "sampled") and energy["boundary"] == "gpu", energy["reason"]
    joules = energy["joules"]
    assert joules["total"] == pytest.approx(sum(v for phase, v in joules.items() if phase != "total"))
    assert joules["total"] == pytest.approx(sum(energy["devices"].values())) and joules["total"] > 0
    assert energy["evidence"]["device_lock"]["held"]
    assert json.loads((tmp_path / "run/record.json").read_text("utf8"))["cost"]["energy"] == energy
