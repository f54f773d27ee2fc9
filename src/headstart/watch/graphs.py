"""Graphs: learning curves and watts of the runs of a study, as lines."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from headstart.errors import RecordError
from headstart.metrics import metric_title
from headstart.records.curve import CURVE, read_curve, watts
from headstart.records.kept import Kept, stamp_of

if TYPE_CHECKING:
    from headstart.studies.status import RunStatus, StudyStatus

MOST_LINES = 24  # of one graph: the newest runs
MOST_GRAPHS = 6  # of learning curves: the newest conditions
Points = Sequence[dict[str, Any]]  # the evaluations of a run


@dataclass(frozen=True)
class Line:
    """One run: points in the order of x."""

    arm: str
    title: str
    points: tuple[tuple[float, float], ...]
    live: bool  # it trains now


@dataclass(frozen=True)
class Graph:
    """Lines over one axis; `note` says what a reader must know to read them."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    note: str = ""
    from_zero: bool = False  # the y axis begins at 0


class Graphs:
    """Makes the graphs of a study from its curves; those that did not change are not read again."""

    def __init__(self) -> None:
        self._curve = Kept(lambda file: read_curve(file)[0])

    def of(self, study: StudyStatus) -> tuple[Graph, ...]:
        """The learning curves of the newest conditions, then watts by method."""
        stamped = [
            (stamp, run)
            for run in study.runs
            if run.folder and not run.planned.trial and (stamp := stamp_of(run.folder / CURVE))
        ]
        newest = [run for _, run in sorted(stamped, key=lambda pair: pair[0], reverse=True)]
        return (*self._curves(newest), *self._watts(newest))

    def _curves(self, runs: Sequence[RunStatus]) -> Iterator[Graph]:
        groups: dict[str, list[RunStatus]] = defaultdict(list)
        for run in runs:
            groups[run.planned.condition].append(run)
        for condition, group in [*groups.items()][:MOST_GRAPHS]:
            metric = group[0].planned.headline
            if lines := self._lines(group, partial(_scores, metric)):
                note = f"the newest of {len(group)} runs" if len(group) > MOST_LINES else ""
                yield Graph(
                    condition, "training step", f"{metric_title(metric)} on validation rows", lines, note
                )

    def _watts(self, runs: Sequence[RunStatus]) -> Iterator[Graph]:
        """A graph per method: measured and estimated watts are never drawn together."""
        methods = dict.fromkeys(run.record.method for run in runs if run.record)
        usual = next(iter(methods)) if len(methods) == 1 else ""
        groups: dict[str, list[RunStatus]] = defaultdict(list)
        for run in runs:
            groups[run.record.method if run.record else usual].append(run)
        for method, group in groups.items():
            if lines := self._lines(group, _powers):
                word = method or "the first run that ends says whether measured or estimated"
                note = "of training alone, between two evaluations"
                yield Graph(f"Watts ({word})", "seconds of training", "W", lines, note, from_zero=True)

    def _lines(
        self, runs: Sequence[RunStatus], points_of: Callable[[Points], Iterator[tuple[float, float]]]
    ) -> tuple[Line, ...]:
        lines: list[Line] = []
        for run in runs[:MOST_LINES]:
            evaluations: Points = ()
            with suppress(RecordError):  # the run's own report says what is wrong with it
                evaluations = self._curve(run.folder / CURVE) if run.folder else ()
            if points := tuple(points_of(evaluations)):
                lines.append(Line(run.planned.arm, run.title, points, run.status == "training"))
        return tuple(lines)


def _scores(metric: str, points: Points) -> Iterator[tuple[float, float]]:
    """(step, score) of every evaluation that has the score."""
    for point in points:
        if _is_number(score := point["validation"].get(metric)):
            yield float(point["step"]), float(score)


def _powers(points: Points) -> Iterator[tuple[float, float]]:
    """(seconds, watts) of every evaluation after the first."""
    known = [point for point in points if all(_is_number(point.get(key)) for key in ("seconds", "joules"))]
    for previous, point in pairwise(known):
        if (power := watts(point, previous)) is not None:
            yield float(point["seconds"]), power


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
