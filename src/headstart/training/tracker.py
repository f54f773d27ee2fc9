"""Tracker: opens the trackers of a run, and names what they show of a curve point."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from headstart.records.curve import watts
from headstart.records.fingerprint import Fingerprint
from headstart.run import Run
from headstart.training.mirror import Mirror, one_line, warn_once
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
        openers["csv"] = lambda: _csv(run, folder)
    if tracker.tensorboard:
        openers["TensorBoard"] = lambda: _tensorboard(run, folder)
    if tracker.mlflow:
        from headstart.training.mlflow_mirror import open_mlflow

        openers["MLflow"] = lambda: open_mlflow(run, names.run_id, argv)
    for name, opener in openers.items():
        try:
            yield opener()
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            warn_once(run, f"{name} cannot be used ({one_line(error)}): this study is not logged there")


def _csv(run: Run, folder: Path) -> Mirror:
    """`csv/RUN/metrics.csv` and `hparams.yaml` in the study's folder."""
    return Mirror(run, "csv", CSVLogger(_emptied(run, "csv", folder), name="", version=folder.name))


def _tensorboard(run: Run, folder: Path) -> Mirror:
    """`tensorboard/RUN/events...` in the study's folder."""
    top = _emptied(run, "tensorboard", folder)
    logger = TensorBoardLogger(top, name="", version=folder.name, default_hp_metric=False)
    return TensorBoard(run, "TensorBoard", logger)


def _emptied(run: Run, name: str, folder: Path) -> Path:
    """The tracker's folder in the study's, without what an earlier attempt of this run left there."""
    top = run.study_folder / name
    if (top / folder.name).exists():
        shutil.rmtree(top / folder.name)
    return top
