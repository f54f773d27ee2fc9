"""Scheduler: what Slurm and torchrun say in the environment of a process, and the devices of a study."""

from __future__ import annotations

import os
from collections.abc import Sequence

from headstart.errors import ConfigError
from headstart.run import Run

# Variables by which Lightning takes a process for one of several that train one model.
RANKS = (
    "RANK", "LOCAL_RANK", "GROUP_RANK", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE", "SLURM_NNODES", "JSM_NAMESPACE_RANK",
)  # fmt: skip

SIDE_BY_SIDE = ("joblib", "submitit_local")  # launchers that train on this machine, several runs at once


def stand_alone() -> None:
    """Each process of `srun` trains runs of its own, which claims share out; torchrun's are refused."""
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise ConfigError(
            f"WORLD_SIZE={os.environ['WORLD_SIZE']}: a run starts the processes of its devices itself, so "
            "leave torchrun out: set hardware.devices, or start headstart work runs/STUDY several times"
        )
    for name in RANKS:
        os.environ.pop(name, None)


def same_devices(runs: Sequence[Run]) -> int:
    """How many devices each run has; ConfigError when they differ: each device draws its own dropout."""
    numbers = sorted({run.hardware.devices for run in runs})
    if len(numbers) > 1:
        raise ConfigError(
            f"hardware.devices: the runs of a study have the same number, got {numbers[0]} and {numbers[-1]}"
        )
    return numbers[0]


def check_devices(runs: Sequence[Run], launcher: str = "") -> None:
    """ConfigError when the runs cannot have their devices here; `launcher`: Hydra's, which starts them."""
    devices = same_devices(runs)
    if devices > 1 and launcher in SIDE_BY_SIDE:
        raise ConfigError(
            f"hardware.devices={devices}: {launcher} trains several runs at once, which would share these "
            "devices: leave hydra/launcher out, and the runs take turns; or headstart submit, with a worker "
            "per group of devices"
        )
    for hardware in {run.hardware.model_dump_json(): run.hardware for run in runs}.values():
        hardware.check_devices()
