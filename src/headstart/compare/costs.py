"""Costs: what the arm consumed relative to the baseline, and what each needed to reach the other's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.compare.findings import Interval, Ratio, Resource, ToTarget
from headstart.compare.pairs import Match
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.verdicts import to_target_sentence
from headstart.metrics import orient
from headstart.records.record import Record

RESOURCES: tuple[Resource, ...] = ("flops", "tokens", "seconds", "joules")
_COUNTERS = ("measured", "sampled")
TIME_RATIO = "estimated energy: on a machine without counters an energy ratio is a time ratio"


def train_cost(record: Record, resource: Resource) -> float | None:
    """What the train phase consumed: FLOPs, tokens with padding, seconds, joules; None when unknown."""
    cost = record.cost
    if resource == "tokens":
        return cost.tokens.train.padded
    if resource == "joules":
        return (cost.energy.joules or {}).get("train")
    return getattr(cost, resource).train


def ratio(matches: Sequence[Match], resource: Resource) -> Ratio:
    """Geometric mean over pairs of arm / baseline, with Student's interval on the logarithms."""
    usable, reasons = _usable(matches, resource)
    sides = [[float(train_cost(r, resource) or 0) for r in pair.sides] for pair in usable]
    kept = [pair for pair in sides if min(pair) > 0]
    reasons += ["a run consumed none"] * (len(sides) - len(kept))
    estimated = resource == "joules" and any(_method(pair.arm) not in _COUNTERS for pair in usable)
    if not kept:
        return Ratio(
            resource, None, None, (), None, None, False, reasons[0] if reasons else "no pair is left"
        )
    each = [arm / baseline for baseline, arm in kept]
    value, interval = geometric_mean(each)
    notes = [_some(resource, len(kept), len(matches), reasons[0])] if reasons else []
    baseline, arm = np.mean(kept, axis=0)
    notes += _lower_bound(matches) if resource == "flops" else []
    notes += [TIME_RATIO] if estimated else []
    return Ratio(
        resource, value, interval, tuple(each), float(baseline), float(arm), estimated, None, tuple(notes),
        lower_bound=resource == "flops" and bool(_lower_bound(matches)),
    )  # fmt: skip


def _some(resource: Resource, kept: int, pairs: int, reason: str) -> str:
    name = {"flops": "FLOPs", "joules": "energy", "seconds": "time"}.get(resource, resource)
    return f"{name}: only {kept} of {pairs} pairs can be compared; left out: {reason}"


def geometric_mean(ratios: Sequence[float]) -> tuple[float, Interval | None]:
    """Geometric mean and its interval; exactly 1 when every ratio is."""
    if all(each == 1 for each in ratios):
        return 1.0, Interval(1.0, 1.0) if len(ratios) > 1 else None
    logs = np.log(ratios)
    found = student_interval(logs)
    interval = Interval(float(np.exp(found.low)), float(np.exp(found.high))) if found else None
    return float(np.exp(logs.mean())), interval


def energy_word(joules: Ratio, matches: Sequence[Match]) -> str:
    """How a sentence speaks of the energy of these pairs."""
    if joules.value is not None:
        return "estimated" if joules.estimated else "measured"
    known = [r for pair in matches for r in pair.sides if r.cost.energy.joules is not None]
    return "not comparable" if known else "not measured"


def energy_method(matches: Sequence[Match]) -> str | None:
    """ "measured" or "estimated" when that holds for all joules of these pairs, refused ratio or not."""
    known = [r for pair in matches for r in pair.sides if r.cost.energy.joules is not None]
    words = {"measured" if _method(record) in _COUNTERS else "estimated" for record in known}
    return words.pop() if len(words) == 1 and len(known) == 2 * len(matches) else None


