"""Trials: how the arms were tuned before they were compared, as plain frozen values that a report can print.

Trials choose settings on validation and never see the test rows. Scores are as the metric is defined; a
condition is named as in `Condition.name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headstart.compare.values.consumption import Total

Tuned = Literal["untuned", "freed", "equal", "unequal", "unseen"]


@dataclass(frozen=True)
class Trial:
    """One candidate of one arm under one condition: its settings and its mean score over the tuning seeds."""

    arm: str
    condition: str
    settings: Mapping[str, str]  # {"optim.lr": "0.001"}: what was tuned
    runs: int  # one per tuning seed
    score: float | None  # None: a run of it diverged, failed or has no such score
    flops: float  # all phases of its runs, summed
    seconds: float
    chosen: bool  # the arm's runs of the study use these settings


@dataclass(frozen=True)
class ExpectedBest:
    """The best validation score to expect of the first n trials, against n (Dodge et al. 2019).

    `expected` is the mean over every choice of n of the observed trials, without replacement. `low` and
    `high` hold the best of such a choice in 95 of 100: the luck of the order, given these trials. The sure
    band is about trials that were never run: an exact 95 % interval, for each n, of the median best of n new
    random trials; its ends are None where as few trials cannot bound them, and everywhere unless the trials
    were drawn at random.
    """

    arm: str
    condition: str
    metric: str
    higher_is_better: bool
    trials: tuple[int, ...]  # 1..N
    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    sure_low: tuple[float | None, ...]
    sure_high: tuple[float | None, ...]
    flops: tuple[float, ...]  # n times the mean FLOPs of a trial, all phases
    seconds: tuple[float, ...]
    failed: int  # trials without a score: they count as worse than any other, and are drawn at the worst seen
    covers: str  # what the bands cover, in words


@dataclass(frozen=True)
class TuningCost:
    """What the trials of one arm consumed, beside what its runs of the study did; all phases."""

    arm: str
    total: Total
    study: Total  # the arm's runs that are compared
    times: float | None  # FLOPs of the trials over FLOPs of the study's runs


@dataclass(frozen=True)
class Tuning:
    """How a study tuned its arms: the trials, the winners, what they cost, and whether it was fair."""

    metric: str
    sampler: str  # "grid", "random", "tpe"
    space: Mapping[str, str]  # {"optim.lr": "0.0001, 0.001"}
    asked: int  # trials per arm and condition that the configuration names
    seeds: tuple[int, ...]  # of the trials
    equal: bool  # every arm had the same number of trials under every condition
    same_candidates: bool  # and tried the same settings (never so with sampler "tpe")
    counts: Mapping[str, int]  # trials per arm, the smallest number of any condition
    trials: tuple[Trial, ...]
    best: tuple[ExpectedBest, ...]  # per arm and condition
    costs: tuple[TuningCost, ...]  # per arm, the baseline first
    total: Total  # all trials, also diverged ones and those of an earlier space
    notes: tuple[str, ...]
    sentence: str

    @property
    def winners(self) -> tuple[Trial, ...]:
        """The trial that each arm went on with, per condition."""
        return tuple(trial for trial in self.trials if trial.chosen)
