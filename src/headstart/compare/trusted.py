"""Trusted: the runs of a study whose files agree with each other; every other one is left out by name.

What a record says of scores and costs is said again by its curve and its predictions. Where they contradict
each other nobody knows which is right, so the run is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from headstart.compare.settings import at
from headstart.errors import RecordError
from headstart.metrics import METRICS, can_recompute, limits, metric_name, orient, score
from headstart.records.curve import CURVE, RECENT_CURVES
from headstart.records.predictions import PREDICTIONS, Predictions
from headstart.records.record import Record
from headstart.records.sections import Cost
from headstart.records.store import StoredStudy, read_run, read_study

Numbered = tuple[np.ndarray, np.ndarray, int]
TOLERANCE = 1e-3  # of a score, or of its size: a statistic is stored in single precision


def read_trusted(folder: Path, beside: Sequence[Record] = ()) -> StoredStudy:
    """The study in `folder` without the runs whose files contradict each other: these are problems."""
    return read_study(folder, beside, read_consistent)


def read_consistent(folder: Path) -> Record:
    """The record of a run whose files agree with each other; RecordError says where they do not."""
    record = read_run(folder)
    try:
        contradiction = next(contradictions(record), None)
    except RecordError as error:
        contradiction = str(error)
    if contradiction is not None:
        raise RecordError(f"{contradiction}; train it again")
    return record


def contradictions(record: Record) -> Iterator[str]:
    """Where the files of a run contradict each other, with both values."""
    yield from _impossible_scores(record)
    yield from _sums(record.cost)
    if record.status == "finished":
        yield from _unlike_the_curve(record)
    if record.finished:
        yield from _unlike_the_predictions(record)


def _impossible_scores(record: Record) -> Iterator[str]:
    for split in ("validation", "test"):
        scores = getattr(record.scores, split)
        if scores is None:
            continue
        headline = record.config["task"]["headline"]
        if headline not in scores:
            yield f"its record has no {split} score called {headline}, the headline metric of its task"
        for name, value in scores.items():
            low, high = limits(name)
            if not low <= value <= high:
                yield f"its record has a {split} {metric_name(name)} of {value:g}, beyond {low:g} to {high:g}"


def _sums(cost: Cost) -> Iterator[str]:
    """Totals are those of their phases."""
    parts = {"FLOPs": dict(cost.flops), "seconds": dict(cost.seconds), "joules": cost.energy.joules}
    for name, phases in parts.items():
        values = {phase: value for phase, value in (phases or {}).items() if phase != "lower_bound"}
        whole = sum(value for phase, value in values.items() if phase != "total")
        if values and not abs(values["total"] - whole) <= 1e-6 + 1e-6 * abs(whole):
            yield f"its record has {values['total']:.6g} {name} in all, and its phases add up to {whole:.6g}"


def _unlike_the_curve(record: Record) -> Iterator[str]:
    """The last point is the end of the training, and the validation scores are those of the point kept."""
    points, cut = RECENT_CURVES.read(record.folder / CURVE)
    if not points or cut:
        return
    last, cost = points[-1], record.cost
    ends = {"steps": (last["step"], cost.steps), "samples": (last["samples"], cost.samples.train)}
    ends |= {"tokens": (last["tokens"], cost.tokens.train.real)}
    ends |= {"FLOPs": (last["flops"], cost.flops.train)}
    for name, (there, here) in ends.items():
        if there != here:
            yield f"its record has {here:,} {name} of training and its curve ends at {there:,}"
    headline = record.config["task"]["headline"]
    scored = [point for point in points if point["validation"].get(headline) is not None]
    if scored and at(record.config, "budget.keep") == "best":
        last = max(scored, key=lambda point: orient(headline) * point["validation"][headline])
    for name, value in (record.scores.validation or {}).items():
        there = last["validation"].get(name)
        if there is not None and not _close(there, value):
            validation = f"validation {metric_name(name)}"
            yield f"its record has a {validation} of {value:.4g}, and its curve give {there:.4g}"


def _unlike_the_predictions(record: Record) -> Iterator[str]:
    """Every score that can be computed from the predictions is the record's."""
    found = record.predictions()
    if found is None:
        return
    if record.scores.predictions is None:
        yield f"its record says that it left no {PREDICTIONS}, and there is one"
    if not len(found) or len(set(found.ids)) < len(found):
        yield f"{PREDICTIONS} is empty or repeats an id"
    for name, values in found.statistics.items():
        if not np.isfinite(values).all():
            yield f"{PREDICTIONS} holds a {name} that is not finite"
    numbered = _numbered(found)
    for name, value in (record.scores.test or {}).items():
        there = recomputed(name, found, numbered)
        if there is not None and not _close(there, value):
            test = f"test {metric_name(name)}"
            yield f"its record has a {test} of {value:.4g}, and its predictions give {there:.4g}"


def recomputed(metric: str, found: Predictions, numbered: Numbered | None = None) -> float | None:
    """The metric of these predictions; None where they do not hold all that it needs, or not precisely."""
    if not can_recompute(metric, found.statistics):
        return None
    if "target" in METRICS[metric].needs:  # single precision may round numbers far from 0 by too much
        target = found.statistics["target"]
        if np.finfo(np.float32).eps * np.abs(target).max() > TOLERANCE / 10 * target.std():
            return None
    labels, predictions, classes = numbered or _numbered(found)
    return float(score(metric, labels, predictions, found.statistics, classes))


def _numbered(found: Predictions) -> Numbered:
    """Labels and predictions as numbers, and how many different ones there are."""
    names = {name: place for place, name in enumerate(sorted({*found.labels, *found.predictions}))}
    labels, predictions = ([names[name] for name in told] for told in (found.labels, found.predictions))
    return np.array(labels, dtype=np.int64), np.array(predictions, dtype=np.int64), len(names)


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
