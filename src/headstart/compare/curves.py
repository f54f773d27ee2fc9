"""Learning curves: every arm's evaluations on one axis, averaged over its seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from headstart.records.record import Record

Axis = Literal["step", "flops", "seconds"]


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
    sd: tuple[float | None, ...]  # between seeds; None at points with one run
    runs: tuple[int, ...]  # runs under each point


def curves(records: Sequence[Record], metrics: Sequence[str]) -> tuple[Curve, ...]:
    """One curve per metric and axis for the runs of one arm; metrics that no curve shows are left out."""
    by_step: dict[int, list[dict[str, Any]]] = defaultdict(list)  # runs of one condition share the steps
    for record in records:
        for point in record.curve():
            by_step[point["step"]].append(point)
    points = [by_step[step] for step in sorted(by_step)]
    return tuple(
        curve
        for metric in metrics
        for axis in get_args(Axis)
        if (curve := _curve(records[0].arm, axis, metric, points)) is not None
    )


def _curve(arm: str, axis: Axis, metric: str, groups: Sequence[Sequence[dict[str, Any]]]) -> Curve | None:
    shown = [[p for p in group if (p.get("validation") or {}).get(metric) is not None] for group in groups]
    shown = [group for group in shown if group]
    if not shown:
        return None
    values = [np.array([p["validation"][metric] for p in group], dtype=np.float64) for group in shown]
    return Curve(
        arm=arm,
        axis=axis,
        metric=metric,
        x=tuple(float(np.mean([p[axis] for p in group])) for group in shown),
        mean=tuple(float(v.mean()) for v in values),
        low=tuple(float(v.min()) for v in values),
        high=tuple(float(v.max()) for v in values),
        sd=tuple(float(v.std(ddof=1)) if len(v) > 1 else None for v in values),
        runs=tuple(len(v) for v in values),
    )
