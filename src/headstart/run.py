"""Run: the configuration of one training run, checked before any slow work."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from headstart.arms.kinds import Arm
from headstart.budget import Budget
from headstart.config import Config, nearest, settings_at
from headstart.data.size import Size
from headstart.errors import ConfigError
from headstart.extras import missing
from headstart.hardware import Hardware, Precision
from headstart.meters.kinds import MeterKind
from headstart.models.model import Model
from headstart.optim import Optim
from headstart.randomness import Stream, stream
from headstart.study import Study
from headstart.tasks.family import Prepared, Task

FREE_TO_DIFFER = ("optim", "budget")  # with other differences two runs are no pair
_prepared: dict[str, Prepared] = {}  # the rows of one task, model and size


class Tracker(Config):
    """Trackers that show a run beside its record: W&B (offline files, a server, or none), and others."""

    mode: Literal["offline", "online", "none"] = "offline"  # of W&B
    project: str = "headstart"
    entity: str | None = None
    finish_timeout: int = Field(default=60, ge=1)
    csv: bool = False
    tensorboard: bool = False
    mlflow: str | None = None  # local: a store in the folder of all studies; else the address of a server

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_named(cls, settings: Any) -> Any:
        """`tracker=csv` does not ask for W&B."""
        if isinstance(settings, Mapping) and {"csv", "tensorboard", "mlflow"} & {*settings}:
            return {"mode": "none", **settings}
        return settings

    @model_validator(mode="after")
    def _installed(self) -> Self:
        lacking = [
            self.tensorboard and missing("tensorboard", "tensorboard"),
            self.mlflow and missing("mlflow", "mlflow"),
        ]
        if sentences := [sentence for sentence in lacking if sentence]:
            raise ValueError("; ".join(sentences))
        return self


class Run(Config):
    """One training run. records/fingerprint.py divides the fields into SCIENCE, ARM and PLUMBING."""

    seed: int = Field(ge=0)
    order_seed: int | None = Field(default=None, ge=0)  # for the order of the rows; null: `seed`
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
        """The run that `mapping` describes, precision resolved; every mistake in one ConfigError.

        studies/parts.py puts runs together from parts of others: only task and model depend on each other.
        """
        run = super().read(mapping)
        run.model.check_head(run.task.auto_class_for(run.model))
        if mistakes := [line for name in run.study.freed if (line := _not_a_setting(name))]:
            raise ConfigError(mistakes)
        return run.model_copy(update={"precision": run.hardware.precision(run.precision)})

    def config(self) -> dict[str, Any]:
        """The resolved configuration as plain data, for the record."""
        return self.model_dump(mode="json")

    def prepare(self) -> Prepared:
        """The run's rows, encoded. The last ones are kept: the arms and seeds of a study share them.

        DataError when the rows cannot be used, ConfigError when the model cannot be used for them.
        """
        settings = (part.model_dump_json() for part in (self.task, self.model, self.size))
        files = (self.task.source.digest(), self.model.built_from())
        if (key := repr((*settings, *files))) not in _prepared:
            _prepared.clear()
            _prepared[key] = self.task.prepare(self.model, self.size)
        return _prepared[key]

    def stream(self, name: Stream) -> int:
        """The seed of one source of randomness; the order of the rows may have a separate one."""
        seed = self.seed if name != "order" or self.order_seed is None else self.order_seed
        return stream(seed, name)

    @property
    def study_folder(self) -> Path:
        return Path(self.runs) / self.study.name

    @property
    def title(self) -> str:
        """The title of this run: `docs_library · all-MiniLM-L6-v2 · 512 rows · scratch · seed 0`.

        It includes swept settings and settings that differ between arms, so that it is unique.
        """
        paths = [path for path in self.study.freed if "." in path]  # unknown ones were refused by `read`
        freed = [f"{path.rpartition('.')[2]} {attrgetter(path)(self)}" for path in paths]
        weights = [f"pretraining {seed}"] if (seed := getattr(self.arm, "pretraining_seed", 0)) else []
        return " · ".join([*self.shared_names, self.arm.name, *weights, *freed, f"seed {self.seed}"])

    @property
    def shared_names(self) -> tuple[str, ...]:
        """The parts of the title that the arms of a pair share: task, model, size, and other axes."""
        freed = tuple(f"{name}." for name in self.study.freed)
        axes = {key: v for key, v in (self.study.axes or {}).items() if not f"{key}.".startswith(freed)}
        leaves = [key.split(".")[-1] for key in axes]
        names = [
            leaf if leaves.count(leaf) == 1 and leaf != "seed" else key
            for leaf, key in zip(leaves, axes, strict=True)
        ]
        values = [f"{name} {value}" for name, value in zip(names, axes.values(), strict=True)]
        return (self.task.name, self.model.short_name, self.size.words(), *values)


def _not_a_setting(path: str) -> str:
    """Why `path` cannot be freed or tuned; "" if it can."""
    *parents, leaf = path.split(".")
    names = settings_at(Run, parents) if parents else set(Run.model_fields)
    if leaf not in names:
        return (
            f"study.free: no setting {path}; {nearest(path, ['.'.join([*parents, name]) for name in names])}"
        )
    if path.split(".")[0] not in FREE_TO_DIFFER:
        allowed = " and ".join(FREE_TO_DIFFER)
        return f"study.free: {path} would change what is compared; only {allowed} may differ"
    return ""
