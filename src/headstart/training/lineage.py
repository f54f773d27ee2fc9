"""Lineage: rows → run → weights → the runs that start from them, as artifacts of W&B.

An artifact is a digest, and no file of it is uploaded: runs that read the same rows or load the same weights
use the same artifact, also in another study.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.arms.from_run import weights_folder
from headstart.models.weights import Checkpoint, verified_digest
from headstart.run import Run

ROWS, WEIGHTS = "rows", "weights"  # types of artifacts


def log_lineage(experiment: Any, run: Run, record: Mapping[str, Any], folder: Path) -> None:
    """Log what the W&B run used, and what it left in its run folder."""
    data, init = record["data"], record["init"]
    if data:
        _log(experiment, ROWS, data["source"], {"task": run.task.name, **data["counts"]}, used=True)
    model = {"model": run.model.short_name}
    if init and init["checkpoint"]:
        _log(experiment, WEIGHTS, init["checkpoint"]["sha256"], model, used=True)
    for step in (*run.checkpoint_steps, *[None] * run.keep_weights):
        kept = weights_folder(folder, step)
        if kept.is_dir():
            sha256 = verified_digest(Checkpoint(kept, "a run"))
            after = {} if step is None else {"step": step}
            _log(experiment, WEIGHTS, sha256, {**model, "run_id": record["run_id"], **after}, used=False)


def _log(experiment: Any, kind: str, digest: str, about: dict[str, Any], used: bool) -> None:
    import wandb

    name = re.sub(r"[^\w.-]", "-", f"{kind}-{digest}", flags=re.ASCII)  # what W&B takes as a name
    artifact = wandb.Artifact(name[:128], type=kind, metadata={"digest": digest, **about})
    artifact.add_reference(f"urn:headstart:{kind}:{digest}", name=f"{kind}.digest", checksum=False)
    # The public `use_artifact` refuses offline runs, and waits for the server without a limit.
    experiment._log_artifact(artifact, is_user_created=True, use_after_commit=used)
