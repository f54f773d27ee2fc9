"""Scheduler: what Slurm, torchrun and others say in the environment of a process."""

from __future__ import annotations

import os

from headstart.errors import ConfigError

# Variables by which Lightning takes a process for one of several that train one model.
RANKS = (
    "RANK", "LOCAL_RANK", "GROUP_RANK", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE", "SLURM_NNODES", "JSM_NAMESPACE_RANK",
)  # fmt: skip


def stand_alone() -> None:
    """Each process of `srun` trains runs of its own, which claims share out; torchrun's are refused."""
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise ConfigError(
            f"WORLD_SIZE={os.environ['WORLD_SIZE']}: a run has one device, so torchrun cannot start it; "
            "start headstart work runs/STUDY once per device, with srun or headstart submit"
        )
    for name in RANKS:
        os.environ.pop(name, None)
