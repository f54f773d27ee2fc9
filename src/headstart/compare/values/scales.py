"""Scales: scores against parameters and against cost, and where their spread comes from, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.compare.interval import Interval

Cost = Literal["flops", "seconds", "joules"]
Source = Literal["subset", "order", "seed", "rest"]


@dataclass(frozen=True)
class ModelPoint:
    """One arm of one model: its score and its cost per run, against its number of parameters."""

    model: str
    parameters: int
    arm: str
    context: str  # the other settings that vary, as words
    runs: int
    score: float  # mean test score of the finished runs
    interval: Interval | None  # Student's over runs
    flops: float | None  # of training, means per run
    seconds: float | None
    joules: float | None
    energy_method: str


@dataclass(frozen=True)
class FrontPoint:
    """One arm under one condition in the plane of score and cost."""

    condition: str
    arm: str
    runs: int
    score: float
    interval: Interval | None  # of the score, Student's over runs
    cost: float  # of training, mean per run
    on_front: bool  # no other is as good for less, or better for as much
    beaten_by: str  # the cheapest that is at least as good: "pretrained, 512 rows"; "" on the front


@dataclass(frozen=True)
class Front:
    """Which arms and conditions are worth their cost: the Pareto front over all that was run on one task."""

    resource: Cost
    task: str
    metric: str
    estimated: bool  # joules that no counter measured
    points: tuple[FrontPoint, ...]  # cheapest first; costs of pretraining are not in it: the ledger has them
    reason: str = ""  # why there is none


@dataclass(frozen=True)
class Component:
    """One source of the spread: its variance, and its share of the whole."""

    source: Source
    variance: float  # cut at 0
    interval: Interval | None  # 95 %, generalised (Weerahandi 1993)
    share: float | None  # of the sum; None when all are 0
    levels: int  # draws of the subset, orders, seeds; 0 for the rest


@dataclass(frozen=True)
class VarianceSplit:
    """What the spread of a score, or of a gain, is due to: which rows or order, which seed, or both together.

    A seed decides weights and noise at once, and the order unless that has a seed of its own. `reason` says
    why there is no split.
    """

    of: str  # an arm, or "gain of pretrained"
    condition: str
    metric: str
    components: tuple[Component, ...]
    reason: str
