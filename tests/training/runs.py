"""Runs that tests train, and what of their records must be the same every time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

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


def curve(folder: Path) -> list[dict[str, Any]]:
    """The points of a run's curve."""
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text("utf8").splitlines()]


@contextmanager
def stopped_at(number: int) -> Iterator[None]:
    """Within, training ends with an error before it takes this step."""
    from headstart.training.module import Learner

    usual = Learner.training_step

    def step(self: Learner, batch: Any, batch_idx: int) -> Any:
        if self.step == number:
            raise KeyError("pulled the plug")
        return usual(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "training_step", step)
        yield


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what a clock or the host decides."""
    kept = {key: record[key] for key in ("run_id", "pair_id", "status", "scores", "init", "data", "config")}
    return kept | {"cost": {key: value for key, value in record["cost"].items() if key not in TIMING}}
