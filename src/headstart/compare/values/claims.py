"""Claims: tests of one comparison, families of them, and what holds over many, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.compare.interval import Interval

NO_WORD = "cannot say"  # one pair: whatever it shows may be the luck of its seed
Word = Literal["better", "worse", "equivalent", "undecided", "cannot say"]
TestName = Literal["signed-rank", "sign", "McNemar"]


@dataclass(frozen=True)
class ExactTest:
    """An exact two-sided test of "no difference", beside the interval that the verdict rests on."""

    name: TestName
    p: float
    smallest: float  # p that the most one-sided data of this number would give
    number: int  # of pairs (McNemar: of test examples) that differ; ties are left out
    meaning: str  # what the p is the probability of, in words


@dataclass(frozen=True)
class Corrected:
    """One claim in the family of all the study's comparisons, corrected by Holm (1979).

    The claim is that of the verdict's word: a difference (better, worse, undecided), or no difference beyond
    the margin (equivalent). Each kind is a family of its own, over all comparisons.
    """

    claims: int  # in the family
    p: float | None  # of this claim alone; None: no interval, no p
    corrected: float | None
    survives: bool | None  # whether the word holds in the family; None: there is nothing to survive
    sentence: str


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Profile:
    """Performance profile of an arm: the share of its runs, over all conditions, above each tau."""

    arm: str
    taus: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float | None, ...]  # pointwise 95 %, stratified bootstrap; None: one pair per condition
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class Aggregate:
    """One arm against the baseline over at least three conditions, the way of rliable (Agarwal et al. 2021).

    `reason` says why it is refused; then every number is None.
    """

    arm: str
    baseline: str
    conditions: tuple[str, ...]
    scale: str  # what the scores are, in words: all on one scale from 0 to 1
    pairs: tuple[int, ...]  # per condition
    baseline_iqm: Estimate | None = None  # interquartile mean: the middle half of all runs
    arm_iqm: Estimate | None = None
    iqm_gain: Estimate | None = None
    mean_gain: Estimate | None = None
    improvement: Estimate | None = None  # P(a run of the arm beats one of the baseline), mean over conditions
    profiles: tuple[Profile, ...] = ()  # baseline, arm
    notes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Rank:
    """One arm in a ranking. Only differences from the baseline are tested."""

    place: int  # 1 = best mean; equal means share a place
    arm: str
    is_baseline: bool
    runs: int
    score: float  # mean over the finished runs
    interval: Interval | None  # Student's over runs: seeds, not test examples
    gain: float | None  # over the baseline, in pairs; None for the baseline, or without a pair
    gain_interval: Interval | None
    word: str  # of the gain; "" for the baseline
    p: float | None
    corrected: float | None  # by Holm over all comparisons of the study
    survives: bool | None


@dataclass(frozen=True)
class Ranking:
    """All arms of one condition, the best first."""

    condition: str
    metric: str
    higher_is_better: bool
    ranks: tuple[Rank, ...]


@dataclass(frozen=True)
class Stability:
    """How often the runs of an arm diverged, over all conditions."""

    arm: str
    runs: int  # that started and were not interrupted from outside
    diverged: int
    failed: int
    share: float  # diverged / runs
    interval: Interval  # Wilson's
