"""Cost to target: what each arm spent until it first reached a score on validation, and the ratio.

Between two evaluations nobody knows when a score was first reached: intervals reach back to the evaluation
before. A run that never reached it is censored: it would have needed more than it spent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compare import factors
from headstart.compare.bounds import Bounded
from headstart.compare.costs import refusal
from headstart.compare.learning_curves import RESOURCE_KEYS, Pair, Reach, known_pairs, pairs_of_curves
from headstart.compare.pairs import Match
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.sentences import costs as sentences
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.statistics.crossed import Table
from headstart.metrics import orient
from headstart.resources import ResourceKey

SHARES = (0.5, 0.75, 0.9)  # of the way from the lower start to the best score seen
_UNBOUNDED = "the pairs bound it from neither side, or from different sides"
Comparable = tuple[list[str | None], Table | None]  # why each pair is left out; how the others share factors


@dataclass(frozen=True)
class Target:
    """A validation score, and what the arm needs of the baseline's cost to reach it."""

    key: str  # "arm_final", "baseline_final", "75_percent": the middle part of its rows' keys
    score: float  # mean over pairs
    pairs: int
    baseline_reached: int  # pairs in which it was reached within the budget; the others are censored
    arm_reached: int
    ratios: Mapping[ResourceKey, Bounded]  # arm / baseline, geometric mean; refused ones are absent
    reasons: Mapping[ResourceKey, str]  # why there is no ratio, or pairs are left out of it
    spacing: int | None  # steps between evaluations: it may have been reached that much earlier
    sentence: str


def targets(matches: Sequence[Match], metric: str) -> tuple[Target, ...]:
    """The final score of each arm, and fixed parts of the way from the start to the best score seen."""
    curves = pairs_of_curves(matches, metric)
    if not curves:
        return ()
    goals = {
        "arm_final": [float(pair[1].scores[-1]) for pair in curves],
        "baseline_final": [float(pair[0].scores[-1]) for pair in curves],
    }
    start = min(float(np.mean([pair[side].scores[0] for pair in curves])) for side in (0, 1))
    best = max(float(np.mean([pair[side].scores.max() for pair in curves])) for side in (0, 1))
    if best > start:
        way = {f"{share * 100:.0f}_percent": start + share * (best - start) for share in SHARES}
        goals |= {key: [score] * len(curves) for key, score in way.items()}
    comparable: dict[ResourceKey, Comparable] = {}
    for resource in RESOURCE_KEYS:
        refusals = [refusal(pair, resource) for pair in matches]
        usable = [pair.sides for pair, reason in zip(matches, refusals, strict=True) if reason is None]
        comparable[resource] = refusals, factors.table(usable) if usable else None
    return tuple(_target(matches, curves, comparable, metric, key, scores) for key, scores in goals.items())


def rows(template: Quantity, targets: Sequence[Target]) -> Rows:
    """The score of every target, in how many pairs it was reached, and the ratio in every resource."""
    if not targets:
        return NO_ROWS
    spacing = next((target.spacing for target in targets if target.spacing), None)
    numbers = [template.named("target.spacing").at(spacing)]
    for target in targets:
        target_template, lead = replace(template, n=target.pairs), f"target.{target.key}"
        numbers += [
            target_template.named(f"{lead}.score").at(target.score).because(target.sentence),
            target_template.named(f"{lead}.baseline_reached").at(target.baseline_reached),
            target_template.named(f"{lead}.arm_reached").at(target.arm_reached),
        ]
        for key in RESOURCE_KEYS:
            reason = target.reasons.get(key)
            ratio, *ends = target_template.named(f"{lead}.{key}_ratio").with_interval(target.ratios.get(key))
            numbers += [ratio.because(reason), *ends]
            numbers.append(target_template.named(f"{lead}.{key}_ratio.reason").because(reason))
    return Rows(numbers)


def to_target(template: Quantity, matches: Sequence[Match], metric: str, side: int) -> Rows:
    """What one side (0 baseline, 1 arm) needed to reach the other's final score, medians over pairs.

    The first evaluation on validation at or above it counts. No rows where no curve has the metric.
    """
    curves = known_pairs(matches, metric)
    if not curves:
        return Rows()
    names = [record.arm for record in matches[0].sides]
    template = replace(template, arm=names[side], baseline=names[1 - side], metric=metric, n=len(curves))
    goals = [float(pair[1 - side].scores[-1]) for pair in curves]
    target = orient(metric) * float(np.mean(goals))
    reached = sum(pair[side].first_at(goal) is not None for pair, goal in zip(curves, goals, strict=True))
    numbers = [template.named("to_target.score").at(target), template.named("to_target.reached").at(reached)]
    shares: dict[str, float | None] = {}
    for key in ("steps", "flops", "seconds"):
        if any(key not in curve.spent for pair in curves for curve in pair):
            continue
        costs = [pair[side].reach(goal, key) for pair, goal in zip(curves, goals, strict=True)]
        median = _median([each.cost if each.reached else None for each in costs])
        missed = "not reached" if median is None else ""
        numbers.append(template.named(f"to_target.{key}", verdict=missed).at(median))
        if key != "steps":
            totals = [float(pair[1 - side].spent[key][-1]) for pair in curves]
            shares[key] = _median([
                each.cost / total if each.reached and total else None
                for each, total in zip(costs, totals, strict=True)
            ])  # fmt: skip
            numbers.append(template.named(f"to_target.{key}_share").at(shares[key]))
    sentence = sentences.to_target(template, target, reached, shares.get("flops"))
    return Rows(row.because("" if row.key.endswith("_share") else sentence) for row in numbers)


