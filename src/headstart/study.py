"""Study: the settings of a set of runs, and of the tuning before they are compared."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from headstart.config import NAME, Config


class Range(Config):
    """Numbers from `low` to `high`, uniform or log-uniform."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"needs low < high, and low > 0 with log, got {self.low:g} and {self.high:g}")
        return self

    def at(self, share: float) -> float:
        """The number at `share` (0..1) of the range, rounded to four digits for the configuration."""
        if self.log:
            return float(f"{self.low * (self.high / self.low) ** share:.4g}")
        return float(f"{self.low + share * (self.high - self.low):.4g}")


Values = Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]


class Tune(Config):
    """The same number of trials for every arm, from the same space, selected on validation scores.

    `seeds` are those of the trials; the compared runs have the seeds of the study.
    """

    space: dict[str, Values | Range] = Field(min_length=1)
    trials: int = Field(ge=1)
    sampler: Literal["grid", "random", "tpe"] = "random"
    metric: str | None = None  # null: the task's headline
    seeds: tuple[int, ...] = Field(default=(1000,), strict=False, min_length=1)
    sampler_seed: int = 0


class Study(Config):
    """The question of a set of runs. Its name is its folder; its margin is fixed before the runs.

    `free` names settings (`optim.lr`, `budget`) that may differ between the arms of a pair; tuned
    settings are free. A `trial` is a run of the tuning: it never reads the test rows.
    """

    name: str = Field(pattern=NAME)
    question: str = ""
    baseline: str = "scratch"
    margin: float = Field(default=0.01, ge=0)
    warm_up: float = Field(default=5, ge=0)  # seconds of discarded training before the first run
    cool_down: float = Field(default=0, ge=0)  # seconds of rest before each of the others
    scale: str = ""  # "laptop": a study of a size for a laptop
    uses: int | None = Field(default=None, ge=1)  # number of uses that share the cost of pretraining
    free: tuple[str, ...] = Field(default=(), strict=False)
    tune: Tune | None = None
    trial: bool = False
    axes: dict[str, str] | None = None  # the values of the swept settings in this run

    @property
    def freed(self) -> tuple[str, ...]:
        """Every setting that may differ between the arms of a pair."""
        tuned = self.tune.space if self.tune else ()
        return tuple(dict.fromkeys([*self.free, *tuned]))
