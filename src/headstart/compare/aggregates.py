"""Aggregates: one arm against the baseline over many conditions, where a mean of means would hide too much.

Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (rliable): the
interquartile mean over all runs, the probability of improvement, and performance profiles, with intervals
from a bootstrap that resamples runs within each condition. Pairs stay pairs. Scores of several metrics are
put together only where all lie between 0 and 1, or do so after a division that is stated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.compare import factors, phrases
from headstart.compare.bounds import Interval
from headstart.compare.pairs import scores_by_side
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import study as sentences
from headstart.metrics import limits, metric_name
from headstart.records.fingerprint import digest

FEWEST = 3  # conditions
RESAMPLES = 2000
SIDES: tuple[Literal["left"], Literal["right"]] = "left", "right"  # runs that are beaten, and with the ties
FEW_RUNS = 16  # of a side, up to which every run is set against every other
TAUS = np.linspace(0, 1, 41)
Units = Sequence[Sequence[Sequence[int]]]  # per condition, the places of the pairs of each draw
Sides = Sequence[np.ndarray]  # per condition, (2, pairs): baseline, arm


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
    """One arm against the baseline over at least three conditions; refused where `reason` says why."""

    arm: str
    baseline: str
    conditions: tuple[str, ...]
    scale: str  # what the scores are, in words: all on one scale from 0 to 1
    pairs: tuple[int, ...]  # per condition
    rows: Rows
    profiles: tuple[Profile, ...] = ()  # baseline, arm
    notes: tuple[str, ...] = ()
    reason: str = ""


def aggregates(compared: Sequence[Compared]) -> tuple[Aggregate, ...]:
    """One aggregate per arm that was compared under FEWEST conditions or more."""
    arms = dict.fromkeys(each.arm for each in compared)
    groups = [[each for each in compared if each.arm == arm and each.gain] for arm in arms]
    return tuple(_aggregate(group) for group in groups if len(group) >= FEWEST)


def _aggregate(group: Sequence[Compared]) -> Aggregate:
    """The arm of these comparisons, one per condition; refused with a reason where scores share no scale."""
    first = group[0]
    metrics = list(dict.fromkeys(each.headline for each in group))
    named = (first.arm, first.baseline, tuple(each.condition.name for each in group))
    unbounded = [metric_name(metric) for metric in metrics if largest(metric) is None]
    pairs = tuple(len(each.matches) for each in group)
    if unbounded:
        reason = sentences.no_common_scale(unbounded)
        here = Quantity("", arm=first.arm, baseline=first.baseline, n=sum(pairs), note=reason)
        refused = Rows(here.named(f"aggregate.{name}") for name in STATISTICS)
        return Aggregate(*named, "", pairs, refused, reason=reason)
    seed = int(digest([pair.arm.run_id for each in group for pair in each.matches]), 16)
    divisors = {metric: largest(metric) or 1.0 for metric in metrics}
    parts = [metric_name(m) + (f" (divided by {by:g})" if by != 1 else "") for m, by in divisors.items()]
    sides = [scores_by_side(each.matches, each.headline) / divisors[each.headline] for each in group]
    units = [factors.units([pair.sides for pair in each.matches]) for each in group]
    return summarise(named, phrases.joined(list(dict.fromkeys(parts))), sides, seed, units)


def summarise(
    named: tuple[str, str, tuple[str, ...]], scale: str, sides: Sides, seed: int, units: Units | None = None
) -> Aggregate:
    """Every number of an aggregate, from scores between 0 and 1; `units`: the pairs that are one draw."""
    arm, baseline, conditions = named
    drawn = resampled(sides, seed, units=units) if any(side.shape[1] > 1 for side in sides) else None
    once = [side[:, None, :] for side in sides]  # as if drawn once: (2, 1, pairs)
    pairs = tuple(side.shape[1] for side in sides)
    notes: list[str] = []
    fewest = min(map(len, units)) if units else min(pairs)
    if fewest <= 5:
        notes.append(sentences.narrow_intervals(fewest))
    over = f"over {phrases.plural(len(conditions), 'condition')}; {scale}"
    here = Quantity("", arm=arm, baseline=baseline, n=sum(pairs)).because(over, *notes)
    rows: list[Quantity] = []
    for name, statistic in STATISTICS.items():
        interval = Interval(*np.quantile(statistic(drawn), [0.025, 0.975]).tolist()) if drawn else None
        rows.append(here.named(f"aggregate.{name}").at(float(statistic(once)[0]), interval))
    profiles: list[Profile] = []
    for side, name in enumerate((baseline, arm)):
        shares = _above(once, side)[0].tolist()
        low, high = [[None] * len(TAUS)] * 2
        if drawn:
            low, high = np.quantile(_above(drawn, side), [0.025, 0.975], axis=0).tolist()
        profiles.append(Profile(name, tuple(TAUS.tolist()), tuple(shares), tuple(low), tuple(high)))
    return Aggregate(arm, baseline, conditions, scale, pairs, Rows(rows), tuple(profiles), tuple(notes))


def resampled(sides: Sides, seed: int, units: Units | None = None) -> list[np.ndarray]:
    """Pairs drawn again within each condition, those of one unit together: (2, resamples, pairs) each."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    for place, side in enumerate(sides):
        together = [[pair] for pair in range(side.shape[1])]  # of uneven units, too
        if units is not None and len({*map(len, units[place])}) == 1:
            together = [[*unit] for unit in units[place]]
        drawn = rng.integers(len(together), size=(RESAMPLES, len(together)))
        found.append(side[:, np.array(together, dtype=int)[drawn].reshape(RESAMPLES, side.shape[1])])
    return found


