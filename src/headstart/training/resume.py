"""Resume: what an interrupted run needs to go on, to the same bits as if nothing had happened.

Order and noise are functions of the seed and the step, so weights, optimizer and schedule are all there is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from headstart.errors import RecordError
from headstart.records.record import CURVE, RECORD

FILE = "resume.pt"
STOPPED = ("failed", "interrupted")  # ends that a record was written for


def save(folder: Path, state: dict[str, Any]) -> None:
    """Keep the state of a run in progress, whole or not at all; tensors and plain values only."""
    unfinished = folder / f".{FILE}"
    try:
        torch.save(state, unfinished)
        os.replace(unfinished, folder / FILE)
    except (OSError, RuntimeError) as error:  # torch's own writer names no cause
        unfinished.unlink(missing_ok=True)
        raise RecordError(
            f"{folder / FILE}: the state of the run cannot be written ({str(error).splitlines()[0]}): "
            "make room, or choose another disk with runs=..."
        ) from None


def load(folder: Path, run_id: str) -> dict[str, Any] | None:
    """The state that this very run left, or None; a file that cannot be read is no state."""
    try:
        state = torch.load(folder / FILE, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError):
        return None
    return state if state["run_id"] == run_id else None


def former_costs(folder: Path, state: dict[str, Any]) -> list[dict[str, Any] | None]:
    """`cost` of what was done before: all of it when a record says so, else up to the state and None."""
    try:
        record = json.loads((folder / RECORD).read_text("utf8"))
    except (OSError, ValueError):
        return [state["cost"], None]
    if record["run_id"] == state["run_id"] and record["status"] in STOPPED:
        return [record["cost"]]
    return [state["cost"], None]


def rewind(folder: Path, step: int) -> None:
    """Forget everything in the folder that came after `step`."""
    curve = folder / CURVE
    kept = [line for line in curve.read_text("utf8").splitlines() if _step(line) <= step]
    curve.write_text("".join(f"{line}\n" for line in kept), "utf8")
    (folder / RECORD).unlink(missing_ok=True)


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except ValueError:  # half a line of a killed process
        return float("inf")