def geometric_mean(pairs: Sequence[tuple[Reach, Reach]], table: Table | None = None) -> Bounded:
    """Geometric mean of arm / baseline over (baseline, arm), or what is known of it, with its interval.

    `table`: how pairs share factors.
    """

    def most(reach: Reach) -> float:
        """A score that cost nothing was reached before any training: the first evaluation bounds it."""
        return reach.most or reach.after

    return Bounded(
        low=_mean([_log(arm.cost, most(baseline)) for baseline, arm in pairs]),
        high=_mean([_log(most(arm), baseline.cost) for baseline, arm in pairs]),
        sure_low=_end([_log(arm.least, most(baseline)) for baseline, arm in pairs], "low", table),
        sure_high=_end([_log(most(arm), baseline.least) for baseline, arm in pairs], "high", table),
    )


def _target(
    matches: Sequence[Match],
    curves: Sequence[Pair],
    comparable: Mapping[ResourceKey, Comparable],
    metric: str,
    key: str,
    goals: Sequence[float],
) -> Target:
    reached = [
        sum(pair[side].first_at(goal) is not None for pair, goal in zip(curves, goals, strict=True))
        for side in (0, 1)
    ]
    ratios: dict[ResourceKey, Bounded] = {}
    reasons: dict[ResourceKey, str] = {}
    for resource in RESOURCE_KEYS:
        ratio, reason = _ratio(curves, goals, resource, comparable[resource])
        if ratio is not None:
            ratios[resource] = ratio
        if reason:
            reasons[resource] = reason
    gaps = [np.diff(curve.spent["steps"]) for pair in curves for curve in pair if "steps" in curve.spent]
    score, names = orient(metric) * float(np.mean(goals)), (matches[0].baseline.arm, matches[0].arm.arm)
    name = sentences.target_name(key, *names)
    return Target(
        key=key,
        score=score,
        pairs=len(curves),
        baseline_reached=reached[0],
        arm_reached=reached[1],
        ratios=ratios,
        reasons=reasons,
        spacing=int(max((gap.max() for gap in gaps if len(gap)), default=0)) or None,
        sentence=sentences.target(name, score, names, reached, len(curves), ratios.get("flops")),
    )


def _ratio(
    curves: Sequence[Pair], goals: Sequence[float], resource: ResourceKey, comparable: Comparable
) -> tuple[Bounded | None, str]:
    """The ratio over the pairs that may be compared, and why there is none or pairs are left out."""
    if any(resource not in curve.spent for pair in curves for curve in pair):
        return None, "not measured"
    refusals, table = comparable
    refused = [reason for reason in refusals if reason]
    kept = [
        (baseline.reach(goal, resource), arm.reach(goal, resource))
        for (baseline, arm), goal, reason in zip(curves, goals, refusals, strict=True)
        if reason is None
    ]
    if not kept:
        return None, refused[0]
    ratio = geometric_mean(kept, table)
    if ratio.censored == "unknown":
        return ratio, _UNBOUNDED
    return ratio, f"{len(refused)} of {len(refusals)} pairs left out: {refused[0]}" if refused else ""


def _log(over: float, under: float) -> float:
    """log(over / under), infinite where one is 0 or infinite; nothing is known of both: no bound at all."""
    if math.isinf(over) or under == 0:
        return math.inf
    return -math.inf if math.isinf(under) or over == 0 else math.log(over / under)


def _mean(logs: Sequence[float]) -> float | None:
    """The geometric mean of ratios; None where a pair does not bound it."""
    return math.exp(float(np.mean(logs))) if all(map(math.isfinite, logs)) else None


def _end(logs: Sequence[float], end: Literal["low", "high"], table: Table | None) -> float | None:
    """One end of Student's interval around that mean; None with one pair."""
    finite = all(map(math.isfinite, logs))
    interval = student_interval(np.array(logs), table=table) if finite else None
    return None if interval is None else math.exp(interval.low if end == "low" else interval.high)


def _median(values: Sequence[float | None]) -> float | None:
    """The median with censored values as infinite; None when it is one of them."""
    median = float(np.median([math.inf if value is None else value for value in values]))
    return median if math.isfinite(median) else None
