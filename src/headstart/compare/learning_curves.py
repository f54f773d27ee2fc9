"""Validation curves as arrays: what a pair of runs scored on the way, and what each had spent by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from headstart.compare.pairs import Match
from headstart.compare.values.efficiency import Axis
from headstart.metrics import orient
from headstart.records.record import Record

AXES: tuple[Axis, ...] = get_args(Axis)
_COLUMNS: Mapping[Axis, str] = {"steps": "step", "tokens": "tokens_padded"}  # the others have their own name


@dataclass(frozen=True)
class Walk:
    """One run's way: (evaluations,) of scores, oriented so that higher is better, and of every resource."""

    scores: np.ndarray
    spent: Mapping[Axis, np.ndarray]  # only resources that every evaluation has

    def score_at(self, axis: Axis, amount: float) -> float:
        """The score when that much was spent, straight between evaluations."""
        return float(np.interp(amount, self.spent[axis], self.scores))

    def first_at(self, score: float) -> int | None:
        """The first evaluation with that score; None when there is none."""
        hits = np.flatnonzero(self.scores >= score)
        return int(hits[0]) if len(hits) else None


def walks(matches: Sequence[Match], metric: str) -> list[tuple[Walk, Walk]]:
    """Both sides of every pair, baseline first; none where a curve of some pair lacks the metric."""
    found = [tuple(_walk(record, metric) for record in pair.sides) for pair in matches]
    whole = [(left, right) for left, right in found if left is not None and right is not None]
    return whole if len(whole) == len(found) else []


def _walk(record: Record, metric: str) -> Walk | None:
    points = [point for point in record.curve() if _score(point, metric) is not None]
    if not points:
        return None
    names: list[tuple[Axis, str]] = [(axis, _COLUMNS.get(axis, axis)) for axis in AXES]
    columns: dict[Axis, list[Any]] = {axis: [p.get(name) for p in points] for axis, name in names}
    return Walk(
        scores=orient(metric) * np.array([_score(point, metric) for point in points], dtype=float),
        spent={axis: np.array(each, dtype=float) for axis, each in columns.items() if None not in each},
    )


def _score(point: Mapping[str, Any], metric: str) -> float | None:
    return (point.get("validation") or {}).get(metric)
