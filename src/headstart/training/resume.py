"""Resume: the state that an interrupted run needs to end with the same bits as without interruption.

Order and noise are functions of the seed and the step, so weights, optimizer and schedule are enough.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from headstart.errors import RecordError
from headstart.records.curve import CURVE
from headstart.records.record import RECORD

FILE = "resume.pt"
STOPPED = ("failed", "interrupted")  # statuses of a run that can be resumed


def save(folder: Path, state: dict[str, Any]) -> None:
    """Save the state of a run atomically; tensors and plain values only."""
    unfinished = folder / f".{FILE}"
    try:
        torch.save(state, unfinished)
        os.replace(unfinished, folder / FILE)
    except (OSError, RuntimeError) as error:  # torch's writer does not name the cause
        unfinished.unlink(missing_ok=True)
        raise RecordError(
            f"{folder / FILE}: the state of the run cannot be written ({str(error).splitlines()[0]}): "
            "make room, or choose another disk with runs=..."
        ) from None


def load(folder: Path, run_id: str) -> dict[str, Any] | None:
    """The state that this run saved; None without one, or when the file cannot be read."""
    try:
        state = torch.load(folder / FILE, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError):
        return None
    return state if state["run_id"] == run_id and "results" in state else None


def prepare_folder(folder: Path, state: dict[str, Any] | None) -> list[dict[str, Any] | None]:
    """Prepare the folder to train from `state`; without one, empty it; returns the earlier costs.

    That is the cost in the record of a stopped run. A killed run left none: then it is the cost up to the
    state, and None for the unknown work after it.
    """
    if state is None:
        shutil.rmtree(folder, ignore_errors=True)  # left by an attempt that cannot be resumed
        folder.mkdir(parents=True)
        return []
    try:
        record = json.loads((folder / RECORD).read_text("utf8"))
        stopped = record["run_id"] == state["run_id"] and record["status"] in STOPPED
    except (OSError, ValueError):
        record, stopped = {}, False

    # Remove everything that came after the state.
    curve = folder / CURVE
    points = curve.read_text("utf8").splitlines(keepends=True)
    curve.write_text("".join(points[: state["results"]["evaluations"]]), "utf8")
    (folder / RECORD).unlink(missing_ok=True)
    return [record["cost"]] if stopped else [state["cost"], None]
