"""Whole runs of a transformer that trains in a second: what they leave behind, and that it is true."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from tests.studies.command import records
from tests.training.runs import composed, curve, lasting, shared, stopped_at, trained

from headstart.cli import main
from headstart.compare.study import compare
from headstart.errors import ConfigError, DataError, WeightsError
from headstart.meters.flops import FlopCounter
from headstart.records.record import schema
from headstart.records.store import read_study
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.module import Learner
from headstart.training.train import train


@pytest.mark.parametrize("arm", ["scratch", "pretrained"])
def test_what_a_finished_run_leaves_behind(quick: list[str], arm: str) -> None:
    record, folder = shared(*quick, f"arm={arm}")
    assert record == json.loads((folder / "record.json").read_text("utf8"))
    jsonschema.validate(record, schema())
    check(record)
    check_files(folder)


def check(record: dict[str, Any]) -> None:
    """What must hold inside any finished record."""
    cost, data = record["cost"], record["data"]
    seconds = cost["seconds"]
    assert seconds["total"] == pytest.approx(sum(v for k, v in seconds.items() if k != "total"), abs=1e-9)
    assert cost["flops"]["total"] == cost["flops"]["train"] + cost["flops"]["eval"] + cost["flops"]["test"]
    assert cost["samples"] == {
        "train": 128,
        "eval": 3 * data["counts"]["validation"],
        "test": data["counts"]["test"],
    }
    for stage in ("train", "eval", "test"):
        assert 0 < cost["tokens"][stage]["real"] <= cost["tokens"][stage]["padded"]
    assert cost["energy"]["joules"] is None and "no energy meter" in cost["energy"]["reason"]
    assert set(record["scores"]["test"]) == {"accuracy", "macro_f1", "matthews", "log_loss"}
    assert (
        record["init"]["newly_initialised"]["parameters"] + record["init"]["loaded"]["parameters"]
        >= cost["parameters"]["all"]
    )


def check_files(folder: Path) -> None:
    """Curve and predictions agree with the record."""
    record = json.loads((folder / "record.json").read_text("utf8"))
    points = curve(folder)
    assert [point["step"] for point in points] == [0, 4, 8]
    assert points[-1]["flops"] == record["cost"]["flops"]["train"]
    assert points[-1]["tokens_padded"] == record["cost"]["tokens"]["train"]["padded"]
    assert all(a["flops"] < b["flops"] and a["seconds"] < b["seconds"] for a, b in pairwise(points))
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    right = [
        label == prediction for label, prediction in zip(table["label"], table["prediction"], strict=True)
    ]
    assert sum(right) / len(right) == pytest.approx(record["scores"]["test"]["accuracy"])


def test_arms_see_the_same_and_differ_in_weights_alone(quick: list[str]) -> None:
    scratch, pretrained = (shared(*quick, f"arm={arm}")[0] for arm in ("scratch", "pretrained"))
    assert scratch["pair_id"] == pretrained["pair_id"] and scratch["run_id"] != pretrained["run_id"]
    assert scratch["data"] == pretrained["data"]
    assert scratch["init"]["head"] == pretrained["init"]["head"]
    assert scratch["cost"]["flops"] == pretrained["cost"]["flops"]
    assert scratch["init"]["loaded"]["parameters"] == 0 < pretrained["init"]["loaded"]["parameters"]


@pytest.mark.parametrize("arm", ["scratch", "pretrained"])
def test_the_same_run_gives_the_same_record(quick: list[str], tmp_path: Path, arm: str) -> None:
    first, folder = shared(*quick, f"arm={arm}")
    second = trained(tmp_path / "run", [*quick, f"arm={arm}"])
    assert lasting(first) == lasting(second)
    assert pq.read_table(folder / "predictions.parquet").equals(
        pq.read_table(tmp_path / "run/predictions.parquet")
    )


def test_seeds_differ(quick: list[str], tmp_path: Path) -> None:
    first, _ = shared(*quick, "arm=scratch")
    second = trained(tmp_path / "run", [*quick, "arm=scratch", "seed=1"])
    assert first["data"]["order"] != second["data"]["order"]
    assert first["init"]["head"] != second["init"]["head"]
    assert first["data"]["rows"] == second["data"]["rows"]


@pytest.mark.usefixtures("unreported")
def test_an_arm_against_itself_gains_nothing_and_costs_the_same(quick: list[str]) -> None:
    metered = ["meter=constant", "meter.watts=50", "study.warm_up=2"]
    assert main([*quick, "study=same_arm", "study.name=same_arm", "seed=0,1,2", *metered]) == 0
    (comparison,) = compare(Path("runs/same_arm")).comparisons
    assert comparison.gain is not None and comparison.gain.interval is not None
    assert comparison.gain.interval.low <= 0 <= comparison.gain.interval.high
    (flops,) = comparison.rows.select("flops_ratio")
    assert (flops.value, flops.low, flops.high) == (1, 1, 1)

    logs = log_energy_ratios(records(Path("runs/same_arm")))
    spread = stats.sem(logs) * stats.t.ppf(0.9995, len(logs) - 1)  # 99.9 %: this is a test, not a claim
    assert abs(np.mean(logs)) < spread


def log_energy_ratios(found: list[dict[str, Any]]) -> list[float]:
    """Logarithm of joules of one arm / joules of the other, per seed."""
    joules = {(r["seed"], r["arm"]): r["cost"]["energy"]["joules"]["train"] for r in found}
    seeds = sorted({seed for seed, _ in joules})
    return [float(np.log(joules[s, "scratch"] / joules[s, "scratch_again"])) for s in seeds]


def test_counted_flops_equal_the_closed_form(quick: list[str], tmp_path: Path) -> None:
    record = trained(tmp_path / "a", [*quick, "arm=scratch", "optim.batch_size=64", "budget.epochs=1"])
    h, i, classes = 32, 64, 2
    tokens = record["cost"]["tokens"]["train"]["padded"]
    length = tokens // 64  # one batch of 64 rows
    forward = 64 * (8 * length * h**2 + 4 * length * h * i + 4 * length**2 * h + 2 * h**2 + 2 * h * classes)
    assert record["cost"]["flops"]["train"] == 3 * forward


def test_meters_and_trackers_do_not_change_the_losses(quick: list[str], tmp_path: Path) -> None:
    bare, _ = shared(*quick, "arm=scratch")
    full = trained(tmp_path / "run", [*quick, "arm=scratch", "meter=codecarbon", "tracker=offline"])
    assert bare["scores"] == full["scores"]
    energy = full["cost"]["energy"]
    assert energy["method"] == "estimated"
    assert energy["joules"]["total"] == pytest.approx(
        sum(v for k, v in energy["joules"].items() if k != "total")
    )


def test_best_weights_are_scored_when_asked(quick: list[str], tmp_path: Path) -> None:
    overrides = [
        *quick,
        "arm=pretrained",
        "budget.keep=best",
        "optim.lr=0.05",
        "budget.divergence=1e9",
        "budget.evaluations=8",
    ]
    record = trained(tmp_path / "a", overrides)
    assert record["scores"]["validation"]["accuracy"] == max(
        point["validation"]["accuracy"] for point in curve(tmp_path / "a")
    )


def test_nan_loss_ends_as_diverged(quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.optim.Optim.factor", lambda self, step, steps: float("nan"))
    record = trained(tmp_path / "a", quick)
    assert record["status"] == "diverged"
    assert "not finite" in record["scores"]["reason"] and record["scores"]["test"] is None
    assert not (tmp_path / "a/predictions.parquet").exists()


def test_an_error_leaves_a_record_that_says_so(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Learner, batch: Any, batch_idx: int) -> None:
        raise RuntimeError("the device is on fire")

    monkeypatch.setattr(Learner, "training_step", broken)
    run = composed(*quick)
    with pytest.raises(RuntimeError):
        train(run, tmp_path / "a", identify(run))
    record = json.loads((tmp_path / "a/record.json").read_text("utf8"))
    assert record["status"] == "failed" and "on fire" in record["scores"]["reason"]


def _no_rows(run: Run, patch: pytest.MonkeyPatch) -> None:
    Path("reviews.csv").write_text("sentence,label\nall good,good\n", "utf8")


def _no_weights(run: Run, patch: pytest.MonkeyPatch) -> None:
    (Path(run.model.name) / "model.safetensors").unlink()


def _no_count(run: Run, patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise ConfigError("model: its work depends on a number that it computes")

    patch.setattr(FlopCounter, "train", refuse)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (_no_rows, DataError, "too few to hold out"),
        (_no_weights, WeightsError, "model.safetensors"),
        (_no_count, ConfigError, "depends on a number"),
    ],
)
def test_an_error_before_the_first_step_leaves_a_record_that_says_so(
    fault: Callable[[Run, pytest.MonkeyPatch], None],
    error: type[Exception],
    words: str,
    quick: list[str],
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    run = composed(*quick, "arm=pretrained", f"model.name={tmp_path / 'model'}")
    names, folder = identify(run), tmp_path / "study/run"
    with monkeypatch.context() as patch:
        fault(run, patch)
        with pytest.raises(error):
            train(run, folder, names)
    record = json.loads((folder / "record.json").read_text("utf8"))
    jsonschema.validate(record, schema())
    assert record["status"] == "failed" and record["run_id"] == names.run_id
    assert record["scores"]["reason"].startswith(error.__name__) and words in record["scores"]["reason"]
    assert record["init"] is None and record["data"] is None and record["cost"]["seconds"]["prepare"] > 0
    (problem,) = read_study(folder.parent).problems
    assert problem.sentence.startswith(f"run: left out: failed before its first step: {error.__name__}")


def test_an_error_before_a_resumed_step_loses_no_cost(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [*quick, "budget.evaluations=4", "hardware.save_every=0", "meter=constant", "meter.watts=10"]
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_before_optimizer_step", lambda self, _: 1 / (self.step < 5))
        with pytest.raises(ZeroDivisionError):
            trained(tmp_path / "a", overrides)
    with monkeypatch.context() as patch:
        patch.setattr(FlopCounter, "train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trained(tmp_path / "a", overrides)
    stopped = json.loads((tmp_path / "a/record.json").read_text("utf8"))["cost"]["seconds"]
    record = trained(tmp_path / "a", overrides)
    assert record["status"] == "finished" and record["cost"]["energy"]["lost_segments"] == 0
    assert record["cost"]["seconds"]["prepare"] > stopped["prepare"] > 0
    assert record["cost"]["seconds"]["train"] > stopped["train"] > 0


def test_long_rows_are_cut_and_counted(quick: list[str], tmp_path: Path) -> None:
    record = trained(tmp_path / "a", [*quick, "model.max_length=8"])
    assert record["data"]["max_length"] == 8 and record["data"]["truncated"]["train"] > 0


def test_steps_instead_of_epochs(quick: list[str], tmp_path: Path) -> None:
    record = trained(tmp_path / "a", [*quick, "budget.epochs=null", "budget.steps=5", "budget.evaluations=2"])
    assert record["cost"]["steps"] == 5
    assert [point["step"] for point in curve(tmp_path / "a")] == [0, 3, 5]


def test_precision_is_resolved_in_the_record(quick: list[str]) -> None:
    assert composed(*quick).config()["precision"] in ("bf16", "fp32")


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_stopped_run_resumes_to_the_same_bits(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    overrides = [
        *quick,
        "arm=pretrained",
        f"budget.keep={keep}",
        "budget.evaluations=4",
        "hardware.save_every=0",
    ]
    whole = trained(tmp_path / "a", overrides)
    with stopped_at(5), pytest.raises(KeyError):
        trained(tmp_path / "b", overrides)
    assert json.loads((tmp_path / "b/record.json").read_text("utf8"))["status"] == "failed"
    again = trained(tmp_path / "b", overrides)
    assert lasting(again) == lasting(whole)
    curves = [curve(tmp_path / name) for name in "ab"]
    assert [p["validation"] for p in curves[0]] == [p["validation"] for p in curves[1]]
    assert [p["step"] for p in curves[1]] == [0, 2, 4, 6, 8]
    assert pq.read_table(tmp_path / "a/predictions.parquet").equals(
        pq.read_table(tmp_path / "b/predictions.parquet")
    )
    assert not [*(tmp_path / "b").glob("*resume*")]


def test_a_killed_run_marks_the_segment_that_is_lost(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [*quick, "budget.evaluations=4", "hardware.save_every=0", "meter=constant", "meter.watts=10"]
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_before_optimizer_step", lambda self, _: 1 / (self.step < 5))
        with pytest.raises(ZeroDivisionError):
            trained(tmp_path / "a", overrides)
    (tmp_path / "a/record.json").unlink()  # a kill leaves none
    record = trained(tmp_path / "a", overrides)
    energy, seconds = record["cost"]["energy"], record["cost"]["seconds"]
    assert record["status"] == "finished"
    assert energy["lost_segments"] == 1
    assert energy["joules"]["total"] == pytest.approx(10 * seconds["total"], rel=0.01)
    assert seconds["total"] == pytest.approx(sum(v for k, v in seconds.items() if k != "total"), abs=1e-9)
