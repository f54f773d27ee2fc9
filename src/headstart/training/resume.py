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

    None instead of a cost: the work between the state and a kill is unknown.
    """
    if state is None:
        shutil.rmtree(folder, ignore_errors=True)  # left by an attempt that cannot be resumed
        folder.mkdir(parents=True)
        return []
    costs = _earlier_costs(folder, state)

    # Remove everything that came after the state.
    curve = folder / CURVE
    lines = [line for line in curve.read_text("utf8").splitlines() if _step(line) <= state["step"]]
    curve.write_text("".join(f"{line}\n" for line in lines), "utf8")
    (folder / RECORD).unlink(missing_ok=True)
    return costs


def _earlier_costs(folder: Path, state: dict[str, Any]) -> list[dict[str, Any] | None]:
    """The complete cost if the stopped run wrote a record, else the cost up to the state, and None."""
    try:
        record = json.loads((folder / RECORD).read_text("utf8"))
    except (OSError, ValueError):
        return [state["cost"], None]
    if record["run_id"] == state["run_id"] and record["status"] in STOPPED:
        return [record["cost"]]
    return [state["cost"], None]


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except ValueError:  # an incomplete line of a killed process
        return float("inf")
