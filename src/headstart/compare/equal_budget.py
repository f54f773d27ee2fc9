"""Equal budget: the gain on validation when both arms have spent the same, for every resource.

The winner may change with the resource, so that none is shown alone. Where the arms spent different amounts,
the one that spent more is read off its learning curve at what the other spent. A run whose learning rate was
to fall until its own end had not finished there: such a cut is called unfair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from headstart.compare import factors
from headstart.compare.cost_to_target import Target
from headstart.compare.costs import refusal
from headstart.compare.learning_curves import RESOURCE_KEYS, Pair, pairs_of_curves
from headstart.compare.pairs import Match
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.ranges import of_gain
from headstart.compare.sentences import equal_budget as sentences
from headstart.compare.settings import at
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.verdicts import NO_VERDICT, Verdict, verdict_of
from headstart.metrics import orient
from headstart.resources import ResourceKey

Matching = Literal["steps", "samples", "tokens", "flops", "seconds", "joules", "target", "converged"]
_SAME = 1e-9  # totals this close (relative) are equal
_WHOLE = 0.95  # a run read this far has had nearly all of its decay: such a cut is a fact, not unfair
_LAST = 0.75  # a curve has converged when it gains no more than the margin after this part of its steps


def rows(
    template: Quantity, matches: Sequence[Match], metric: str, margin: float, targets: Sequence[Target]
) -> Rows:
    """Gain, scores and parts used under every matching; a gain without a value says why. None without curves.

    At the same score ("target") there is a ratio of FLOPs, and the
    verdict of the gain's row, which has no value, is about that ratio.
    """
    curves = pairs_of_curves(matches, metric)
    if not curves:
        return NO_ROWS
    template = replace(template, metric=metric, n=len(curves))
    found: list[Quantity] = []
    for resource in RESOURCE_KEYS:
        found += _at_equal(template, matches, curves, margin, resource)
    return Rows([*found, *_at_target(template, targets), *_at_convergence(template, matches, curves, margin)])


def _at_equal(
    template: Quantity, matches: Sequence[Match], curves: Sequence[Pair], margin: float, resource: ResourceKey
) -> list[Quantity]:
    """Both arms when they have spent the smaller of both totals."""
    if any(resource not in curve.spent for pair in curves for curve in pair):
        return _refused(template, resource, "not measured")
    reasons = [reason for pair in matches if (reason := refusal(pair, resource))]
    if reasons:
        return _refused(template, resource, reasons[0])
    totals = np.array([[curve.spent[resource][-1] for curve in pair] for pair in curves])  # (pairs, 2)
    budget = totals.min(axis=1)
    scores = np.array([
        [curve.score_at(resource, amount) for curve in pair]
        for pair, amount in zip(curves, budget, strict=True)
    ])  # fmt: skip
    shares = np.divide(budget[:, None], totals, out=np.ones_like(totals), where=totals > 0)
    shares[shares > 1 - _SAME] = 1.0
    return _matched(template, resource, matches, margin, scores, shares)


def _matched(
    template: Quantity, matching: Matching, matches: Sequence[Match], margin: float, scores: np.ndarray,
    shares: np.ndarray, notes: Sequence[str] = (),
) -> list[Quantity]:  # fmt: skip
    """Scores (pairs, 2), oriented, and the share of its own total that each run is read at."""
    gains = scores[:, 1] - scores[:, 0]
    table = factors.table([pair.sides for pair in matches])
    interval = of_gain(student_interval(gains, table=table), template.metric)  # not over validation examples
    if interval and interval.low == interval.high and gains[0]:
        interval, notes = None, (*notes, sentences.NO_SPREAD)
    cut = [side for side in (0, 1) if (shares[:, side] < 1).any()]
    falling = [side for side in cut if _falls(matches[0].sides[side].config)]
    unfair = [side for side in falling if shares[:, side].mean() < _WHOLE]
    cuts = [sentences.cut_short(matches[0].sides[side].arm, float(shares[:, side].mean())) for side in unfair]
    means = orient(template.metric) * scores.mean(axis=0)
    word = verdict_of(interval, margin, len(gains))
    note = " ".join([sentences.UNFAIR] * bool(unfair) + [*notes, *cuts])
    sides = (("baseline_score", means[0]), ("score", means[1]))
    parts = (("baseline_share", shares[:, 0].mean()), ("share", shares[:, 1].mean()))
    return [
        template.named(f"matched.{matching}.gain", verdict=word, note=note).at(float(gains.mean()), interval),
        *(template.named(f"matched.{matching}.{name}").at(float(value)) for name, value in (*sides, *parts)),
    ]


def _at_target(template: Quantity, targets: Sequence[Target]) -> list[Quantity]:
    """What the same score costs: FLOPs to the lower of both final scores, or to the other one."""
    finals = [target for target in targets if target.key.endswith("_final")]
    finals.sort(key=lambda target: orient(template.metric) * target.score)
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
            template = replace(template, n=target.pairs)
            return [
                template.named("matched.target.gain", verdict=word, note=target.sentence),
                template.named("matched.target.score").at(target.score),
                template.named("matched.target.baseline_score").at(target.score),
                *template.named("matched.target.flops_ratio").with_interval(ratio),
            ]
    return _refused(replace(template, n=finals[0].pairs), "target", finals[0].reasons.get("flops", ""))


def _at_convergence(
    template: Quantity, matches: Sequence[Match], curves: Sequence[Pair], margin: float
) -> list[Quantity]:
    """Both arms at their ends, if neither gained more than the margin in the last quarter of its steps."""
    late = [late_gain(curves, side) for side in (0, 1)]
    arms = [record.arm for record in matches[0].sides]
    rising = [sentences.still_gained(arms[side], gain) for side, gain in enumerate(late) if gain > margin]
    if rising:
        return _refused(template, "converged", f"not converged: {'; '.join(rising)}")
    scores = np.array([[curve.scores[-1] for curve in pair] for pair in curves])
    falling = any(_falls(record.config) for record in matches[0].sides)
    notes = [sentences.LEVELS_OFF] * falling
    return _matched(template, "converged", matches, margin, scores, np.ones_like(scores), notes)


def late_gain(curves: Sequence[Pair], side: int) -> float:
    """What a side gained on validation after three quarters of its steps, mean over pairs."""
    ends = [(pair[side], _LAST * float(pair[side].spent["steps"][-1])) for pair in curves]
    return float(np.mean([float(curve.scores[-1]) - curve.score_at("steps", step) for curve, step in ends]))


def _falls(config: Mapping[str, Any]) -> bool:
    """Whether the learning rate falls over the run; unknown counts as yes."""
    return at(config, "optim.decay") != "constant"


def _refused(template: Quantity, matching: Matching, reason: str) -> list[Quantity]:
    return [template.named(f"matched.{matching}.gain", note=reason)]
