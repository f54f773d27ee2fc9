"""One run on several devices: the numbers of one device, whole files, and a clear end when a rank fails."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tests.contract.cells import run_of
from tests.studies.command import headstart, records, without
from tests.training.runs import composed, curve, stopped_at

from headstart.errors import ConfigError, DataError
from headstart.hardware import Hardware
from headstart.meters.kinds import NoMeter
from headstart.meters.settings import Price
from headstart.records.curve import CURVE
from headstart.run import Run
from headstart.studies.compose import plan_study
from headstart.studies.frozen import freeze
from headstart.studies.run_folder import identify
from headstart.training import resume
from headstart.training.module import Learner
from headstart.training.rank import WEIGHT, Rank, in_order
from headstart.training.train import train


def without_dropout(run: Run, folder: Path) -> Run:
    """The run with a model that draws nothing while it trains."""
    shutil.copytree(run.model.name, folder)
    config = json.loads((folder / "config.json").read_text("utf8"))
    config |= {name: 0.0 for name in config if "drop" in name}
    (folder / "config.json").write_text(json.dumps(config), "utf8")
    return run.model_copy(update={"model": run.model.model_copy(update={"name": str(folder)})})


def on(run: Run, devices: int) -> Run:
    return run.model_copy(update={"hardware": Hardware(accelerator="cpu", devices=devices, save_every=0)})


@pytest.mark.parametrize(
    ("name", "variant", "stopped"),
    [
        ("BERT", "tags", False),
        pytest.param("BERT", "one text", False, marks=pytest.mark.slow),
        pytest.param("GPT-2", "text to text", True, marks=pytest.mark.slow),
    ],
)
def test_two_devices_compute_what_one_computes(
    name: str, variant: str, stopped: bool, tmp_path: Path
) -> None:
    run = without_dropout(run_of(name, variant), tmp_path / "model")
    # 16 rows: three batches of 5, whose shares are 3 and 2, and one of a single row
    optim = run.optim.model_copy(update={"batch_size": 5})
    budget = run.budget.model_copy(update={"keep": "best"})
    meter = NoMeter(kind="none", price=Price(per_device_hour=3600))
    run = run.model_copy(update={"optim": optim, "budget": budget, "meter": meter})
    folders = [tmp_path / "one", tmp_path / "two"]
    names = identify(run)
    if stopped:  # by an error of rank 0
        with stopped_at(2), pytest.raises(KeyError):
            train(on(run, 2), folders[1], names)
        assert not _ranks()
    one, two = (
        train(on(run, devices), folder, names) for devices, folder in zip((1, 2), folders, strict=True)
    )
    assert (one["run_id"], one["pair_id"], one["data"]) == (two["run_id"], two["pair_id"], two["data"])
    assert [one["environment"]["devices"], two["environment"]["devices"]] == [1, 2]
    for key in ("flops", "tokens", "samples", "steps", "parameters"):
        assert one["cost"][key] == two["cost"][key]
    money, seconds = two["cost"]["money"]["device"], two["cost"]["seconds"]["total"]
    assert money == pytest.approx(2 * seconds), "both devices are paid"
    assert two["scores"]["test"] == pytest.approx(one["scores"]["test"], rel=1e-4)
    for first, second in zip(*map(curve, folders), strict=True):
        assert numbers(second) == pytest.approx(numbers(first), rel=1e-4, abs=1e-6)
    weights = [load_file(folder / "model" / "model.safetensors") for folder in folders]
    assert weights[0].keys() == weights[1].keys()
    for key, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][key], tensor, rtol=1e-3, atol=1e-5)
    tables = [pq.read_table(folder / "predictions.parquet").to_pydict() for folder in folders]
    assert tables[0]["id"] == tables[1]["id"] and tables[0]["label"] == tables[1]["label"]
    assert sorted(path.name for path in folders[0].iterdir()) == sorted(
        path.name for path in folders[1].iterdir()
    )


def numbers(point: dict[str, Any]) -> list[float]:
    """What a point says of losses, gradients and scores."""
    steps = [row[key] for row in point["training"] for key in ("step", "loss", "gradient_norm")]
    return [point["step"], point["train_loss"] or 0.0, *point["validation"].values(), *steps]


@given(
    scored=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    ranks=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_weighted_shares_add_up_to_the_mean_over_the_batch(scored: list[int], ranks: int, seed: int) -> None:
    counts, rows = torch.tensor(scored), torch.arange(len(scored))
    sums = counts * torch.rand(len(scored), generator=torch.Generator().manual_seed(seed))  # losses of rows
    shares = [Rank(number, ranks).share({"rows": rows, "sums": sums}, counts) for number in range(ranks)]
    means = [share["sums"].sum() / counts[share["rows"]].sum() for share in shares]  # as a family computes it
    weighted = [mean * share[WEIGHT] for mean, share in zip(means, shares, strict=True)]
    assert torch.stack(weighted).mean() == pytest.approx(float(sums.sum() / counts.sum()), rel=1e-5)
    taken = [row for share in shares if share[WEIGHT] for row in share["rows"].tolist()]
    assert [row for row in taken if scored[row]] == [row for row, count in enumerate(scored) if count]


@given(batches=st.integers(1, 9), ranks=st.integers(1, 4))
def test_an_evaluation_has_every_batch_once_and_in_order(batches: int, ranks: int) -> None:
    order = [np.array([number]) for number in range(batches)]
    parts = [[{"rows": rows} for rows in Rank(number, ranks).own(order)] for number in range(ranks)]
    assert all(parts), "Lightning calls nothing in a rank without a batch"
    assert [int(outputs["rows"][0]) for outputs in in_order(parts, batches)] == [*range(batches)]


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    batch = {"input_ids": torch.zeros(4, 8), "relation": torch.zeros(4, 4)[:3]}
    with pytest.raises(DataError, match="relation of a batch has 3 entries for 4 rows"):
        Rank(0, 2).share(batch, torch.ones(4, dtype=torch.long))


def test_what_several_devices_cannot_do_is_said_before_training(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.hardware.processors", lambda: 2)
    words = [*without(quick, "study.name"), "seed=0", "study.name=many"]
    for more, sentence in (
        (["hardware.devices=3"], "hardware.devices=3: this machine has 2 processors; use hardware.devices=2"),
        (
            ["hardware.devices=2", "hydra/launcher=joblib"],
            "hardware.devices=2: joblib trains several runs at",
        ),
        (["scratch.hardware.devices=2"], "hardware"),
    ):
        ended = headstart(*words, *more)
        assert ended.code == 2 and ended.err.count("\n") == 1, ended.err
        assert sentence in ended.err
        assert not Path("runs/many/study.json").exists()
    layers = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    with pytest.raises(ConfigError, match=r"hardware\.devices=2: Sequential normalises over a batch"):
        Learner(composed(*words, "arm=scratch"), layers, 4, 2, [], None, Rank(0, 2))


def test_a_study_keeps_its_number_of_devices(quick: list[str]) -> None:
    def frozen(*words: str) -> None:
        typed = [*quick, "arm=scratch", *words]
        freeze(plan_study(typed).points, typed)

    frozen("seed=0")
    with pytest.raises(ConfigError, match=r"hardware\.devices: was 1, is 2\n.*--extend"):
        frozen("seed=0", "hardware.devices=2")


def test_a_state_of_other_devices_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / CURVE).write_text("{}\n", "utf8")
    resume.save(tmp_path, {"run_id": "a", "devices": 2, "results": {"evaluations": 1}})
    assert resume.load(tmp_path, "a", devices=2) is not None
    assert resume.load(tmp_path, "a", devices=1) is None
    assert "is of hardware.devices=2, and this run has 1: it is not used" in caplog.text


FAULTY = '''
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Literal

from headstart.tasks.text_classification import TextClassification

losses = 0


def does(fault):
    """Is this another rank than 0, and does the file `fault` say so?"""
    return multiprocessing.parent_process() and Path("fault").exists() and Path("fault").read_text() == fault


class Faulty(TextClassification):
    """Classes of texts; rank 1 fails before training, or at the sixth loss that it computes."""

    kind: Literal["faulty"]

    def encode(self, *arguments):
        if does("early"):
            raise ValueError("this device is cold")
        return super().encode(*arguments)

    def loss(self, model, batch):
        global losses
        losses += 1
        if losses == 6 and does("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if losses == 6 and does("stop"):
            os.kill(os.getpid(), signal.SIGSTOP)  # it is there, and does nothing any more
        if losses == 6 and does("raise"):
            raise ValueError("this device is on fire")
        return super().loss(model, batch) * (float("nan") if losses == 6 and does("nan") else 1)
'''
FAULTS = {  # status and what is said
    "kill": ("failed", r"rank 1 of 2 \(process \d+\) was killed by SIGKILL, .*the same command continues"),
    "raise": ("failed", r"RankError: rank 1 of 2: ValueError: this device is on fire"),
    "stop": ("failed", r"another of the 2 ranks did nothing for \d+ s, so all were ended: .*continues"),
    "early": ("failed", r"RankError: rank 1 of 2: ValueError: this device is cold"),
    "nan": ("diverged", r"the training loss was not finite at step 6"),
}


@pytest.mark.slow
@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_rank_that_fails_ends_the_run_which_then_goes_on(
    fault: str, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "stop":
        monkeypatch.setattr("headstart.training.silence.LEAST", 15.0)
    own = tmp_path / "own/tasks"
    own.mkdir(parents=True)
    (own / "faulty.py").write_text(FAULTY, "utf8")
    Path("fault").write_text(fault, "utf8")
    words = [*quick, "task.kind=faulty", "arm=scratch", "seed=0", "budget.evaluations=4"]
    words += ["hardware.save_every=0", "hardware.devices=2"]
    status, sentence = FAULTS[fault]
    ended = headstart(*words)
    assert ended.code == 1 and re.search(f"{status}: {sentence}", ended.err), ended.err
    (failed,) = records(Path("runs/quick"))
    assert failed["status"] == status and re.search(sentence, failed["scores"]["reason"])
    assert not _ranks()
    if status == "diverged":  # a result
        return

    Path("fault").unlink()
    again = headstart(*words)
    assert again.code == 0, again.err
    (record,) = records(Path("runs/quick"))
    assert record["status"] == "finished" and record["environment"]["devices"] == 2
    (folder,) = Path("runs/quick").glob("*-scratch-*")
    assert [point["step"] for point in curve(folder)] == [0, 2, 4, 6, 8]
    if fault != "early":  # it went on from the evaluation after four steps
        assert len(curve(folder)[0]["training"]) == 0
        assert record["cost"]["seconds"]["train"] > failed["cost"]["seconds"]["train"] > 0
    assert not _ranks()


def _ranks() -> list[psutil.Process]:
    """The processes of other ranks that live on."""
    every = psutil.Process().children(recursive=True)
    return [child for child in every if "spawn_main" in " ".join(child.cmdline())]
