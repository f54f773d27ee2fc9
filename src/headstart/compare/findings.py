"""Findings: everything that a study says, as plain frozen values that a report can print.

Every number is a row: `findings.rows`, `comparison.rows`. Objects hold what is no single number: curves,
confusions, examples, provenance, and what several numbers and words say together. A gain is positive when
the arm is better than the baseline, also for metrics where lower is better. `None` means unknown, and a
reason or a note says why. Costs of arms and ratios are those of the train phase; `Total` counts all phases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headstart.compare.aggregates import Aggregate, Profile
from headstart.compare.bounds import Bounded, Interval
from headstart.compare.conditions import Condition
from headstart.compare.contamination import MetBefore
from headstart.compare.examples import ClassGain, Confusion, Example
from headstart.compare.learning_curves import Axis, Curve
from headstart.compare.ledger import Ledger, Stage
from headstart.compare.pairs import Excluded, Pair
from headstart.compare.pareto import Front
from headstart.compare.published.tables import Figure
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.summaries import ArmSummary, Attestation, MeterNotes
from headstart.compare.totals import Total
from headstart.compare.tuning import Tuning
from headstart.compare.tuning_parity import UNTUNED, Tuned
from headstart.compare.usage import Trained, Usage
from headstart.compare.verdicts import NO_VERDICT, Gain, Verdict

__all__ = [  # with the values of other files that a reader of findings meets
    "NO_VERDICT", "Aggregate", "ArmSummary", "Attestation", "Axis", "Bounded", "ClassGain", "Comparison",
    "Condition", "Confusion", "Curve", "Example", "Excluded", "Figure", "Findings", "Front", "Gain",
    "Interval", "Ledger", "MetBefore", "MeterNotes", "Pair", "Profile", "Quantity", "Rows", "Stage", "Total",
    "Trained", "Tuning", "Usage", "Verdict",
]  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """One arm against the baseline under one condition."""

    sentence: str  # the whole answer in one sentence (or two)
    condition: Condition
    baseline: str
    arm: str
    task: str
    headline: str  # metric
    rows: Rows  # every number of this comparison: gains, ratios, targets, pretraining, break-even
    pairs: tuple[Pair, ...]
    gains: Mapping[str, Gain]  # by metric, headline first; empty when no pair is left
    energy: str  # "measured" | "estimated" | "not measured" | "not comparable"
    curves: tuple[Curve, ...] = ()  # both arms, each axis, headline metric and loss
    classes: tuple[ClassGain, ...] = ()
    confusions: tuple[Confusion, ...] = ()  # baseline, arm
    only_arm: tuple[Example, ...] = ()  # only the arm is right, or the arm is nearer; the clearest first
    only_baseline: tuple[Example, ...] = ()
    only_arm_count: int = 0  # the tuples above are cut; these counts are not
    only_baseline_count: int = 0
    differences: tuple[str, ...] = ()  # what else differs inside pairs; () = nothing but the arm
    survivors_only: bool = False
    excluded: tuple[Excluded, ...] = ()  # pairs left out here
    energy_method: str | None = None  # "measured" | "estimated", also of a refused ratio; None: mixed or none
    ledger: Ledger | None = None  # what the arm's pretraining cost; None when it loaded nothing
    nearer: bool = False  # the examples are not right in one arm only: one arm is nearer than the other
    tuned: Tuned = "untuned"
    settings: str = UNTUNED  # how the arms came to their settings
    remarks: tuple[str, ...] = ()  # what the first lines must say of its pairs, in whole sentences

    @property
    def gain(self) -> Gain | None:
        """The gain on the headline metric."""
        return self.gains.get(self.headline)

    @property
    def gain_shown(self) -> bool:
        """Whether the arm is shown to be better; else nothing is said to pay."""
        return self.gain is not None and self.gain.shown


@dataclass(frozen=True)
class Findings:
    """What a study says: the only thing that the reports room reads."""

    study: str
    question: str
    baseline: str
    headline: str
    higher_is_better: bool
    margin: float
    task: str
    model: str
    sentence: str  # first comparison's sentence, or why there is none
    comparisons: tuple[Comparison, ...]  # ordered by condition (train rows, then name), then arm
    arms: tuple[ArmSummary, ...]
    excluded: tuple[Excluded, ...]  # runs and pairs, everything left out
    command: tuple[str, ...]  # argv that reproduces the study
    fingerprint: str  # 16 hex over the run ids: the same records give the same report
    attestations: tuple[Attestation, ...] = ()
    problems: tuple[str, ...] = ()  # folders that could not be read, one sentence each
    notes: tuple[str, ...] = ()  # half-written curves, several machines, ...
    data: Mapping[str, Any] = field(
        default_factory=dict[str, Any]
    )  # of the first record: counts, classes, ...
    environments: tuple[Mapping[str, Any], ...] = ()  # distinct (machine, versions, code), with "runs": count
    total: Total | None = None  # None: not known, of results that others made
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])  # resolved, of the first run
    rows: Rows = NO_ROWS  # every number of the study, to select from; those of the comparisons first
    order: tuple[Trained, ...] = ()  # every run as it was trained; empty when no record says the order
    tuning: Tuning | None = None  # None: the study tuned nothing, or its trials are not beside it
    aggregates: tuple[Aggregate, ...] = ()  # per arm, where it was compared under three conditions or more
    fronts: tuple[Front, ...] = ()  # per task and cost, where there are three points or more
    rules: Mapping[str, Rows] = field(default_factory=dict[str, Rows])  # trivial ones, by condition
    unknown: tuple[str, ...] = ()  # what nobody here knows of imported results; () = runs of our own
    alerts: tuple[str, ...] = ()  # what the first lines say of the study as a whole: a changed margin

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
        return ((each.arm, each.met_before) for each in self.attestations if each.met_before)
