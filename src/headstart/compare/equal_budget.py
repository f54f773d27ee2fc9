"""Matchings: the same pairs, made equal in steps, FLOPs, seconds, or in what was reached.

The winner may change with the matching, so that none is shown alone.

Where the arms spent different amounts, the one that spent more is read off its validation curve at what the
other spent. A run whose learning rate was to fall until its own end had not finished there: such a cut is
called unfair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headstart.compare import phrases
from headstart.compare.costs import refusal
from headstart.compare.learning_curves import AXES, Walk, walks
from headstart.compare.pairs import Match
from headstart.compare.ranges import of_gain
from headstart.compare.settings import at
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.values.claims import NO_WORD, Word
from headstart.compare.values.efficiency import Axis, Bounded, Matched, Matching, Target
from headstart.compare.verdicts import verdict
from headstart.metrics import orient

_SAME = 1e-9  # totals this close (relative) are equal
_WHOLE = 0.95  # a run read this far has had nearly all of its decay: such a cut is a fact, not unfair
_LAST = 0.75  # a curve has converged when it gains no more than the margin after this part of its steps


def matchings(
    matches: Sequence[Match], metric: str, margin: float, targets: Sequence[Target]
) -> tuple[Matched, ...]:
    """Every matching, those that the curves do not support with the reason; none without curves."""
    found = walks(matches, metric)
    if not found:
        return ()
    return (
        *(_at_equal(matches, found, metric, margin, axis) for axis in AXES),
        _at_target(metric, targets),
        _at_convergence(matches, found, metric, margin),
    )


def _at_equal(
    matches: Sequence[Match], found: Sequence[tuple[Walk, Walk]], metric: str, margin: float, axis: Axis
) -> Matched:
    """Both arms when they have spent the smaller of both totals."""
    if any(axis not in walk.spent for pair in found for walk in pair):
        return _untold(axis, metric, len(found), "not measured")
    reasons = [reason for pair in matches if (reason := refusal(pair, axis))]
    if reasons:
        return _untold(axis, metric, len(found), reasons[0])
    totals = np.array([[walk.spent[axis][-1] for walk in pair] for pair in found])  # (pairs, 2)
    budget = totals.min(axis=1)
    scores = np.array(
        [[walk.score_at(axis, amount) for walk in pair] for pair, amount in zip(found, budget, strict=True)]
    )
    shares = np.divide(budget[:, None], totals, out=np.ones_like(totals), where=totals > 0)
    shares[shares > 1 - _SAME] = 1.0
    return _told(axis, matches, metric, margin, scores, shares)


def _told(
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
    means = orient(metric) * scores.mean(axis=0)
    return Matched(
        matching=matching,
        metric=metric,
        pairs=len(gains),
        baseline_score=float(means[0]),
        arm_score=float(means[1]),
        gain=float(gains.mean()),
        interval=interval,
        word=verdict(interval, margin, len(gains)),
        cut=matches[0].sides[cut[0]].arm if len(cut) == 1 else None,
        baseline_share=float(shares[:, 0].mean()),
        arm_share=float(shares[:, 1].mean()),
        unfair=bool(unfair),
        notes=(*notes, *_unfair(matches[0], unfair, shares)),
    )


def _at_target(metric: str, targets: Sequence[Target]) -> Matched:
    """What the same quality costs: FLOPs to the lower of both final scores, or to the other one."""
    finals = sorted(
        (target for target in targets if target.share is None),
        key=lambda target: orient(metric) * target.score,
    )
    for target in finals:
        ratio = target.needed["flops"].ratio
        if ratio is not None and ratio.censored != "unknown":
            word = _cheaper(ratio) if target.pairs > 1 else NO_WORD
            nothing = (None, None, word, None, None, None)
            sides = (target.score, target.score)
            return Matched(
                "target", metric, target.pairs, *sides, *nothing, unfair=False, ratio=ratio,
                notes=(target.sentence,),
            )  # fmt: skip
    return _untold("target", metric, finals[0].pairs, finals[0].needed["flops"].reason)


def _cheaper(ratio: Bounded) -> Word:
    if ratio.sure_high is not None and ratio.sure_high < 1:
        return "better"
    return "worse" if ratio.sure_low is not None and ratio.sure_low > 1 else "undecided"


def _at_convergence(
    matches: Sequence[Match], found: Sequence[tuple[Walk, Walk]], metric: str, margin: float
) -> Matched:
    """Both arms at their ends, if neither gained more than the margin in the last quarter of its steps."""
    late = [float(np.mean([_late(pair[side]) for pair in found])) for side in (0, 1)]
    rising = [
        f"{matches[0].sides[side].arm} still gained {phrases.number(gain)} in the last quarter of its steps"
        for side, gain in enumerate(late)
        if gain > margin
    ]
    if rising:
        return _untold("converged", metric, len(found), f"not converged: {'; '.join(rising)}")
    scores = np.array([[walk.scores[-1] for walk in pair] for pair in found])
    falling = any(_falls(record.config) for record in matches[0].sides)
    notes = ["A learning rate that falls to nothing levels any curve off: a longer schedule may gain more."]
    return _told("converged", matches, metric, margin, scores, np.ones_like(scores), notes * falling)


def _late(walk: Walk) -> float:
    """What the score gained after three quarters of the steps."""
    return float(walk.scores[-1]) - walk.score_at("steps", _LAST * float(walk.spent["steps"][-1]))


def _unfair(pair: Match, sides: Sequence[int], shares: np.ndarray) -> Iterator[str]:
    for side in sides:
        part = phrases.percent(float(shares[:, side].mean()))
        yield (
            f"{pair.sides[side].arm} is read at {part} of its training, while its learning rate was to fall "
            "until the end: a run planned for that long would score higher."
        )


def _falls(config: Mapping[str, Any]) -> bool:
    """Whether the learning rate falls over the run; unknown counts as yes."""
    return at(config, "optim.decay") != "constant"


def _untold(matching: Matching, metric: str, pairs: int, reason: str) -> Matched:
    word = "undecided" if pairs > 1 else NO_WORD
    nothing = (None, None, None, None, word, None, None, None)
    return Matched(matching, metric, pairs, *nothing, unfair=False, reason=reason)
