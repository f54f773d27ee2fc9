"""Tracker: opens the trackers of a run, and names what they show of a curve point."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger

from headstart.mlflow_store import ID, address_of, client_of, experiment_of, id_of, parent_of, runs_with
from headstart.records.curve import watts
from headstart.records.fingerprint import Fingerprint
from headstart.run import Run
from headstart.training.mirror import Mirror, notes_of, one_line, warn_once
from headstart.training.wandb_mirror import AXES, open_wandb


class TensorBoard(Mirror):
    """A run in TensorBoard, with a row in its table of hyperparameters."""

    def log_end(self, record: Mapping[str, Any]) -> None:
        """Scores and costs as metrics of the hyperparameters; TensorBoard shows these only together."""
        numbers, settings = self.numbers_and_settings(record)
        target: Any = self.target
        target.log_hyperparams(settings, numbers, record["cost"]["steps"])


@contextmanager
def tracked(run: Run, names: Fingerprint, folder: Path, argv: Sequence[str] = ()) -> Iterator[list[Mirror]]:
    """The trackers of this run, which may be none; they are finished at the end."""
    mirrors = list(_opened(run, names, folder, argv))
    code = 1
    try:
        yield mirrors
        code = 0
    finally:
        for mirror in mirrors:
            mirror.finish(code)


def metrics_of(
    point: Mapping[str, Any], method: str, previous: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """A curve point with names that dashboards group: validation/accuracy, train/loss, cost/flops.

    Memory is the peak since the evaluation before. With the point before: samples and tokens per second and
    watts of training between the two. The names of joules and watts contain the method, so that measured
    and estimated ones never mix.
    """
    named = {"train/loss": point["train_loss"], f"energy/{method}_joules": point["joules"]}
    named |= {f"validation/{name}": value for name, value in (point["validation"] or {}).items()}
    memory: Mapping[str, int | None] = point.get("memory") or {}  # older points: none
    named |= {f"memory/{where}_bytes": peak for where, peak in memory.items()}
    named |= {axis: point[axis.removeprefix("cost/")] for axis in AXES}
    seconds = point["seconds"] - previous["seconds"] if previous else 0.0
    if previous and seconds > 0:
        for name in ("samples", "tokens"):
            named[f"speed/{name}_per_second"] = (point[name] - previous[name]) / seconds
        named[f"energy/{method}_watts"] = watts(point, previous)
    return {name: value for name, value in named.items() if value is not None}


def metrics_of_step(row: Mapping[str, Any]) -> dict[str, float]:
    """One training step: its loss, its gradient's norm before clipping, its learning rate."""
    named = {"train/step_loss": row["loss"], "train/gradient_norm": row["gradient_norm"]}
    named["train/learning_rate"] = row["learning_rate"]
    return {name: value for name, value in named.items() if value is not None}


def _opened(run: Run, names: Fingerprint, folder: Path, argv: Sequence[str]) -> Iterator[Mirror]:
    """Every tracker that is set and can be opened; a warning says which cannot."""
    tracker = run.tracker
    if tracker.mode != "none" and (mirror := open_wandb(run, names.run_id, folder, argv)):
        yield mirror
    openers: dict[str, Callable[[], Mirror]] = {}
    if tracker.csv:
        openers["csv"] = lambda: Mirror(run, "csv", CSVLogger(**_place(run, "csv", folder)))
    if tracker.tensorboard:
        openers["TensorBoard"] = lambda: TensorBoard(
            run,
            "TensorBoard",
            TensorBoardLogger(**_place(run, "tensorboard", folder), default_hp_metric=False),
        )
    if tracker.mlflow:
        openers["MLflow"] = lambda: _open_mlflow(run, names.run_id, argv)
    for name, opener in openers.items():
        try:
            yield opener()
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            warn_once(run, f"{name} cannot be used ({one_line(error)}): this study is not logged there")


def _place(run: Run, name: str, folder: Path) -> dict[str, Any]:
    """Where a logger of Lightning writes: NAME/RUN in the study's folder, emptied of an earlier attempt."""
    top = run.study_folder / name
    if (top / folder.name).exists():
        shutil.rmtree(top / folder.name)
    return {"save_dir": top, "name": "", "version": folder.name}


def _open_mlflow(run: Run, run_id: str, argv: Sequence[str]) -> Mirror:
    """A new run in MLflow, a child of its study's; it replaces what an earlier attempt of it left there."""
    address = address_of(run.tracker.mlflow or "", run.runs)
    client = client_of(address)
    experiment = experiment_of(client, run.tracker.project, address, run.runs)
    parent, tag = parent_of(client, experiment, run.study.name), id_of(run.study.name, run_id)
    for earlier in runs_with(client, experiment, tag):
        client.delete_run(earlier.info.run_id)
    logger = MLFlowLogger(
        experiment_name=run.tracker.project,
        run_name=run.title,
        tracking_uri=address,
        tags={
            ID: tag,
            "study": run.study.name,
            "arm": run.arm.name,
            "mlflow.parentRunId": parent,
            "mlflow.note.content": notes_of(run, argv),
        },
    )
    logger.experiment.get_run(logger.run_id)  # made here, so that a failure is met here
    return Mirror(run, "MLflow", logger)
