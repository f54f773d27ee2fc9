"""Learning curves: a run's validation scores with what was spent by then, and means over an arm's seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from headstart.compare.pairs import Match
from headstart.metrics import orient
from headstart.records.curve import CURVE
from headstart.records.fingerprint import as_mapping
from headstart.records.kept import stamp_of
from headstart.records.record import Record
from headstart.resources import ResourceKey

Point = Mapping[str, Any]  # a line of curve.jsonl
Axis = Literal["step", "flops", "seconds"]
RESOURCE_KEYS: tuple[ResourceKey, ...] = get_args(ResourceKey)
_COLUMNS: Mapping[str, str] = {"steps": "step", "tokens": "tokens_padded"}  # the others have their own name


@dataclass(frozen=True)
class Reach:
    """What a run spent until it first reached a score, or in all if it never did."""

    cost: float
    reached: bool
    before: float | None = None  # at the evaluation before; None: there is none
    after: float = math.inf  # at the first evaluation that had cost anything: bounds "before any training"

    @property
    def least(self) -> float:
        """The least that the score can have cost."""
        return self.before if self.reached and self.before is not None else self.cost

    @property
    def most(self) -> float:
        """The most that the score can have cost."""
        return self.cost if self.reached else math.inf


@dataclass(frozen=True)
class LearningCurve:
    """One run's evaluations: scores, oriented so that higher is better, and what was spent by each."""

    scores: np.ndarray  # (evaluations,)
    spent: Mapping[ResourceKey, np.ndarray]  # (evaluations,) each; only resources that every evaluation has

    def score_at(self, resource: ResourceKey, amount: float) -> float:
        """The score when that much was spent, straight between evaluations."""
        return float(np.interp(amount, self.spent[resource], self.scores))

    def first_at(self, score: float) -> int | None:
        """The first evaluation at or above that score; None when there is none."""
        hits = self.scores >= score
        first = int(hits.argmax())
        return first if hits[first] else None

    def reach(self, score: float, resource: ResourceKey) -> Reach:
        """What it spent until the first evaluation at or above that score."""
        costs, index = self.spent[resource], self.first_at(score)
        positive = costs > 0
        first = int(positive.argmax())
        return Reach(
            cost=float(costs[-1 if index is None else index]),
            reached=index is not None,
            before=float(costs[index - 1]) if index else None,
            after=float(costs[first]) if positive[first] else math.inf,
        )


@dataclass(frozen=True)
class Curve:
    """One learning curve of one arm: points at the evaluations, averaged over seeds."""

    arm: str
    axis: Axis
    metric: str  # a validation metric, or "loss"
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]  # minimum over seeds
    high: tuple[float, ...]  # maximum over seeds
    runs: tuple[int, ...]  # runs under each point


Pair = tuple[LearningCurve, LearningCurve]  # baseline, arm
MOST_KEPT = 4096  # learning curves
_kept: dict[Hashable, LearningCurve | None] = {}


def learning_curve(record: Record, metric: str) -> LearningCurve | None:
    """The evaluations of a run that have the metric; None without one."""
    content = record.curve_digest or stamp_of(record.folder / CURVE)
    key = (record.folder, content, record.cost.energy.backend, metric)  # every cost to a target asks again
    if key not in _kept:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = _learning_curve(record, metric)
    return _kept[key]


def _learning_curve(record: Record, metric: str) -> LearningCurve | None:
    points = _scored(record.curve(), metric)
    if not points:
        return None
    columns: dict[ResourceKey, list[Any]] = {
        key: [point.get(_COLUMNS.get(key, key)) for point in points] for key in RESOURCE_KEYS
    }
    return LearningCurve(
        scores=orient(metric) * np.array([point["validation"][metric] for point in points], dtype=float),
        spent={key: np.array(values, dtype=float) for key, values in columns.items() if None not in values},
    )


def curves(records: Sequence[Record], metrics: Sequence[str]) -> tuple[Curve, ...]:
    """One curve per metric and axis for the runs of one arm; metrics that no curve shows are left out."""
    by_step: dict[int, list[Point]] = defaultdict(list)  # runs of one condition share the steps
    for record in records:
        for point in record.curve():
            by_step[point["step"]].append(point)
    curves: list[Curve] = []
    for metric in metrics:
        groups = [_scored(by_step[step], metric) for step in sorted(by_step)]
        groups = [points for points in groups if points]
        values = [np.array([p["validation"][metric] for p in points], dtype=np.float64) for points in groups]
        curves += [
            Curve(
                arm=records[0].arm,
                axis=axis,
                metric=metric,
                x=tuple(float(np.mean([p[axis] for p in points])) for points in groups),
                mean=tuple(float(v.mean()) for v in values),
                low=tuple(float(v.min()) for v in values),
                high=tuple(float(v.max()) for v in values),
                runs=tuple(len(v) for v in values),
            )
            for axis in get_args(Axis)
            if groups
        ]
    return tuple(curves)


def _scored(points: Sequence[Point], metric: str) -> list[Point]:
    """The evaluations that have a validation score of that metric."""
    return [point for point in points if as_mapping(point.get("validation")).get(metric) is not None]


def pairs_of_curves(matches: Sequence[Match], metric: str) -> list[Pair]:
    """Both curves of every pair; none where a curve of some pair lacks the metric."""
    pairs = known_pairs(matches, metric)
    return pairs if len(pairs) == len(matches) else []


def known_pairs(matches: Sequence[Match], metric: str) -> list[Pair]:
    """Both curves of the pairs in which both have the metric."""
    sides = [(learning_curve(pair.baseline, metric), learning_curve(pair.arm, metric)) for pair in matches]
    return [(left, right) for left, right in sides if left is not None and right is not None]
