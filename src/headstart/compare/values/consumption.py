"""Consumption: what arms and runs used up, as plain frozen values that a report can print.

`None` means unknown, and a `reason` or a note says why. Costs are those of the train phase unless a field
says otherwise; `Total` counts all phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headstart.compare.interval import Interval

Resource = Literal["flops", "seconds", "joules", "tokens"]


@dataclass(frozen=True)
class Ratio:
    """What the arm costs relative to the baseline: geometric mean of the per-pair ratios."""

    resource: Resource
    value: float | None  # None: refused or unknown; `reason` says why
    interval: Interval | None  # None with one pair; (1, 1) when all ratios are exactly 1
    per_pair: tuple[float, ...]
    baseline: float | None  # mean per run, in the unit of the resource (FLOPs, s, J, tokens)
    arm: float | None
    estimated: bool  # joules that no counter measured
    reason: str | None
    notes: tuple[str, ...] = ()
    lower_bound: bool = False  # FLOPs: an operation had no formula


@dataclass(frozen=True)
class ToTarget:
    """What `runner` needed to first reach, on validation, the final validation score of `target_of`."""

    runner: str  # arm name
    target_of: str  # arm name
    metric: str
    target: float | None  # mean over pairs of the target scores
    pairs: int
    reached: int  # pairs in which the target was reached within the budget; the others are censored
    steps: tuple[int | None, ...]  # per pair, None = not reached within the budget
    flops: tuple[float | None, ...]
    seconds: tuple[float | None, ...]
    median_steps: float | None  # over all pairs with censored ones as infinite; None = not reached
    median_flops: float | None
    median_seconds: float | None
    flops_share: (
        float | None
    )  # median over pairs of: FLOPs to the target / whole training FLOPs of `target_of`
    seconds_share: float | None
    sentence: str


@dataclass(frozen=True)
class Carbon:
    """What the electricity of an arm's runs emitted, and on what that figure rests."""

    grams: float  # CO2 equivalent, mean per run
    runs: int
    region: str
    year: int | None
    source: str  # of the intensity
    g_per_kwh: float
    pue: float | None  # None: the building is not counted
    method: str = ""  # of the joules under it: "estimated", "measured", "sampled"


@dataclass(frozen=True)
class Money:
    """What an arm's runs cost at stated prices: two views of the same run, never added up."""

    currency: str
    electricity: float | None  # mean per run, all phases; None: no price or no joules
    device: float | None  # mean per run, by the hour of the device; an hour's electricity is in it
    per_kwh: float | None
    per_device_hour: float | None
    runs: int
    method: str  # of the joules under the electricity


@dataclass(frozen=True)
class Usage:
    """How well an arm's finished runs used the machine while they trained: means per run."""

    real: float | None  # tokens per second, padding left out
    padded: float | None  # tokens per second, padding counted
    padding: float | None  # share of the tokens that were padding
    waiting: float | None  # share of the time spent waiting for data
    share: float | None  # model FLOPs over the measured peak; None: unknown, or peaks of different kinds
    peak_low: float | None  # FLOPs per second: the peaks that were measured, lowest and highest
    peak_high: float | None
    peak_of: tuple[str, ...]  # what the peak was measured with: "bf16, 2 threads, mkl"
    memory: Mapping[str, Mapping[str, int]]  # {"host": {"train": bytes}}: largest of all runs
    memory_peaks: Mapping[str, int]  # {"host": bytes}: over all phases


@dataclass(frozen=True)
class MeterNotes:
    """What the meters of an arm's runs left beside their training joules."""

    joules: float | None  # all phases, mean per run
    dynamic: float | None  # above idle, all phases, mean per run
    idle_watts: float | None  # all devices, mean per run
    evidence: tuple[str, ...]  # whether the runs were alone, in words
    doubts: tuple[str, ...]
    unavailable: tuple[str, ...]  # "rapl: no permission to read ..."
    lost_segments: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm under one condition: every run that started counts here, also the ones left out of the mean."""

    condition: str  # Condition.name
    arm: str
    is_baseline: bool
    runs: int
    finished: int
    diverged: int
    failed: int
    interrupted: int
    metric: str
    score_mean: float | None  # headline test score, finished runs
    score_sd: float | None
    score_low: float | None
    score_high: float | None
    flops: float | None  # means per run
    seconds: float | None
    tokens: float | None
    joules: float | None
    energy_method: str  # "measured" | "sampled" | "estimated" | "none" | "mixed"
    energy_reason: str | None
    samples_per_second: float | None
    peak_memory_bytes: int | None  # largest, device where there is one, else host
    survivors_only: bool  # the mean leaves out diverged, failed or interrupted runs
    flops_lower_bound: bool = False  # an operation had no formula
    carbon: Carbon | None = None  # None: not every run has a figure, or they rest on different ones
    meter: MeterNotes | None = None  # what the meter left beside its joules; None when it left nothing
    usage: Usage | None = None  # None: no record says how well the machine was used
    emissions: tuple[Carbon, ...] = ()  # one per basis that any run's figure rests on
    money: tuple[Money, ...] = ()  # one per currency, prices and energy method
    diverged_share: Interval | None = None  # Wilson's, of the runs that diverge; None: no run counts


@dataclass(frozen=True)
class Total:
    """Everything that all the study's runs consumed, also diverged and failed ones: they are costs too.

    The trials that tuned the arms are among them; `tuning` is their part.
    """

    runs: int
    flops: int
    seconds: float
    joules_measured: float | None  # counters (measured, sampled); never added to estimates
    joules_estimated: float | None
    runs_without_energy: int
    flops_lower_bound: bool = False
    tuning: Total | None = None  # of all this, what the trials consumed; None: there were none


@dataclass(frozen=True)
class Trained:
    """One run in the order of training, with the state of the hardware when it started."""

    condition: str
    arm: str
    seed: int
    place: int | None  # in the order of the command that trained it, from 0
    started: str
    celsius: Mapping[str, float]  # {"processor": 61.0}; only what was told
    megahertz: Mapping[str, float]
    governor: str | None
