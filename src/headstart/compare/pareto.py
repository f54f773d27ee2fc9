"""Pareto: scores against parameters and against cost, over everything that ran on one task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import get_args

import numpy as np

from headstart.compare.costs import train_cost
from headstart.compare.findings import Condition
from headstart.compare.pairwise import scores_of
from headstart.compare.ranges import of_score
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.values.scales import Cost, Front, FrontPoint, ModelPoint
from headstart.metrics import orient
from headstart.records.record import Record

FEWEST = 3  # points that make a front
Groups = Sequence[tuple[Condition, list[Record]]]
_PLACE = ("machine", "device", "threads")
_ENERGY = ("method", "backend", "boundary")


def models(groups: Groups) -> tuple[ModelPoint, ...]:
    """Every arm of every condition against its model's parameters; none where all models are of one size."""
    found = [_model(condition, own) for condition, own in _finished(groups)]
    sizes = {point.parameters for point in found}
    names = {point.model for point in found}
    several = len(sizes) > 1 and len(names) > 1
    return tuple(sorted(found, key=lambda p: (p.arm, p.context, p.parameters))) if several else ()


def fronts(groups: Groups) -> tuple[Front, ...]:
    """A front per task and cost, where three arms or conditions have scores."""
    tasks: dict[tuple[str, str, str], list[tuple[Condition, list[Record]]]] = defaultdict(list)
    for condition, own in _finished(groups):
        task = own[0].config["task"]
        tasks[task["name"], own[0].data.source, task["headline"]].append((condition, own))
    return tuple(
        _front(resource, task, metric, found)
        for (task, _, metric), found in tasks.items()
        if len(found) >= FEWEST
        for resource in get_args(Cost)
    )


def front(points: Sequence[tuple[float, float]]) -> list[int | None]:
    """Who beats each point (cost, score): None on the front, else the cheapest that is nowhere worse."""
    return [_beaten(points, place) for place in range(len(points))]


def _beaten(points: Sequence[tuple[float, float]], place: int) -> int | None:
    cost, score = points[place]
    better = [
        i
        for i, (other, higher) in enumerate(points)
        if other <= cost and higher >= score and (other < cost or higher > score)
    ]
    return min(better, key=lambda i: (points[i][0], -points[i][1]), default=None)


def _finished(groups: Groups) -> list[tuple[Condition, list[Record]]]:
    """The finished runs of each condition and arm that have a score."""
    found = []
    for condition, records in groups:
        metric = records[0].config["task"]["headline"]
        scored = [record for record in records if record.finished and metric in scores_of(record)]
        arms = dict.fromkeys(record.arm for record in scored)
        found += [(condition, [record for record in scored if record.arm == arm]) for arm in arms]
    return found


def _scores(own: Sequence[Record]) -> np.ndarray:
    return np.array([scores_of(record)[record.config["task"]["headline"]] for record in own], dtype=float)


def _model(condition: Condition, own: Sequence[Record]) -> ModelPoint:
    scores, methods = _scores(own), {record.cost.energy.method for record in own}
    settings = {name: value for name, value in condition.settings.items() if name != "model"}
    return ModelPoint(
        model=str(own[0].config["model"]["name"]),
        parameters=own[0].cost.parameters.all,
        arm=own[0].arm,
        context=", ".join(v if k in ("size", "task") else f"{k} {v}" for k, v in settings.items()),
        runs=len(own),
        score=float(scores.mean()),
        interval=of_score(student_interval(scores), own[0].config["task"]["headline"]),
        flops=_cost(own, "flops"),
        seconds=_cost(own, "seconds"),
        joules=_cost(own, "joules") if len(methods) == 1 else None,
        energy_method=methods.pop() if len(methods) == 1 else "mixed",
    )


def _cost(own: Sequence[Record], resource: Cost) -> float | None:
    """Mean per run; None where a run lacks it."""
    each = [train_cost(record, resource) for record in own]
    known = [value for value in each if value is not None]
    return float(np.mean(known)) if known and len(known) == len(each) else None


def _front(resource: Cost, task: str, metric: str, found: Sequence[tuple[Condition, list[Record]]]) -> Front:
    every = [record for _, own in found for record in own]
    reason, estimated = _refusal(resource, every), False
    if resource == "joules":
        estimated = every[0].cost.energy.method not in ("measured", "sampled")
    if reason:
        return Front(resource, task, metric, estimated, (), reason)
    costs = [_cost(own, resource) or 0.0 for _, own in found]
    scores = [float(_scores(own).mean()) for _, own in found]
    beaten = front([(cost, orient(metric) * score) for cost, score in zip(costs, scores, strict=True)])
    points = [
        FrontPoint(
            condition=condition.name,
            arm=own[0].arm,
            runs=len(own),
            score=score,
            interval=of_score(student_interval(_scores(own)), metric),
            cost=cost,
            on_front=by is None,
            beaten_by="" if by is None else _name(*found[by]),
        )
        for (condition, own), cost, score, by in zip(found, costs, scores, beaten, strict=True)
    ]
    ordered = tuple(sorted(points, key=lambda point: (point.cost, point.arm)))
    return Front(resource, task, metric, estimated, ordered)


def _name(condition: Condition, own: Sequence[Record]) -> str:
    return ", ".join(part for part in (own[0].arm, condition.name) if part)


def _refusal(resource: Cost, records: Sequence[Record]) -> str:
    """Why these runs cannot stand on one axis: other machines, other meters, or company."""
    if any(train_cost(record, resource) is None for record in records):
        return "not measured in every run"
    if resource == "flops":
        return ""
    differing = [
        name for name in _PLACE if len({getattr(record.environment, name) for record in records}) > 1
    ]
    if resource == "joules":
        energies = [record.cost.energy for record in records]
        differing += [
            f"energy {name}" for name in _ENERGY if len({getattr(energy, name) for energy in energies}) > 1
        ]
        if not all(energy.exclusive for energy in energies):
            return "it is not known of every run that it was alone on the machine"
    return f"the runs differ in their {', '.join(differing)}" if differing else ""
