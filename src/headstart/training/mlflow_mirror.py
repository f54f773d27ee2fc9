"""A run in MLflow: a child of its study's run."""

from __future__ import annotations

from collections.abc import Sequence

from pytorch_lightning.loggers import MLFlowLogger

from headstart.mlflow_store import ID, address_of, client_of, experiment_of, id_of, parent_of, runs_with
from headstart.run import Run
from headstart.training.mirror import Mirror, notes_of


def open_mlflow(run: Run, run_id: str, argv: Sequence[str]) -> Mirror:
    """A new run in MLflow; it replaces what an earlier attempt of the same run left there."""
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
