"""csv, TensorBoard and MLflow: what arrives there, read back from their files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.training.runs import composed

from headstart.api import open_study
from headstart.cli import main
from headstart.mlflow_store import client_of, id_of, runs_with
from headstart.reports.formats.mlflow_study import log_in_mlflow
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.tracker import tracked

pytestmark = pytest.mark.usefixtures("unreported")

ALL = "tracker=[csv,tensorboard,mlflow]"
STUDY = Path("runs/quick")


def records() -> list[tuple[Path, dict[str, Any]]]:
    return [(path.parent, json.loads(path.read_text("utf8"))) for path in sorted(STUDY.glob("*/record.json"))]


def points(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text("utf8").splitlines()]


def test_each_holds_the_curve_the_scores_and_the_settings_of_every_run(quick: list[str]) -> None:
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")
    assert main([*quick, ALL, "meter=constant", "meter.watts=40", "seed=0"]) == 0
    assert len(records()) == 2 and not (STUDY / "wandb").exists() and not Path("mlruns").exists()
    client = client_of(f"sqlite:///{Path('runs/mlflow.db').resolve()}")
    (experiment,) = [item for item in client.search_experiments() if item.name == "headstart"]
    (parent,) = runs_with(client, experiment.experiment_id, id_of("quick"))
    for folder, record in records():
        losses = {point["step"]: point["validation"]["loss"] for point in points(folder)}
        score, joules = record["scores"]["test"]["accuracy"], record["cost"]["energy"]["joules"]["total"]
        check_csv(STUDY / "csv" / folder.name, record, losses, score, joules)
        check_tensorboard(STUDY / "tensorboard" / folder.name, losses, score, joules)
        (child,) = runs_with(client, experiment.experiment_id, id_of("quick", record["run_id"]))
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.info.status == "FINISHED" and parent.info.status == "RUNNING"
        assert child.data.metrics["test/accuracy"] == pytest.approx(score)
        assert child.data.metrics["energy/estimated_joules"] == pytest.approx(joules)
        assert child.data.params["arm"] == record["arm"] and child.data.params["optim_lr"] == "0.003"
        assert child.data.params["pair_id"] == record["pair_id"]
        history = client.get_metric_history(child.info.run_id, "validation/loss")
        assert {item.step: item.value for item in history} == pytest.approx(losses)

    findings = open_study(STUDY).findings
    log_in_mlflow(findings, STUDY)
    (parent,) = runs_with(client, experiment.experiment_id, id_of("quick"))
    assert parent.info.status == "FINISHED" and parent.data.tags["answer"] == findings.sentence
    gain = findings.comparisons[0].gain
    assert gain is not None and parent.data.metrics["gain/pretrained/gain"] == pytest.approx(gain.gain)


def check_csv(folder: Path, record: dict[str, Any], losses: Any, score: float, joules: float) -> None:
    with (folder / "metrics.csv").open(newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    logged = {int(row["step"]): float(row["validation/loss"]) for row in rows if row["validation/loss"]}
    assert logged == pytest.approx(losses)
    assert len([row for row in rows if row["train/step_loss"]]) == record["cost"]["steps"] == 8
    assert float(rows[-1]["test/accuracy"]) == pytest.approx(score)
    assert float(rows[-1]["energy/estimated_joules"]) == pytest.approx(joules)
    settings = yaml.safe_load((folder / "hparams.yaml").read_text("utf8"))
    assert settings["arm"] == record["arm"] and settings["data_digest"] == record["data"]["source"]


def check_tensorboard(folder: Path, losses: Any, score: float, joules: float) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    assert {item.step: item.value for item in events.Scalars("validation/loss")} == pytest.approx(losses)
    assert events.Scalars("test/accuracy")[-1].value == pytest.approx(score)
    assert events.Scalars("energy/estimated_joules")[-1].value == pytest.approx(joules)
    assert "_hparams_/session_start_info" in events.summary_metadata


def logged(run: Run, steps: list[int]) -> None:
    with tracked(run, identify(run), run.study_folder / "a_run") as mirrors:
        for step in steps:
            for mirror in mirrors:
                mirror.log_metrics({"loss": float(step)}, step=step)


def test_a_run_that_goes_on_replaces_what_it_left(quick: list[str]) -> None:
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = composed(*quick, ALL)
    logged(run, [0, 4])
    logged(run, [0, 4, 8])
    with (STUDY / "csv/a_run/metrics.csv").open(newline="", encoding="utf8") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["0", "4", "8"]
    events = EventAccumulator(str(STUDY / "tensorboard/a_run")).Reload()
    assert [item.step for item in events.Scalars("loss")] == [0, 4, 8]
    client = client_of(f"sqlite:///{Path('runs/mlflow.db').resolve()}")
    experiment = client.get_experiment_by_name("headstart").experiment_id
    (child,) = runs_with(client, experiment, id_of("quick", identify(run).run_id))
    assert [item.step for item in client.get_metric_history(child.info.run_id, "loss")] == [0, 4, 8]


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        ("csv", "csv stopped taking a run"),
        ("tensorboard", "TensorBoard stopped taking a run"),
        ("mlflow", "MLflow cannot be used"),
        ("mlflow tracker.mlflow=http://127.0.0.1:9", "MLflow cannot be used"),
    ],
)
def test_one_that_fails_is_said_once_and_costs_nothing(
    tracker: str, said: str, quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip(tracker.split()[0])
    STUDY.mkdir(parents=True)
    for name in ("csv", "tensorboard"):
        (STUDY / name).write_text("no folder", "utf8")
    Path("runs/mlflow.db").mkdir()
    run = composed(*quick, *f"tracker={tracker}".split())
    for _ in range(2):
        logged(run, [0])
    assert [said in line for line in caplog.messages if "headstart:" in line] == [True]


def test_a_local_store_that_is_no_database_is_said_at_once(
    quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mlflow")
    Path("runs").mkdir()
    Path("runs/mlflow.db").write_text("no database " * 100, "utf8")
    logged(composed(*quick, "tracker=mlflow"), [0])
    (line,) = [line for line in caplog.messages if "MLflow cannot be used" in line]
    assert "file is not a database" in line


def test_one_that_fails_later_leaves_the_others(quick: list[str], caplog: pytest.LogCaptureFixture) -> None:
    run = composed(*quick, "tracker=[offline,csv]")
    with tracked(run, identify(run), STUDY / "a_run") as mirrors:
        assert [mirror.name for mirror in mirrors] == ["W&B", "csv"]
        for mirror in mirrors:
            mirror.log_metrics({"loss": 1.0}, step=0)
        mirrors[0].log_metrics({"loss": object()}, step=1)  # pyright: ignore[reportArgumentType] - W&B cannot
        for mirror in mirrors:
            mirror.log_metrics({"loss": 2.0}, step=2)
    assert len((STUDY / "csv/a_run/metrics.csv").read_text("utf8").splitlines()) == 3
    assert len([line for line in caplog.messages if "W&B stopped taking a run" in line]) == 1
