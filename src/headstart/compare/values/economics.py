"""Economics: what pretraining cost and when it pays, as plain frozen values that a report can print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.compare.values.consumption import Resource
from headstart.compare.values.trials import TuningCost

Origin = Literal["measured", "published", "unknown"]
Payback = Literal["number", "at most", "never", "unknown"]


@dataclass(frozen=True)
class Amount:
    """A number or a range; an end that is None is not known."""

    low: float | None
    high: float | None

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return self.low is not None or self.high is not None

    @property
    def exact(self) -> bool:
        """Whether it is one number."""
        return self.low is not None and self.low == self.high

    def scaled(self, by: float) -> Amount:
        """Both ends times `by`."""
        return Amount(*(None if end is None else end * by for end in (self.low, self.high)))

    def plus(self, other: Amount) -> Amount:
        """Both ends added; unknown where either is."""
        ends = ((self.low, other.low), (self.high, other.high))
        return Amount(*(None if a is None or b is None else a + b for a, b in ends))


@dataclass(frozen=True)
class Figure:
    """One published cost of pretraining, as pretraining.json has it."""

    quantity: Literal["flops", "kwh", "kg_co2e", "device_hours"]
    amount: Amount
    covers: str  # the one stage that it covers; "" for all of the pretraining
    basis: str
    boundary: str
    source: str
    checked: bool  # read at its source when it was entered


@dataclass(frozen=True)
class Stage:
    """One pretraining that headstart ran, as the record of a later run carries it."""

    flops: int
    joules: float | None
    method: str  # of the joules
    seconds: float
    runs: tuple[str, ...]  # run ids
    boundary: str | None = None  # of the joules; None: the record does not say
    machine: str | None = None
    exclusive: bool | None = None


@dataclass(frozen=True)
class View:
    """The cost of one run of the arm under one way of counting its pretraining."""

    name: str  # "marginal", "amortised", "full"
    uses: int | None  # over which the pretraining is spread; None: it is not counted
    share: Amount  # FLOPs of the pretraining that this run answers for
    total: Amount  # with the run's own training FLOPs
    ratio: Amount  # total / the baseline's training FLOPs


@dataclass(frozen=True)
class BreakEven:
    """The number of uses after which the pretraining has paid for itself, for one target."""

    resource: Resource  # "flops" or "joules"
    target_of: str  # the arm whose final validation score both must reach
    payback: Payback
    uses: Amount
    saving: Amount  # per use; an end that is None is not bounded
    pairs: int
    censored: int  # pairs in which the baseline did not reach the target within the budget
    reason: str  # why it is unknown
    interval: Amount | None = None  # of the uses, 95 %: ends that are None are not bounded; None: one pair
    may_never: bool = False  # the interval does not exclude that nothing is saved
    may_pay: bool = True  # nor that something is


@dataclass(frozen=True)
class Ledger:
    """What an arm's weights cost before it began, and what that means for one use and for many."""

    arm: str
    baseline: str
    model: str
    origin: Origin
    flops: Amount
    joules: float | None  # measured here; published kWh never enter a sum or a ratio
    joules_reason: str
    covers: str  # the stage that the FLOPs cover; "" for all of the pretraining
    stages: tuple[Stage, ...]  # measured here, latest first
    figures: tuple[Figure, ...]  # published, of the model that the chain began with
    open: tuple[str, ...]  # questions
    per_run: float | None  # training FLOPs of one run of the arm
    views: tuple[View, ...]
    break_evens: tuple[BreakEven, ...]
    sentence: str
    tuning: tuple[TuningCost, ...] = ()  # of the baseline and of this arm, over all conditions
