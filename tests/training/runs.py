"""A run that a test trains, and what of its record must be the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify
from headstart.training.train import train

TIMING = {"seconds", "samples_per_second", "tokens_per_second", "data_wait_share", "utilisation"}
TIMING |= {"peak_memory_bytes", "energy"}


def trained(folder: Path, overrides: list[str]) -> dict[str, Any]:
    """The record of one run."""
    (run,) = runs_of([*overrides, "hydra.mode=RUN"])
    return train(run, folder, identify(run))


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what a clock or the host decides."""
    kept = {key: record[key] for key in ("run_id", "pair_id", "status", "scores", "init", "data", "config")}
    return kept | {"cost": {key: value for key, value in record["cost"].items() if key not in TIMING}}
