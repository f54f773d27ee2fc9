"""MLflow store: where runs are logged to, and the parent run of a study in it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

LOCAL = "local"
ID = "headstart.id"  # tag by which a study or a run is found again
WAIT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}  # else minutes


def address_of(mlflow: str, runs: str) -> str:
    """The address of the server, or of the database in the folder of all studies.

    sqlite3.Error when that file is no database, or cannot be opened.
    """
    if mlflow != LOCAL:
        return mlflow
    Path(runs).mkdir(parents=True, exist_ok=True)
    file = Path(runs).resolve() / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:  # MLflow would try for minutes what fails at once
        database.execute("PRAGMA schema_version")
    return f"sqlite:///{file}"


def client_of(address: str) -> Any:
    """A client that waits little for a server, is quiet, and reports to nobody else."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    for name, value in {**WAIT, **quiet}.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(address)


def experiment_of(client: Any, project: str, address: str, runs: str) -> str:
    """The id of the experiment with the name of the project; made, where there is none."""
    from mlflow.exceptions import MlflowException

    if (known := client.get_experiment_by_name(project)) is not None:
        return known.experiment_id
    files = (Path(runs).resolve() / "mlflow").as_uri() if address.startswith("sqlite:") else None
    try:
        return client.create_experiment(project, artifact_location=files)
    except MlflowException:  # another process made it just now
        if (known := client.get_experiment_by_name(project)) is None:
            raise
        return known.experiment_id


def id_of(*names: str) -> str:
    """The tag of a study (its name), or of a run (its study's name, its id)."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def runs_with(client: Any, experiment: str, tag: str) -> list[Any]:
    """The runs with this id, oldest first."""
    found = client.search_runs([experiment], f"tags.\"{ID}\" = '{tag}'")
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def parent_of(client: Any, experiment: str, study: str) -> str:
    """The id of the study's run; of two that processes made at the same time, the older one."""
    tag = id_of(study)
    if not runs_with(client, experiment, tag):
        client.create_run(experiment, tags={ID: tag, "study": study}, run_name=study)
    first, *others = [run.info.run_id for run in runs_with(client, experiment, tag)]
    for run_id in others:
        client.delete_run(run_id)
    return first
