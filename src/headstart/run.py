"""Run: the whole of one training, read from Hydra's mapping and checked before anything slow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from headstart.arms.kinds import Arm
from headstart.budget import Budget
from headstart.data.size import Size
from headstart.hardware import Hardware, Precision
from headstart.meters.kinds import MeterKind
from headstart.models.model import Model
from headstart.node import NAME, Node
from headstart.optim import Optim
from headstart.tasks.kinds import Task


class Study(Node):
    """What a set of runs is asked: its name is its folder, its margin is fixed before the answer."""

    name: str = Field(pattern=NAME)
    question: str = ""
    baseline: str = "scratch"
    margin: float = Field(default=0.01, ge=0)
    warm_up: float = Field(default=5, ge=0)  # seconds of discarded training before the first run
    cool_down: float = Field(default=0, ge=0)  # seconds of rest before each of the others


class Tracker(Node):
    """Where the mirror of a run goes: W&B offline files, a W&B server, or nowhere."""

    mode: Literal["offline", "online", "none"] = "offline"
    project: str = "headstart"
    entity: str | None = None
    finish_timeout: int = Field(default=60, ge=1)


class Run(Node):
    """One training. Which fields are SCIENCE, ARM and PLUMBING: records/fingerprint.py."""

    seed: int = Field(ge=0)
    precision: Precision = "auto"
    task: Task
    model: Model
    arm: Arm
    size: Size
    optim: Optim
    budget: Budget
    hardware: Hardware
    meter: MeterKind
    tracker: Tracker
    study: Study
    runs: str = "runs"
    keep_weights: bool = False  # for arm=from_run of later studies

    @field_validator("runs")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must name a folder")
        return value

    @classmethod
    def read(cls, mapping: Mapping[str, Any]) -> Self:
        """The run that `mapping` describes, precision resolved; every mistake in one ConfigError."""
        run = super().read(mapping)
        return run.model_copy(update={"precision": run.hardware.precision(run.precision)})

    def config(self) -> dict[str, Any]:
        """The resolved configuration as plain data, for the record."""
        return self.model_dump(mode="json")

    @property
    def study_folder(self) -> Path:
        """Where this study's runs and report live."""
        return Path(self.runs) / self.study.name

    @property
    def title(self) -> str:
        """What a person calls this run: `docs_library · all-MiniLM-L6-v2 · 512 rows · scratch · seed 0`."""
        parts = (self.task.name, self.model.short_name, self.size.words(), self.arm.name, f"seed {self.seed}")
        return " · ".join(parts)
