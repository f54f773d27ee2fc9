"""Findings: everything a study says, as plain frozen values that a report can print.

Scores are means over the pairs unless a field says otherwise. A gain is positive when the arm is better than
the baseline, also for metrics where lower is better. `None` means unknown, and a `reason` or a note says why.
Costs of arms and ratios are those of the train phase; `Total` counts all phases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headstart.compare.contamination import MetBefore
from headstart.compare.interval import Interval
from headstart.compare.quantity import NO_ROWS, Rows
from headstart.compare.values.claims import Aggregate, Corrected, ExactTest, Ranking, Stability, Word
from headstart.compare.values.consumption import (
    ArmSummary,
    Carbon,
    MeterNotes,
    Money,
    Ratio,
    Resource,
    Total,
    ToTarget,
    Trained,
    Usage,
)
from headstart.compare.values.economics import Ledger
from headstart.compare.values.efficiency import DataCurve, Matched, PowerLaw, Target
from headstart.compare.values.scales import Front, ModelPoint, VarianceSplit
from headstart.compare.values.trials import Tuned, Tuning

__all__ = [  # with the values of other files that a reader of findings meets
    "ArmSummary",
    "Attestation",
    "Axis",
    "Carbon",
    "ClassGain",
    "Comparison",
    "Condition",
    "Confusion",
    "Curve",
    "Example",
    "Excluded",
    "Findings",
    "Gain",
    "Interval",
    "Ledger",
    "MeterNotes",
    "Money",
    "Pair",
    "Ratio",
    "Resource",
    "ToTarget",
    "Total",
    "Trained",
    "Tuning",
    "Usage",
    "Word",
]  # fmt: skip

Axis = Literal["step", "flops", "seconds"]


@dataclass(frozen=True)
class Condition:
    """The settings that vary within the study, with this comparison's values; empty when nothing varies."""

    id: str  # condition_id of the records
    name: str  # "512 rows", or "256 rows, lr 0.001"; "" when the study has one condition
    settings: Mapping[str, str]  # {"size": "512 rows"}; only what varies
    train_rows: int  # rows that every arm of this condition trained on


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
    interval: Interval | None  # None: one pair, or it cannot be given; notes say why
    probability_better: float | None  # P(arm better than baseline) for the expected score, 0..1
    word: Word
    margin: float | None  # equivalence margin; only the headline metric has one named beforehand
    pairs: int
    examples: int | None  # test examples under the interval; None: predictions missing, seeds only
    seed_sd: float | None  # between-pair standard deviation of the gain that is due to seeds
    example_se: float | None  # standard error of the gain that is due to the finite test set
    smallest_p: float  # smallest two-sided p that an exact sign or Wilcoxon test can reach: 2 / 2**pairs
    decide: str | None  # what would decide it, when undecided or with one pair
    notes: tuple[str, ...]
    p: float | None = None  # of no difference: the interval at level 1 - p has an end at 0
    p_margin: float | None = None  # of a gain beyond the margin: below 0.05 where the word is equivalent
    tests: tuple[ExactTest, ...] = ()  # exact, over pairs or (one pair) examples; the word is not theirs


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
    """One test example that speaks for one arm, cut where it is long.

    Only that arm gets it right, in most of its runs. Where answers are not right or wrong but nearer or
    farther (`Comparison.nearer`), that arm is nearer: its loss per token is lower, its estimate less off.
    """

    id: str
    text: str
    label: str  # "" for a language model, whose label is the text
    baseline_prediction: str  # most frequent over seeds; "2.31 nats per token", or a mean estimate
    arm_prediction: str
    baseline_right: int  # runs that are right, or nearer than the other side's, of `pairs`
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
    met_before: MetBefore | None = None  # evaluation rows in its pretraining text; None: it poured nothing


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
    ratios: Mapping[Resource, Ratio]
    arm_to_baseline: ToTarget | None  # what the arm needed to reach the baseline's final score
    baseline_to_arm: ToTarget | None  # what the baseline needed to reach the arm's final score
    curves: tuple[Curve, ...]  # both arms, each axis, headline metric and loss
    classes: tuple[ClassGain, ...]
    confusions: tuple[Confusion, ...]  # baseline, arm
    only_arm: tuple[Example, ...]  # only the arm is right, or the arm is nearer; the clearest first
    only_baseline: tuple[Example, ...]
    only_arm_count: int  # the tuples above are cut; these counts are not
    only_baseline_count: int
    differences: tuple[str, ...]  # what else differs inside pairs; () = nothing but the arm
    survivors_only: bool
    energy: str  # "measured" | "estimated" | "not measured" | "not comparable"
    excluded: tuple[Excluded, ...]  # pairs left out here
    energy_method: str | None = None  # "measured" | "estimated", also of a refused ratio; None: mixed or none
    ledger: Ledger | None = None  # what the arm's pretraining cost; None when it poured nothing
    nearer: bool = False  # the examples are not right in one arm only: one arm is nearer than the other
    tuned: Tuned = "untuned"
    settings: str = "Untuned: both arms used the same settings, and this study tuned neither."
    targets: tuple[Target, ...] = ()  # what each arm needed to fixed scores, in every resource
    matchings: tuple[Matched, ...] = ()  # the same pairs under every matching that their curves support
    remarks: tuple[str, ...] = ()  # what the first lines must say of its pairs, in whole sentences
    corrected: Corrected | None = None  # in the family of all comparisons; None when this is the only one

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
    tuning: Tuning | None = None  # None: the study tuned nothing, or its trials are not beside it
    data_curves: tuple[DataCurve, ...] = ()  # per arm, where the study has several sizes
    laws: tuple[PowerLaw, ...] = ()  # per arm, over several sizes of model
    rankings: tuple[Ranking, ...] = ()  # per condition, where more than two arms ran
    aggregates: tuple[Aggregate, ...] = ()  # per arm, where it was compared under three conditions or more
    stability: tuple[Stability, ...] = ()  # per arm, the baseline first
    models: tuple[ModelPoint, ...] = ()  # where the study has several sizes of model
    fronts: tuple[Front, ...] = ()  # per task and cost, where there are three points or more
    alerts: tuple[str, ...] = ()  # what the first lines say of the study as a whole: a changed margin
    variances: tuple[VarianceSplit, ...] = ()  # per condition and arm, or one that says why there is none
    rows: Rows = NO_ROWS  # every number of the study, to select from; comparisons first

    @property
    def met_before(self) -> tuple[str, ...]:
        """A warning for every arm that met evaluation rows before, so that its gain may be memory."""
        return tuple(f"{arm}: {met.sentence}." for arm, met in self._met() if met.found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of any answer must see first: memory, a changed margin, records left out."""
        return (*self.met_before, *self.alerts, *self.problems)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The arms of which nobody knows whether they met evaluation rows before."""
        return tuple(f"{arm}: {met.sentence}." for arm, met in self._met() if met.found is None)

    def _met(self) -> Iterator[tuple[str, MetBefore]]:
        return ((one.arm, one.met_before) for one in self.attestations if one.met_before)
