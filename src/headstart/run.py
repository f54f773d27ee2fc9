"""Run: the whole of one training, read from Hydra's mapping and checked before anything slow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from headstart.arms.kinds import Arm
from headstart.budget import Budget
from headstart.config import Config, nearest, settings_at
from headstart.data.size import Size
from headstart.errors import ConfigError
from headstart.hardware import Hardware, Precision
from headstart.meters.kinds import MeterKind
from headstart.models.model import Model
from headstart.optim import Optim
from headstart.randomness import Stream, stream
from headstart.study import Study
from headstart.tasks.kinds import Task

FREE_TO_DIFFER = ("optim", "budget")  # anything else that differed would not be a pair any more


class Tracker(Config):
    """Where the mirror of a run goes: W&B offline files, a W&B server, or nowhere."""

    mode: Literal["offline", "online", "none"] = "offline"
    project: str = "headstart"
    entity: str | None = None
    finish_timeout: int = Field(default=60, ge=1)


class Run(Config):
    """One training. Which fields are SCIENCE, ARM and PLUMBING: records/fingerprint.py."""

    seed: int = Field(ge=0)
    order_seed: int | None = Field(default=None, ge=0)  # of the order alone; null: that of the run
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
    checkpoint_steps: tuple[int, ...] = Field(default=(), strict=False)  # for arm.checkpoint_step

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
        run.model.check_head(run.task.auto_class_for(run.model))
        if mistakes := [line for name in run.study.freed if (line := _not_a_setting(name))]:
            raise ConfigError(mistakes)
        return run.model_copy(update={"precision": run.hardware.precision(run.precision)})

    def config(self) -> dict[str, Any]:
        """The resolved configuration as plain data, for the record."""
        return self.model_dump(mode="json")

    def stream(self, name: Stream) -> int:
        """The seed of one source of randomness; the order of the rows may have one of its own."""
        own = self.order_seed if name == "order" else None
        return stream(self.seed if own is None else own, name)

    @property
    def study_folder(self) -> Path:
        """Where this study's runs and report live."""
        return Path(self.runs) / self.study.name

    @property
    def title(self) -> str:
        """What a person calls this run: `docs_library · all-MiniLM-L6-v2 · 512 rows · scratch · seed 0`.

        With its value of everything that is swept or that the arms have for themselves: no two read alike.
        """
        own = [f"{name.split('.')[-1]} {self._setting(name)}" for name in self.study.freed if "." in name]
        return " · ".join([*self.shared_names, self.arm.name, *own, f"seed {self.seed}"])

    @property
    def shared_names(self) -> tuple[str, ...]:
        """The words of the title that the arms of a pair share: task, model, size, and what else is swept."""
        freed = tuple(f"{name}." for name in self.study.freed)
        axes = {key: v for key, v in (self.study.axes or {}).items() if not f"{key}.".startswith(freed)}
        last = [key.split(".")[-1] for key in axes]
        names = [name if last.count(name) == 1 else key for name, key in zip(last, axes, strict=True)]
        told = [f"{name} {value}" for name, value in zip(names, axes.values(), strict=True)]
        return (self.task.name, self.model.short_name, self.size.words(), *told)

    def _setting(self, path: str) -> Any:
        """The value at a dotted path; a path that is not there was refused when the study was composed."""
        value: Any = self
        for name in path.split("."):
            value = getattr(value, name)
        return value


def _not_a_setting(path: str) -> str:
    """Why `path` cannot be freed or tuned: a sentence, or nothing."""
    *parents, last = path.split(".")
    known = settings_at(Run, parents) if parents else set(Run.model_fields)
    if last not in known:
        return (
            f"study.free: no setting {path}; {nearest(path, ['.'.join([*parents, name]) for name in known])}"
        )
    if path.split(".")[0] not in FREE_TO_DIFFER:
        allowed = " and ".join(FREE_TO_DIFFER)
        return f"study.free: {path} would change what is compared; only {allowed} may differ"
    return ""
