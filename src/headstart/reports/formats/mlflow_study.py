"""The MLflow run of a study: its answer and its gains; the runs of the study are its children."""

from __future__ import annotations

import logging
import re
import shlex
from pathlib import Path

from headstart.compare.findings import Findings
from headstart.mlflow_store import address_of, client_of, experiment_of, parent_of
from headstart.reports.formats.wandb_study import summary_of

log = logging.getLogger(__name__)


def log_in_mlflow(findings: Findings, folder: Path) -> None:
    """Log what the study says where its runs were logged; a failure of MLflow is a warning."""
    tracker = findings.config.get("tracker") or {}
    if not tracker.get("mlflow"):  # also records of earlier versions
        return
    try:
        _log(
            findings,
            address_of(tracker["mlflow"], str(folder.parent)),
            tracker["project"],
            str(folder.parent),
        )
    except Exception as error:  # noqa: BLE001 a mirror must not take the study down
        reason = " ".join(str(error).split()) or type(error).__name__
        log.warning("headstart: MLflow did not take the study (%s): its report is whole", reason)


def _log(findings: Findings, address: str, project: str, runs: str) -> None:
    client = client_of(address)
    parent = parent_of(client, experiment_of(client, project, address, runs), findings.study)
    for name, value in summary_of(findings).items():
        plain = re.sub(r"[^\w/. -]", "", name, flags=re.ASCII)  # what MLflow takes as a name
        if isinstance(value, str):
            client.set_tag(parent, plain, value)
        else:
            client.log_metric(parent, plain, value)
    notes = [findings.question, findings.sentence, shlex.join(findings.command)]
    client.set_tag(parent, "mlflow.note.content", "\n\n".join(filter(None, notes)))
    client.set_terminated(parent)
