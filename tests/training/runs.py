"""Runs that tests train, and what of their records must be the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headstart.run import Run
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify
from headstart.training.train import train

TIMING = {"seconds", "samples_per_second", "tokens_per_second", "data_wait_share", "utilisation"}
TIMING |= {"peak_memory_bytes", "energy"}

_folders: list[TemporaryDirectory[str]] = []  # removed when the process ends


@cache
def composed(*overrides: str) -> Run:
    """The single run of these overrides, composed once in a process."""
    (run,) = runs_of([*overrides, "hydra.mode=RUN"])
    return run


def trained(folder: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The record of one run."""
    run = composed(*overrides)
    return train(run, folder, identify(run))


@cache
def shared(*overrides: str) -> tuple[dict[str, Any], Path]:
    """The record and the folder of a run that several tests read, trained once in a process."""
    _folders.append(TemporaryDirectory(prefix="run-"))
    folder = Path(_folders[-1].name) / "run"
    return trained(folder, overrides), folder


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what a clock or the host decides."""
    kept = {key: record[key] for key in ("run_id", "pair_id", "status", "scores", "init", "data", "config")}
    return kept | {"cost": {key: value for key, value in record["cost"].items() if key not in TIMING}}