def interquartile_mean(every: Sides, side: int) -> np.ndarray:
    """Mean of the middle half of all runs of a side: a quarter is cut at each end, rounded down."""
    ranked = np.sort(np.concatenate([scores[side] for scores in every], axis=1), axis=1)
    cut = ranked.shape[1] // 4
    return ranked[:, cut : ranked.shape[1] - cut].mean(axis=1)


def mean_gain(every: Sides) -> np.ndarray:
    """Mean over conditions of the mean gain: every condition counts the same."""
    return np.mean([(scores[1] - scores[0]).mean(axis=1) for scores in every], axis=0)


def probability_of_improvement(every: Sides) -> np.ndarray:
    """P(a run of the arm beats a run of the baseline), ties counted half, mean over conditions."""
    return np.mean([_leads(scores) for scores in every], axis=0)


def _leads(scores: np.ndarray) -> np.ndarray:
    """The share of the baseline's runs that a run of the arm beats: (resamples,), of (2, resamples, runs)."""
    baselines, arms = scores
    runs = arms.shape[1]
    if runs <= FEW_RUNS:
        lead = arms[:, :, None] - baselines[:, None, :]
        return (lead > 0).mean(axis=(1, 2)) + 0.5 * (lead == 0).mean(axis=(1, 2))
    ranked = np.sort(baselines, axis=1)
    places = [[row.searchsorted(won, side) for row, won in zip(ranked, arms, strict=True)] for side in SIDES]
    below, up_to = np.array(places, dtype=np.float64).sum(axis=2)
    return below / runs**2 + 0.5 * ((up_to - below) / runs**2)


STATISTICS: Mapping[str, Callable[[Sides], np.ndarray]] = {
    "baseline_iqm": lambda every: interquartile_mean(every, 0),
    "arm_iqm": lambda every: interquartile_mean(every, 1),
    "iqm_gain": lambda every: interquartile_mean(every, 1) - interquartile_mean(every, 0),
    "mean_gain": mean_gain,
    "improvement": probability_of_improvement,
}


def largest(metric: str) -> float | None:
    """What a metric is divided by to lie between 0 and 1; None where nothing does that."""
    low, high = limits(metric)
    return high if low == 0 and math.isfinite(high) else None  # from -1 to 1 is no share of anything


def _above(every: Sides, side: int) -> np.ndarray:
    """Share of all runs that score above each tau: (resamples, taus)."""
    scores = np.concatenate([each[side] for each in every], axis=1)
    return np.stack([(scores > tau).mean(axis=1) for tau in TAUS], axis=1)
