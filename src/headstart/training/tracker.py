"""Tracker: the mirror of a run in Weights & Biases, through Lightning's own logger."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from pytorch_lightning.loggers import WandbLogger

from headstart.run import Run

log = logging.getLogger(__name__)
INIT_SECONDS = 20  # how long a server may take to answer


@contextmanager
def tracked(run: Run, run_id: str) -> Iterator[WandbLogger | None]:
    """The logger of this run, finished on the way out so that the next run gets a file of its own."""
    if run.tracker.mode == "none":
        yield None
        return
    import wandb

    logger = _logger(run, run_id)
    code = 1
    try:
        yield logger
        code = 0
    finally:
        wandb.finish(exit_code=code)


def summarise(logger: WandbLogger | None, record: dict[str, Any]) -> None:
    """Scores, costs and status as the run's summary: what tables and bar charts show."""
    if logger is None:
        return
    cost, scores = record["cost"], record["scores"]
    flat = {"status": record["status"], "pair_id": record["pair_id"], "run_id": record["run_id"]}
    for split in ("validation", "test"):
        flat |= {f"{split}/{name}": value for name, value in (scores[split] or {}).items()}
    flat |= {f"cost/flops_{stage}": value for stage, value in cost["flops"].items() if stage != "lower_bound"}
    flat |= {f"cost/seconds_{phase}": value for phase, value in cost["seconds"].items()}
    flat |= {f"energy/{cost['energy']['method']}_joules": (cost["energy"]["joules"] or {}).get("total")}
    flat |= {
        "cost/samples_per_second": cost["samples_per_second"],
        "cost/parameters": cost["parameters"]["all"],
    }
    logger.experiment.summary.update({name: value for name, value in flat.items() if value is not None})


def _logger(run: Run, run_id: str) -> WandbLogger:
    """Online when asked and reachable; else offline files, and a line that says so."""
    import wandb

    if run.tracker.mode == "online":
        try:
            return _started(run, run_id, "online")
        except (wandb.Error, OSError) as error:
            log.warning(
                "W&B cannot be used (%s): logging offline, `wandb sync` sends it later", _first_line(error)
            )
            wandb.teardown()
    return _started(run, run_id, "offline")


def _started(run: Run, run_id: str, mode: Literal["online", "offline"]) -> WandbLogger:
    """A W&B run of its own, its files in the study's folder, its charts offering steps, FLOPs and seconds."""
    import wandb

    run.study_folder.mkdir(parents=True, exist_ok=True)
    experiment = wandb.init(
        dir=str(run.study_folder),
        project=run.tracker.project,
        entity=run.tracker.entity,
        id=run_id,
        name=run.title,
        group=run.study.name,
        job_type=run.arm.name,
        tags=[run.task.name, run.arm.name],
        config=flat_config(run),
        mode=mode,
        settings=wandb.Settings(
            silent=True,
            console="off",
            init_timeout=INIT_SECONDS,
            finish_timeout=run.tracker.finish_timeout,
            disable_git=True,
            save_code=False,
            x_disable_stats=True,
        ),
    )
    for axis in ("cost/flops", "cost/seconds", "cost/samples"):
        experiment.define_metric(axis, summary="max")
    return WandbLogger(experiment=experiment)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def flat_config(run: Run) -> dict[str, Any]:
    """Config with one level of keys, since nested ones cannot be filtered in reports."""
    names = {
        "arm": run.arm.name,
        "task": run.task.name,
        "model": run.model.short_name,
        "seed": run.seed,
        "size": run.size.words(),
        "study": run.study.name,
        "precision": run.precision,
    }
    parts = {key: run.config()[key] for key in ("optim", "budget")}
    return names | {f"{part}_{key}": value for part, values in parts.items() for key, value in values.items()}
