# pyright: strict
"""Equal budget: the gain on validation when both arms have spent the same, for every resource.

The winner may change with the resource, so that none is shown alone. Where the arms spent different amounts,
the one that spent more is read off its learning curve at what the other spent. A run whose learning rate was
to fall until its own end had not finished there: such a cut is called unfair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from headstart.compare import phrases
from headstart.compare.bounds import Bounded, Interval
from headstart.compare.cost_to_target import Target
from headstart.compare.costs import refusal
from headstart.compare.learning_curves import RESOURCE_KEYS, LearningCurve, Pair, pairs_of_curves
from headstart.compare.pairs import Match
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.ranges import of_gain
from headstart.compare.settings import at
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.verdicts import NO_VERDICT, Verdict, verdict
from headstart.metrics import orient
from headstart.resources import ResourceKey

Matching = Literal["steps", "samples", "tokens", "flops", "seconds", "joules", "target", "converged"]
_SAME = 1e-9  # totals this close (relative) are equal
_WHOLE = 0.95  # a run read this far has had nearly all of its decay: such a cut is a fact, not unfair
_LAST = 0.75  # a curve has converged when it gains no more than the margin after this part of its steps


@dataclass(frozen=True)
class Matched:
    """The gain under one matching; without `gain` and `ratio`, `reason` says why."""

    matching: Matching
    metric: str
    pairs: int
    word: Verdict
    baseline_score: float | None = None  # mean over pairs
    arm_score: float | None = None
    gain: float | None = None
    interval: Interval | None = None  # Student's over pairs: seeds, not validation examples
    cut: str | None = None  # the arm whose curve is cut short; None: neither, or now one and now the other
    baseline_share: float | None = None  # mean part of its own total that is used
    arm_share: float | None = None
    unfair: bool = False  # a curve is cut by more than 5 % while its learning rate was to go on falling
    ratio: Bounded | None = None  # matching "target": FLOPs of the arm / of the baseline, at equal score
    notes: tuple[str, ...] = ()
    reason: str = ""


def matchings(
    matches: Sequence[Match], metric: str, margin: float, targets: Sequence[Target]
) -> tuple[Matched, ...]:
    """Every matching, those that the curves do not support with the reason; none without curves."""
    curves = pairs_of_curves(matches, metric)
    if not curves:
        return ()
    return (
        *(_at_equal(matches, curves, metric, margin, resource) for resource in RESOURCE_KEYS),
        _at_target(metric, targets),
        _at_convergence(matches, curves, metric, margin),
    )


def rows(here: Quantity, found: Sequence[Matched]) -> Rows:
    """The gain under every matching, and the ratio of the FLOPs at equal score."""
    numbers: list[Quantity] = []
    for match in found:
        place, word = replace(here, n=match.pairs), match.word if match.gain is not None else ""
        gain = place.named(f"matched.{match.matching}.gain", verdict=word).at(match.gain, match.interval)
        unfair = "a curve is cut short before its learning rate had fallen" if match.unfair else ""
        numbers.append(gain.because(match.reason, unfair, *match.notes))
        if match.ratio:
            numbers.append(place.named("matched.target.flops_ratio").bounded(match.ratio))
    return Rows(numbers)


def _at_equal(
    matches: Sequence[Match], curves: Sequence[Pair], metric: str, margin: float, resource: ResourceKey
) -> Matched:
    """Both arms when they have spent the smaller of both totals."""
    if any(resource not in curve.spent for pair in curves for curve in pair):
        return _refused(resource, metric, len(curves), "not measured")
    reasons = [reason for pair in matches if (reason := refusal(pair, resource))]
    if reasons:
        return _refused(resource, metric, len(curves), reasons[0])
    totals = np.array([[curve.spent[resource][-1] for curve in pair] for pair in curves])  # (pairs, 2)
    budget = totals.min(axis=1)
    scores = np.array([
        [curve.score_at(resource, amount) for curve in pair]
        for pair, amount in zip(curves, budget, strict=True)
    ])  # fmt: skip
    shares = np.divide(budget[:, None], totals, out=np.ones_like(totals), where=totals > 0)
    shares[shares > 1 - _SAME] = 1.0
    return _matched(resource, matches, metric, margin, scores, shares)


def _matched(
    matching: Matching, matches: Sequence[Match], metric: str, margin: float, scores: np.ndarray,
    shares: np.ndarray, notes: Sequence[str] = (),
) -> Matched:  # fmt: skip
    """Scores (pairs, 2), oriented, and the share of its own total that each run is read at."""
    gains = scores[:, 1] - scores[:, 0]
    interval = of_gain(student_interval(gains), metric)
    if interval and interval.low == interval.high and gains[0]:
        interval, notes = None, (*notes, "all gains are exactly equal, so their spread is unknown")
    cut = [side for side in (0, 1) if (shares[:, side] < 1).any()]
    falling = [side for side in cut if _falls(matches[0].sides[side].config)]
    unfair = [side for side in falling if shares[:, side].mean() < _WHOLE]
    cuts = [
        f"{matches[0].sides[side].arm} is read at {phrases.percent(float(shares[:, side].mean()))} of its "
        "training, while its learning rate was to fall until the end: a run planned for that long would "
        "score higher."
        for side in unfair
    ]
    means = orient(metric) * scores.mean(axis=0)
    return Matched(
        matching=matching,
        metric=metric,
        pairs=len(gains),
        word=verdict(interval, margin, len(gains)),
        baseline_score=float(means[0]),
        arm_score=float(means[1]),
        gain=float(gains.mean()),
        interval=interval,
        cut=matches[0].sides[cut[0]].arm if len(cut) == 1 else None,
        baseline_share=float(shares[:, 0].mean()),
        arm_share=float(shares[:, 1].mean()),
        unfair=bool(unfair),
        notes=(*notes, *cuts),
    )


def _at_target(metric: str, targets: Sequence[Target]) -> Matched:
    """What the same score costs: FLOPs to the lower of both final scores, or to the other one."""
    finals = [target for target in targets if target.key.endswith("_final")]
    finals.sort(key=lambda target: orient(metric) * target.score)
    for target in finals:
        ratio = target.ratios.get("flops")
        if ratio is not None and ratio.known:
            word: Verdict = "undecided"
            if target.pairs == 1:
                word = NO_VERDICT
            elif ratio.sure_high is not None and ratio.sure_high < 1:
                word = "better"
            elif ratio.sure_low is not None and ratio.sure_low > 1:
                word = "worse"
            return Matched(
                "target", metric, target.pairs, word, target.score, target.score, ratio=ratio,
                notes=(target.sentence,),
            )  # fmt: skip
    return _refused("target", metric, finals[0].pairs, finals[0].reasons.get("flops", ""))


def _at_convergence(matches: Sequence[Match], curves: Sequence[Pair], metric: str, margin: float) -> Matched:
    """Both arms at their ends, if neither gained more than the margin in the last quarter of its steps."""
    late = [float(np.mean([_late_gain(pair[side]) for pair in curves])) for side in (0, 1)]
    rising = [
        f"{matches[0].sides[side].arm} still gained {phrases.number(gain)} in the last quarter of its steps"
        for side, gain in enumerate(late)
        if gain > margin
    ]
    if rising:
        return _refused("converged", metric, len(curves), f"not converged: {'; '.join(rising)}")
    scores = np.array([[curve.scores[-1] for curve in pair] for pair in curves])
    falling = any(_falls(record.config) for record in matches[0].sides)
    notes = ["A learning rate that falls to nothing levels any curve off: a longer schedule may gain more."]
    return _matched("converged", matches, metric, margin, scores, np.ones_like(scores), notes * falling)


def _late_gain(curve: LearningCurve) -> float:
    """What the score gained after three quarters of the steps."""
    return float(curve.scores[-1]) - curve.score_at("steps", _LAST * float(curve.spent["steps"][-1]))


def _falls(config: Mapping[str, Any]) -> bool:
    """Whether the learning rate falls over the run; unknown counts as yes."""
    return at(config, "optim.decay") != "constant"


def _refused(matching: Matching, metric: str, pairs: int, reason: str) -> Matched:
    return Matched(matching, metric, pairs, "undecided" if pairs > 1 else NO_VERDICT, reason=reason)