def to_target(matches: Sequence[Match], metric: str, runner: int) -> ToTarget | None:
    """What side `runner` (0 baseline, 1 arm) needed to reach the other side's last validation score.

    The first evaluation at or above the target counts: nothing is interpolated between evaluations. None when
    there are no pairs, or the curves do not show the metric.
    """
    found = [first_at(pair.sides[runner], pair.sides[1 - runner], metric) for pair in matches]
    known = [one for one in found if one is not None]
    if not known:
        return None
    names = matches[0].sides[runner].arm, matches[0].sides[1 - runner].arm
    points = [point for _, point, _ in known]
    result = ToTarget(
        runner=names[0],
        target_of=names[1],
        metric=metric,
        target=float(np.mean([target for target, _, _ in known])),
        pairs=len(known),
        reached=sum(point is not None for point in points),
        steps=tuple(point and point["step"] for point in points),
        flops=tuple(point and point["flops"] for point in points),
        seconds=tuple(point and point["seconds"] for point in points),
        median_steps=_median([point and point["step"] for point in points]),
        median_flops=_median([point and point["flops"] for point in points]),
        median_seconds=_median([point and point["seconds"] for point in points]),
        flops_share=_median([_share(point, end, "flops") for _, point, end in known]),
        seconds_share=_median([_share(point, end, "seconds") for _, point, end in known]),
        sentence="",
    )
    return replace(result, sentence=to_target_sentence(result))


def first_at(runner: Record, other: Record, metric: str) -> tuple[float, Any, Any] | None:
    """(target, the runner's first point at it or None, the other's last point); None without the metric."""
    goal = [point for point in other.curve() if _value(point, metric) is not None]
    own = [point for point in runner.curve() if _value(point, metric) is not None]
    if not goal or not own:
        return None
    target, sign = float(_value(goal[-1], metric) or 0.0), orient(metric)
    hits = (point for point in own if sign * float(_value(point, metric) or 0.0) >= sign * target)
    return target, next(hits, None), goal[-1]


def _value(point: dict[str, Any], metric: str) -> float | None:
    return (point.get("validation") or {}).get(metric)


def _share(point: Any, end: Any, resource: str) -> float | None:
    return point[resource] / end[resource] if point is not None and end[resource] else None


def _median(values: Sequence[float | None]) -> float | None:
    """The median with censored values as infinite; None when it is one of them."""
    found = float(np.median([np.inf if value is None else value for value in values]))
    return found if np.isfinite(found) else None


def refusal(pair: Match, resource: str) -> str | None:
    """Why seconds or joules of this pair may not be compared; None when they, or anything else, may."""
    rule = {"joules": _energy_refusal, "seconds": _place_refusal}.get(resource)
    return rule(pair) if rule else None


def _usable(matches: Sequence[Match], resource: Resource) -> tuple[list[Match], list[str]]:
    """The pairs whose ratio means something, and the reasons of the others."""
    judged = [(pair, refusal(pair, resource)) for pair in matches]
    usable = [pair for pair, reason in judged if reason is None]
    methods = {_method(pair.arm) in _COUNTERS for pair in usable} if resource == "joules" else set()
    if len(methods) > 1:
        return [], ["some pairs are measured, others estimated"]
    return usable, [reason for _, reason in judged if reason is not None]


def _energy_refusal(pair: Match) -> str | None:
    """Joules compare only with one method, backend, boundary and machine, both runs alone on it."""
    left, right = (record.cost.energy for record in pair.sides)
    for record, energy in zip(pair.sides, (left, right), strict=True):
        if train_cost(record, "joules") is None:
            return f"not measured in {record.label}: {energy.reason or 'no joules for the train phase'}"
    reasons = [
        f"the energy {name} differs: {getattr(left, name)} against {getattr(right, name)}"
        for name in ("method", "backend", "boundary")
        if getattr(left, name) != getattr(right, name)
    ]
    reasons += [reason for reason in (_company(pair), _place_refusal(pair)) if reason]
    return "; ".join(reasons) or None


def _company(pair: Match) -> str | None:
    """Whose joules may hold another's work; what is not known is said in other words than what is."""
    for record in pair.sides:
        if record.cost.energy.exclusive is False:
            return f"{record.label} was not alone on the machine"
    if any(record.cost.energy.exclusive is None for record in pair.sides):
        return "it is not known that the runs were alone on the machine"
    return None


def _place_refusal(pair: Match) -> str | None:
    left, right = (record.environment for record in pair.sides)
    for name in ("machine", "device", "threads"):
        if getattr(left, name) != getattr(right, name):
            return f"the {name} differs: {getattr(left, name)} against {getattr(right, name)}"
    return None


def _method(record: Record) -> str:
    return record.cost.energy.method


def _lower_bound(matches: Sequence[Match]) -> list[str]:
    names = sorted({n for pair in matches for r in pair.sides for n in r.cost.flops.lower_bound})
    return [f"a lower bound: no formula for {', '.join(names)}"] if names else []
