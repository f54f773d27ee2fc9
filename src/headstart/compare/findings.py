"""Findings: everything a study says, as plain frozen values that a report can print.

Scores are means over the pairs unless a field says otherwise. A gain is positive when the arm is better than
the baseline, also for metrics where lower is better. `None` means unknown, and a `reason` or a note says why.
Costs of arms and ratios are those of the train phase; `Total` counts all phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headstart.compare.economics import Ledger

Word = Literal["better", "worse", "equivalent", "undecided"]
Quantity = Literal["flops", "seconds", "joules", "tokens"]
Axis = Literal["step", "flops", "seconds"]


@dataclass(frozen=True)
class Interval:
    """An interval and its level (0.95 = 95 %)."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class Condition:
    """The settings that vary within the study, with this comparison's values; empty when nothing varies."""

    id: str  # condition_id of the records
    name: str  # "512 rows", or "256 rows, lr 0.001"; "" when the study has one condition
    settings: Mapping[str, str]  # {"size": "512 rows"}; only what varies
    train_rows: int  # labelled rows that every arm of this condition trained on


@dataclass(frozen=True)
class Pair:
    """One pair of runs that entered the comparison, with its headline scores."""

    pair_id: str
    seed: int
    baseline_score: float
    arm_score: float
    gain: float  # oriented: positive when the arm is better
    baseline_folder: str
    arm_folder: str
    head: str = ""  # digest of the head at step 0, first 8 digits: the same on both sides
    order: str = ""  # digest of the rows' order, first 8 digits: the same on both sides


@dataclass(frozen=True)
class Excluded:
    """A run or a pair that is left out, and the sentence that says why."""

    folder: str  # the run folder (for a pair: "baseline folder | arm folder")
    arm: str
    seed: int | None
    reason: str


@dataclass(frozen=True)
class Gain:
    """What the arm gains over the baseline on one metric, with its interval and the word for it."""

    metric: str
    higher_is_better: bool
    baseline_score: float  # mean over pairs, as the metric is defined
    arm_score: float
    gain: float  # positive = the arm is better
    interval: Interval | None  # None: cannot be given; notes say why
    probability_better: float | None  # P(arm better than baseline) for the expected score, 0..1
    word: Word
    margin: float | None  # equivalence margin; only the headline metric has one named beforehand
    pairs: int
    examples: int | None  # test examples under the interval; None: predictions missing, seeds only
    seed_sd: float | None  # between-pair standard deviation of the gain that is due to seeds
    example_se: float | None  # standard error of the gain that is due to the finite test set
    smallest_p: float  # smallest two-sided p that an exact sign or Wilcoxon test can reach: 2 / 2**pairs
    decide: str | None  # what would decide it, when undecided
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ratio:
    """What the arm costs relative to the baseline: geometric mean of the per-pair ratios."""

    quantity: Quantity
    value: float | None  # None: refused or unknown; `reason` says why
    interval: Interval | None  # None with one pair; (1, 1) when all ratios are exactly 1
    per_pair: tuple[float, ...]
    baseline: float | None  # mean per run, in the unit of the quantity (FLOPs, s, J, tokens)
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
class Curve:
    """One learning curve of one arm: points at the evaluations, averaged over seeds."""

    arm: str
    axis: Axis
    metric: str  # a validation metric, or "loss"
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]  # minimum over seeds
    high: tuple[float, ...]  # maximum over seeds
    sd: tuple[float | None, ...]  # between seeds; None at points with one run
    runs: tuple[int, ...]  # runs under each point


@dataclass(frozen=True)
class ClassGain:
    """One class: how often each arm is right on its test examples (recall, mean over pairs)."""

    label: str
    examples: int
    baseline: float
    arm: float
    gain: float


