"""Learning curves: every arm's evaluations on one axis, averaged over its seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.compare.findings import Axis, Curve
from headstart.records.record import Record

AXES: tuple[Axis, ...] = ("step", "flops", "seconds")


def curves(records: Sequence[Record], metrics: Sequence[str]) -> tuple[Curve, ...]:
    """One curve per metric and axis for the runs of one arm; metrics that no curve shows are left out."""
    points = _by_step(records)
    return tuple(
        curve
        for metric in metrics
        for axis in AXES
        if (curve := _curve(records[0].arm, axis, metric, points)) is not None
    )


def _by_step(records: Sequence[Record]) -> list[list[dict[str, Any]]]:
    """The points of all runs, grouped by step: runs of one condition evaluate at the same steps."""
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        for point in record.curve():
            groups[point["step"]].append(point)
    return [groups[step] for step in sorted(groups)]


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
