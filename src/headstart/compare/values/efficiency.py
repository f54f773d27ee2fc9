"""Efficiency: what each arm needs for a score, in rows, steps or joules, as plain frozen values.

Whatever was not reached is censored: an end that is None is not bounded. "At least" and "at most" are said
wherever a number is only a bound. Gains are positive when the arm is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headstart.compare.interval import Interval
from headstart.compare.values.claims import Word

Axis = Literal["steps", "samples", "tokens", "flops", "seconds", "joules"]
Matching = Literal["steps", "samples", "tokens", "flops", "seconds", "joules", "target", "converged"]
Censored = Literal["", "at least", "at most", "unknown"]  # "" = a number


@dataclass(frozen=True)
class Bounded:
    """A number, or what is known of it: it lies from `low` to `high`, and its interval from `sure_low` on."""

    low: float | None  # None: not bounded
    high: float | None
    sure_low: float | None  # ends of the 95 % interval; None: not bounded, or one pair
    sure_high: float | None

    @property
    def value(self) -> float | None:
        """The number, where it is one."""
        return self.low if self.low is not None and self.low == self.high else None

    @property
    def censored(self) -> Censored:
        """How the number is to be said."""
        if self.value is not None:
            return ""
        return "unknown" if self.low is None and self.high is None else "at most" if self.low is None else (
            "at least" if self.high is None else ""
        )  # fmt: skip


@dataclass(frozen=True)
class Needed:
    """What both arms spent of one resource until they reached a target, and the ratio of the two."""

    resource: Axis
    baseline: tuple[float | None, ...]  # per pair; None: not reached within the budget
    arm: tuple[float | None, ...]
    baseline_spent: tuple[float, ...]  # per pair: all that the run spent; a lower bound where it is None
    arm_spent: tuple[float, ...]
    ratio: Bounded | None  # arm / baseline, geometric mean over pairs; None: refused or unknown
    reason: str  # why there is no ratio


@dataclass(frozen=True)
class Target:
    """A validation score, and what each arm needed to reach it: the first evaluation at it counts."""

    name: str  # "the final score of pretrained", "75 % of the way from start to best"
    share: float | None  # of the way between start and best; None for an arm's final score
    metric: str
    score: float  # mean over pairs
    pairs: int
    baseline_reached: int  # pairs in which it was reached within the budget; the others are censored
    arm_reached: int
    needed: Mapping[Axis, Needed]
    spacing: int | None  # steps between evaluations: a target may have been reached that much earlier
    sentence: str


@dataclass(frozen=True)
class Matched:
    """The same study under one matching: the gain on validation when both arms have spent the same."""

    matching: Matching
    metric: str
    pairs: int
    baseline_score: float | None  # mean over pairs
    arm_score: float | None
    gain: float | None
    interval: Interval | None  # Student's over pairs: seeds, not validation examples
    word: Word
    cut: str | None  # the arm whose curve is cut short; None: neither, or now one and now the other
    baseline_share: float | None  # mean part of its own total that is used
    arm_share: float | None
    unfair: bool  # a curve is cut by more than 5 % while its learning rate was planned to go on falling
    ratio: Bounded | None = None  # match "target": FLOPs of the arm / of the baseline, at equal quality
    notes: tuple[str, ...] = ()
    reason: str = ""  # why this matching cannot be told


@dataclass(frozen=True)
class SizePoint:
    """One size of a data curve: both arms' test scores, and how many rows the baseline needs for the arm's.

    `rows_needed` is the effective data of Hernandez et al. (2021), D_E: the smallest number of rows at which
    the baseline's monotone curve, straight between sizes on the logarithm of the rows, is at the arm's score.
    """

    rows: int
    baseline: float  # mean
    arm: float
    baseline_smooth: float  # isotonic: never worse with more rows
    units: int  # pairs, or draws of the subset
    gain: float
    gain_interval: Interval | None
    rows_needed: Bounded
    multiplier: Bounded  # rows_needed / rows
    transferred: Bounded  # rows_needed - rows, D_T
    between: tuple[int | None, int | None]  # sizes that hold rows_needed
    baseline_interval: Interval | None = None  # of the mean score, 95 %
    arm_interval: Interval | None = None


@dataclass(frozen=True)
class Crossing:
    """The number of rows from which on the baseline is within the margin of the arm."""

    rows: Bounded  # "at least": not within the data
    beyond: float  # share of the resamples in which it lies above the largest size, 0..1
    margin: float
    sentence: str


@dataclass(frozen=True)
class PowerLaw:
    """D_T = k * D_F**alpha * N**beta (Hernandez et al. 2021): rows transferred against rows and parameters.

    None with a reason when fewer than four points allow it; `beta` needs several sizes of model.
    """

    arm: str
    points: int
    left_out: int  # sizes whose rows_needed is censored, or not above the rows
    k: float | None
    alpha: float | None
    beta: float | None
    k_interval: Interval | None
    alpha_interval: Interval | None
    beta_interval: Interval | None
    residual: float | None  # standard deviation of log(D_T) around the line
    reason: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataCurve:
    """One arm against the baseline over sizes: rows saved, crossing point, ossification, scaling law."""

    arm: str
    baseline: str
    context: str  # the other settings that vary, as words; "" when none does
    task: str
    model: str
    parameters: int | None
    metric: str
    points: tuple[SizePoint, ...]  # fewest rows first
    crossing: Crossing
    ossified: tuple[int, ...]  # sizes, from the largest down, at which the arm is worse though it was better
    worse_everywhere: bool
    law: PowerLaw
    covers: str  # what the intervals cover, in words
    notes: tuple[str, ...]
    sentence: str
