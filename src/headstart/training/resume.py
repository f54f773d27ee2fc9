"""Resume: the state that an interrupted run needs to end with the same bits as without interruption.

Order and noise are functions of the seed and the step, so weights, optimizer and schedule are enough. The
name of the file holds the digest of its content, and the state that of the curve until then: a state that is
damaged, or does not fit its curve, is not used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch

from headstart.errors import RecordError
from headstart.records.curve import CURVE
from headstart.records.predictions import PREDICTIONS
from headstart.records.record import RECORD
from headstart.records.store import read_sealed
from headstart.records.whole_file import file_digest, sweep, write_whole

log = logging.getLogger(__name__)
STATE = "resume"  # resume-<digest>.pt
STOPPED = ("failed", "interrupted")  # statuses of a run that can be resumed


def save(folder: Path, state: dict[str, Any]) -> None:
    """Save the state of a run in place of the former one; tensors and plain values only."""
    unfinished = folder / f".{STATE}.pt"
    try:
        torch.save(state | {"curve": file_digest(folder / CURVE)}, unfinished)
        file = folder / f"{STATE}-{file_digest(unfinished)}.pt"
        with unfinished.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    except (OSError, RuntimeError) as error:  # torch's writer does not name the cause
        unfinished.unlink(missing_ok=True)
        raise RecordError(
            f"{folder}: the state of the run cannot be written ({str(error).splitlines()[0]}): "
            "make room, or choose another disk with runs=..."
        ) from None
    for former in states(folder):
        if former != file:
            former.unlink(missing_ok=True)


def states(folder: Path) -> list[Path]:
    """The files of states, the newest first: two where a process was killed while it replaced one."""
    return sorted(folder.glob(f"{STATE}*.pt"), key=lambda file: file.stat().st_mtime_ns, reverse=True)


def clear(folder: Path) -> None:
    for file in states(folder):
        file.unlink(missing_ok=True)


def load(folder: Path, run_id: str, devices: int = 1) -> dict[str, Any] | None:
    """The state that this run saved; None without one. One that cannot be used is named in a warning.

    A run that goes on with another number of devices would be neither: it starts again.
    """
    for file in states(folder):
        state = _read(file)
        if state is None or state.get("run_id") != run_id or state.get("curve") != _curve(folder, state):
            why = "is damaged or does not fit its run"
        elif (before := state.get("devices", 1)) != devices:
            why = f"is of hardware.devices={before}, and this run has {devices}"
        else:
            return state
        log.warning("headstart: %s %s: it is not used", file, why)
    return None


def _read(file: Path) -> dict[str, Any] | None:
    """The mapping in a whole file of a state; None for any other file."""
    try:
        if file_digest(file) != file.stem.removeprefix(f"{STATE}-"):
            return None
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (RecordError, OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        return None
    return state if isinstance(state, dict) else None


def _curve(folder: Path, state: dict[str, Any]) -> str | None:
    """The digest of the curve as it was when the state was saved, made from the curve as it is now."""
    head = _head(folder, state)
    return hashlib.sha256(head).hexdigest()[:16] if head else None


def _head(folder: Path, state: dict[str, Any]) -> bytes:
    """The lines of the curve that were written before the state."""
    try:
        lines = (folder / CURVE).read_bytes().splitlines(keepends=True)
    except OSError:
        return b""
    return b"".join(lines[: state["results"]["evaluations"]])


def prepare_folder(folder: Path, state: dict[str, Any] | None) -> list[dict[str, Any] | None]:
    """Prepare the folder to train from `state`; without one, empty it; returns the earlier costs.

    That is the cost in the record of a stopped run. A killed run left none: then it is the cost up to the
    state, and None for the unknown work after it.
    """
    if state is None:
        if folder.exists():  # left by an attempt that cannot be resumed
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return []
    try:
        record = read_sealed(folder)
        stopped = record["run_id"] == state["run_id"] and record["status"] in STOPPED
    except RecordError:
        record, stopped = {}, False

    # Remove everything that came after the state, and the halves of killed writers.
    head = _head(folder, state)
    write_whole(folder / CURVE, lambda path: path.write_bytes(head))
    for name in (RECORD, PREDICTIONS):
        (folder / name).unlink(missing_ok=True)
    sweep(folder, RECORD, CURVE, PREDICTIONS, STATE)
    return [record["cost"]] if stopped else [state["cost"], None]
