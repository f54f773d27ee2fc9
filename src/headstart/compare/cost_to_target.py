"""Targets: what both arms needed to reach a score, in every resource, and the ratio of the two with bounds.

A run that never reached the target needs at least what it spent, so that a pair tells at least, or at most,
or nothing. A mean of bounds is a bound of the mean, and so are the ends of Student's interval around it:
the upper end for upper bounds, the lower one for lower bounds. No pair is left out for being censored.

By convention the first evaluation at the target counts. It may have been reached as early as the evaluation
before: the interval allows for that, so that evaluations far apart make it wide, and not falsely exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compare import phrases
from headstart.compare.costs import refusal
from headstart.compare.learning_curves import AXES, Walk, walks
from headstart.compare.pairs import Match
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.values.efficiency import Axis, Bounded, Needed, Target
from headstart.metrics import orient

SHARES = (0.5, 0.75, 0.9)
_UNBOUNDED = "the pairs bound it from neither side, or from different sides"


@dataclass(frozen=True)
class Spent:
    """What one run spent on its way to a target, or in all if it never got there."""

    cost: float
    reached: bool
    after: float  # at the first evaluation that had cost anything: bounds what "before any training" means
    before: float | None = None  # at the evaluation before; None: it was not reached earlier

    @property
    def least(self) -> float:
        """The least that the target can have cost."""
        return self.before if self.reached and self.before is not None else self.cost

    @property
    def most(self) -> float:
        """The most that the target can have cost."""
        if not self.reached:
            return math.inf
        return self.cost or self.after


def targets(matches: Sequence[Match], metric: str) -> tuple[Target, ...]:
    """The final score of each arm, and fixed parts of the way from the start to the best score seen."""
    found = walks(matches, metric)
    if not found:
        return ()
    baseline, arm = matches[0].baseline.arm, matches[0].arm.arm
    finals = [[float(pair[side].scores[-1]) for pair in found] for side in (1, 0)]
    named = [f"the final score of {name}" for name in (arm, baseline)]
    own = [_target(matches, found, metric, *goal) for goal in zip(named, (None, None), finals, strict=True)]
    fixed = [
        _target(matches, found, metric, f"{phrases.percent(share)} of the way", share, [goal] * len(found))
        for share, goal in _way(found)
    ]
    return (*own, *fixed)


def geometric_mean(pairs: Sequence[tuple[Spent, Spent]]) -> Bounded:
    """Geometric mean of arm / baseline over (baseline, arm), or what is known of it, with its interval."""
    return Bounded(
        low=_mean([_log(arm.cost, baseline.most) for baseline, arm in pairs]),
        high=_mean([_log(arm.most, baseline.cost) for baseline, arm in pairs]),
        sure_low=_end([_log(arm.least, baseline.most) for baseline, arm in pairs], "low"),
        sure_high=_end([_log(arm.most, baseline.least) for baseline, arm in pairs], "high"),
    )


def _way(found: Sequence[tuple[Walk, Walk]]) -> list[tuple[float, float]]:
    """(share, score) between the lower start and the better best, means over pairs; none if nothing rose."""
    start = min(float(np.mean([pair[side].scores[0] for pair in found])) for side in (0, 1))
    best = max(float(np.mean([pair[side].scores.max() for pair in found])) for side in (0, 1))
    return [(share, start + share * (best - start)) for share in SHARES] if best > start else []


def _target(
    matches: Sequence[Match], found: Sequence[tuple[Walk, Walk]], metric: str, name: str, share: float | None,
    goals: Sequence[float],
) -> Target:  # fmt: skip
    places = [tuple(walk.first_at(goal) for walk in pair) for pair, goal in zip(found, goals, strict=True)]
    made = Target(
        name=name,
        share=share,
        metric=metric,
        score=orient(metric) * float(np.mean(goals)),
        pairs=len(found),
        baseline_reached=sum(baseline is not None for baseline, _ in places),
        arm_reached=sum(arm is not None for _, arm in places),
        needed={axis: _needed(matches, found, places, axis) for axis in AXES},
        spacing=_spacing(found),
        sentence="",
    )
    return replace(made, sentence=_sentence(made, matches[0]))


def _needed(
    matches: Sequence[Match],
    found: Sequence[tuple[Walk, Walk]],
    places: Sequence[tuple[int | None, ...]],
    axis: Axis,
) -> Needed:
    if any(axis not in walk.spent for pair in found for walk in pair):
        return Needed(axis, (), (), (), (), None, "not measured")
    spent = [
        tuple(_spent(walk, axis, place) for walk, place in zip(pair, own, strict=True))
        for pair, own in zip(found, places, strict=True)
    ]
    reasons = [refusal(pair, axis) for pair in matches]
    kept = [(one[0], one[1]) for one, reason in zip(spent, reasons, strict=True) if reason is None]
    told = [tuple(one[side].cost if one[side].reached else None for one in spent) for side in (0, 1)]
    whole = [tuple(float(pair[side].spent[axis][-1]) for pair in found) for side in (0, 1)]
    ratio = geometric_mean(kept) if kept else None
    return Needed(axis, told[0], told[1], whole[0], whole[1], ratio, _reason(ratio, reasons))


def _spent(walk: Walk, axis: Axis, place: int | None) -> Spent:
    costs = walk.spent[axis]
    positive = costs[costs > 0]
    after = float(positive[0]) if len(positive) else math.inf
    before = float(costs[place - 1]) if place else None
    return Spent(float(costs[-1 if place is None else place]), place is not None, after, before)


def _reason(ratio: Bounded | None, reasons: Sequence[str | None]) -> str:
    refused = [reason for reason in reasons if reason]
    if ratio is None:
        return refused[0]
    if ratio.censored == "unknown":
        return _UNBOUNDED
    return f"{len(refused)} of {len(reasons)} pairs left out: {refused[0]}" if refused else ""


def _log(over: float, under: float) -> float:
    """log(over / under), infinite where one is 0 or infinite; nothing is known of both: no bound at all."""
    if math.isinf(over) or under == 0:
        return math.inf
    return -math.inf if math.isinf(under) or over == 0 else math.log(over / under)


def _mean(logs: Sequence[float]) -> float | None:
    """The geometric mean of ratios; None where a pair does not bound it."""
    return math.exp(float(np.mean(logs))) if all(map(math.isfinite, logs)) else None


def _end(logs: Sequence[float], end: Literal["low", "high"]) -> float | None:
    """One end of Student's interval around that mean; None with one pair."""
    interval = student_interval(np.array(logs)) if all(map(math.isfinite, logs)) else None
    return None if interval is None else math.exp(interval.low if end == "low" else interval.high)


def _spacing(found: Sequence[tuple[Walk, Walk]]) -> int | None:
    """Steps between evaluations: the largest gap of any curve."""
    gaps = [np.diff(walk.spent["steps"]) for pair in found for walk in pair if "steps" in walk.spent]
    return int(max((gap.max() for gap in gaps if len(gap)), default=0)) or None


def _sentence(found: Target, pair: Match) -> str:
    """'To the final score of scratch (0.170), pretrained needs 0.13 times the FLOPs of scratch.'."""
    names = pair.baseline.arm, pair.arm.arm
    missed = [
        f"{name} did not reach it in {found.pairs - reached} of {phrases.plural(found.pairs, 'pair')}"
        for name, reached in zip(names, (found.baseline_reached, found.arm_reached), strict=True)
        if reached < found.pairs
    ]
    lead = f"To {found.name} ({phrases.number(found.score)})"
    ratio = found.needed["flops"].ratio
    if ratio is None or ratio.censored == "unknown":
        return f"{lead}: {'; '.join(missed) or 'both arms were there before any training in some pair'}."
    why = f" ({'; '.join(missed)})" if missed else ""
    return f"{lead}, {names[1]} needs {phrases.bounded(ratio)} times the FLOPs of {names[0]}{why}."