@dataclass(frozen=True)
class Confusion:
    """Where an arm's predictions go: rows are true classes, columns predicted ones, mean counts."""

    arm: str
    classes: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Example:
    """One test example that only one arm gets right in most of its runs."""

    id: str
    text: str
    label: str
    baseline_prediction: str  # most frequent over seeds
    arm_prediction: str
    baseline_right: int  # runs that are right, of `pairs`
    arm_right: int
    pairs: int


@dataclass(frozen=True)
class Attestation:
    """What an arm's runs held at step 0 (numbers of one run; `same` says whether all runs agree)."""

    arm: str
    poured_tensors: int
    poured_parameters: int
    all_parameters: int
    trainable_parameters: int
    fresh_tensors: int
    fresh_parameters: int
    fresh_names: tuple[str, ...]
    checkpoint: str | None  # source
    checkpoint_sha256: str | None
    same: bool


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


@dataclass(frozen=True)
class Total:
    """Everything that all the study's runs consumed, also diverged and failed ones: they are costs too."""

    runs: int
    flops: int
    seconds: float
    joules_measured: float | None  # counters (measured, sampled); never added to estimates
    joules_estimated: float | None
    runs_without_energy: int
    flops_lower_bound: bool = False


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
class Comparison:
    """One arm against the baseline under one condition."""

    sentence: str  # the whole answer in one sentence (or two)
    condition: Condition
    baseline: str
    arm: str
    task: str
    headline: str  # metric
    pairs: tuple[Pair, ...]
    gains: Mapping[str, Gain]  # by metric, headline first; empty when no pair is left
    ratios: Mapping[Quantity, Ratio]
    arm_to_baseline: ToTarget | None  # what the arm needed to reach the baseline's final score
    baseline_to_arm: ToTarget | None  # what the baseline needed to reach the arm's final score
    curves: tuple[Curve, ...]  # both arms, each axis, headline metric and loss
    classes: tuple[ClassGain, ...]
    confusions: tuple[Confusion, ...]  # baseline, arm
    only_arm: tuple[Example, ...]  # only the arm is right
    only_baseline: tuple[Example, ...]
    only_arm_count: int  # the tuples above are cut; these counts are not
    only_baseline_count: int
    differences: tuple[str, ...]  # what else differs inside pairs; () = nothing but the arm
    survivors_only: bool
    energy: str  # "measured" | "estimated" | "not measured" | "not comparable"
    excluded: tuple[Excluded, ...]  # pairs left out here
    energy_method: str | None = None  # "measured" | "estimated", also of a refused ratio; None: mixed or none
    ledger: Ledger | None = None  # what the arm's pretraining cost; None when it poured nothing

    @property
    def gain(self) -> Gain | None:
        """The gain on the headline metric."""
        return self.gains.get(self.headline)

    @property
    def seed_gains(self) -> np.ndarray:
        """Headline gain per pair."""
        return np.array([pair.gain for pair in self.pairs])


@dataclass(frozen=True)
class Findings:
    """What a study says: the only thing that the reports room reads."""

    study: str
    question: str
    scale: str
    baseline: str
    headline: str
    higher_is_better: bool
    margin: float
    task: str
    model: str
    sentence: str  # first comparison's sentence, or why there is none
    comparisons: tuple[Comparison, ...]  # ordered by condition (train rows, then name), then arm
    arms: tuple[ArmSummary, ...]
    attestations: tuple[Attestation, ...]
    excluded: tuple[Excluded, ...]  # runs and pairs, everything left out
    problems: tuple[str, ...]  # folders that could not be read, one sentence each
    notes: tuple[str, ...]  # untuned, half-written curves, several machines, ...
    data: Mapping[str, Any]  # of the first record: counts, classes, truncated, max_length, notes
    environments: tuple[Mapping[str, Any], ...]  # distinct (machine, versions, code), with "runs": count
    total: Total
    config: Mapping[str, Any]  # resolved configuration of the first run
    command: tuple[str, ...]  # argv that reproduces the study
    fingerprint: str  # 16 hex over the run ids: the same records give the same report
    order: tuple[Trained, ...] = ()  # every run as it was trained; empty when no record says the order
