"""Aggregates: one arm against the baseline over many conditions, where a mean of means would hide too much.

Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (rliable): the
interquartile mean over all runs, the probability of improvement, and performance profiles, with intervals
from a bootstrap that resamples runs within each condition. Pairs stay pairs. Scores of several metrics are
put together only where all lie between 0 and 1, or do so after a division that is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from headstart.compare import phrases
from headstart.compare.interval import Interval
from headstart.compare.pairwise import Compared, scores_of
from headstart.compare.values.claims import Aggregate, Estimate, Profile
from headstart.metrics import limits, metric_name
from headstart.records.fingerprint import digest

FEWEST = 3  # conditions
RESAMPLES = 2000
TAUS = np.linspace(0, 1, 41)
Sides = Sequence[np.ndarray]  # per condition, (2, pairs): baseline, arm


def aggregates(compared: Sequence[Compared]) -> tuple[Aggregate, ...]:
    """One aggregate per arm that was compared under three conditions or more."""
    arms = dict.fromkeys(one.comparison.arm for one in compared)
    own = [[one for one in compared if one.comparison.arm == arm and one.comparison.gain] for arm in arms]
    return tuple(aggregate(found) for found in own if len(found) >= FEWEST)


def aggregate(found: Sequence[Compared]) -> Aggregate:
    """The arm of these comparisons, one per condition; refused with a reason where scores share no scale."""
    first = found[0].comparison
    metrics = list(dict.fromkeys(one.comparison.headline for one in found))
    named = (first.arm, first.baseline, tuple(one.comparison.condition.name for one in found))
    strange = [metric for metric in metrics if largest(metric) is None]
    pairs = tuple(len(one.matches) for one in found)
    if strange:
        names = phrases.joined([metric_name(metric) for metric in strange])
        scale = f"{names} ha{'s' if len(strange) == 1 else 've'} no scale from 0 to 1"
        reason = f"{scale}: conditions cannot be put together"
        return Aggregate(*named, "", pairs, reason=reason)
    seed = int(digest([pair.arm.run_id for one in found for pair in one.matches]), 16)
    return summed(named, _scale(metrics), [_sides(one) for one in found], seed)


def summed(named: tuple[str, str, tuple[str, ...]], scale: str, sides: Sides, seed: int) -> Aggregate:
    """Every number of an aggregate, from scores between 0 and 1."""
    drawn = resampled(sides, seed) if any(side.shape[1] > 1 for side in sides) else None
    once = [side[:, None, :] for side in sides]  # as if drawn once: (2, 1, pairs)

    def estimate(of: Callable[[Sides], np.ndarray]) -> Estimate:
        return Estimate(float(of(once)[0]), _interval(of(drawn)) if drawn else None)

    return Aggregate(
        *named,
        scale,
        tuple(side.shape[1] for side in sides),
        baseline_iqm=estimate(lambda every: interquartile_mean(every, 0)),
        arm_iqm=estimate(lambda every: interquartile_mean(every, 1)),
        iqm_gain=estimate(lambda every: interquartile_mean(every, 1) - interquartile_mean(every, 0)),
        mean_gain=estimate(mean_gain),
        improvement=estimate(probability_of_improvement),
        profiles=tuple(_profile(name, side, once, drawn) for side, name in enumerate((named[1], named[0]))),
        notes=tuple(_notes(sides)),
    )


def resampled(sides: Sides, seed: int, number: int = RESAMPLES) -> list[np.ndarray]:
    """Pairs drawn again within each condition: (2, resamples, pairs) each."""
    rng = np.random.default_rng(seed)
    return [side[:, rng.integers(side.shape[1], size=(number, side.shape[1]))] for side in sides]


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
    return np.mean([_beats(scores) for scores in every], axis=0)


def largest(metric: str) -> float | None:
    """What a metric is divided by to lie between 0 and 1; None where nothing does that."""
    low, high = limits(metric)
    return high if low == 0 and math.isfinite(high) else None  # from -1 to 1 is no share of anything


def _beats(scores: np.ndarray) -> np.ndarray:
    lead = scores[1][:, :, None] - scores[0][:, None, :]
    return (lead > 0).mean(axis=(1, 2)) + 0.5 * (lead == 0).mean(axis=(1, 2))


def _sides(one: Compared) -> np.ndarray:
    metric = one.comparison.headline
    scores = [[scores_of(pair.sides[side])[metric] for pair in one.matches] for side in (0, 1)]
    return np.array(scores, dtype=float) / (largest(metric) or 1.0)


def _scale(metrics: Sequence[str]) -> str:
    """'accuracy and exact match', 'BLEU (divided by 100)'."""
    by: Mapping[str, float] = {metric_name(metric): largest(metric) or 1.0 for metric in metrics}
    return phrases.joined([name + (f" (divided by {by[name]:g})" if by[name] != 1 else "") for name in by])


def _profile(name: str, side: int, once: Sides, drawn: Sides | None) -> Profile:
    shares = _above(once, side)[0]
    ends = np.quantile(_above(drawn, side), [0.025, 0.975], axis=0) if drawn else [[None] * len(TAUS)] * 2
    low, high = (tuple(None if end is None else float(end) for end in each) for each in ends)
    return Profile(name, tuple(map(float, TAUS)), tuple(map(float, shares)), low, high)


def _above(every: Sides, side: int) -> np.ndarray:
    """Share of all runs that score above each tau: (resamples, taus)."""
    scores = np.concatenate([each[side] for each in every], axis=1)
    return np.stack([(scores > tau).mean(axis=1) for tau in TAUS], axis=1)


def _interval(draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(low), float(high))


def _notes(sides: Sides) -> list[str]:
    fewest = min(side.shape[1] for side in sides)
    if fewest > 5:
        return []
    few = phrases.plural(fewest, "pair")
    return [f"With {few} under a condition, these bootstrap intervals are narrower than 95 % would ask for."]
