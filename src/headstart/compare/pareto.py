"""Pareto: scores against parameters and against cost, over everything that ran on one task."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from headstart.compare import factors
from headstart.compare.bounds import Interval
from headstart.compare.conditions import Condition
from headstart.compare.costs import MACHINE, METER, is_counted, mean_cost, train_cost
from headstart.compare.pairs import scores_of
from headstart.compare.pairwise import Groups
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.ranges import of_score
from headstart.compare.statistics.bootstrap import student_interval
from headstart.metrics import orient
from headstart.records.record import Record

FEWEST = 3  # points that make a front
Cost = Literal["flops", "seconds", "joules"]


@dataclass(frozen=True)
class Front:
    """Which arms and conditions are worth their cost: the Pareto front over all that was run on one task."""

    resource: Cost
    task: str
    metric: str
    estimated: bool  # joules that no counter measured
    rows: Rows  # cost and score of each point, the cheapest first; pretraining is in the ledger alone
    reason: str = ""  # why there is no front


def models(groups: Groups) -> Rows:
    """Score and cost of every arm of every model beside its number of parameters, by arm, other settings and
    parameters; none where all models are of one size."""
    points: list[tuple[tuple[str, str, int], str, Rows]] = []
    for condition, runs in _finished(groups):
        model, parameters = str(runs[0].config["model"]["name"]), runs[0].cost.parameters.all
        settings = [(name, value) for name, value in condition.settings.items() if name != "model"]
        context = ", ".join(v if k in ("size", "task") else f"{k} {v}" for k, v in settings)
        place = ", ".join(part for part in (model, context) if part)
        points.append(((runs[0].arm, context, parameters), model, _model(place, runs)))
    if (
        len({parameters for (_, _, parameters), _, _ in points}) < 2
        or len({name for _, name, _ in points}) < 2
    ):
        return NO_ROWS
    return Rows(row for *_, rows in sorted(points, key=lambda point: point[0]) for row in rows)


def fronts(groups: Groups) -> tuple[Front, ...]:
    """A front per task and cost, where three arms or conditions have scores."""
    tasks: dict[tuple[str, str, str], list[tuple[Condition, list[Record]]]] = defaultdict(list)
    for condition, runs in _finished(groups):
        task = runs[0].config["task"]
        tasks[task["name"], runs[0].data.source, task["headline"]].append((condition, runs))
    return tuple(
        _front(resource, task, metric, points)
        for (task, _, metric), points in tasks.items()
        if len(points) >= FEWEST
        for resource in get_args(Cost)
    )


def point_rows(
    template: Quantity,
    resource: Cost,
    cost: float,
    score: Quantity,
    beaten_by: str | None,
    *,
    estimated: bool,
) -> tuple[Quantity, Quantity]:
    """The cost of one arm under one condition, and its score; `beaten_by` is None on the front."""
    template = replace(template, verdict="on the front" if beaten_by is None else "beaten")
    by = "" if beaten_by is None else f"by {beaten_by}"
    return (
        template.named(f"front.{resource}").at(cost).because(by, "estimated" if estimated else ""),
        template.named(f"front.{resource}.score", note=by).at(score.value, score.interval),
    )


def front(points: Sequence[tuple[float, float]]) -> list[int | None]:
    """Who beats each point (cost, score): None on the front, else the cheapest that is nowhere worse."""
    best: list[int] = []  # each scores more than all that cost less
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if not best or points[i][1] > points[best[-1]][1]:
            best.append(i)
    scores = [points[i][1] for i in best]
    first = [best[bisect_left(scores, score)] for _, score in points]  # the cheapest that is as good
    return [None if points[i] == point else i for i, point in zip(first, points, strict=True)]


def _finished(groups: Groups) -> list[tuple[Condition, list[Record]]]:
    """The finished runs of each condition and arm that have a score."""
    groups_by_arm: list[tuple[Condition, list[Record]]] = []
    for condition, records in groups:
        metric = records[0].config["task"]["headline"]
        scored = [record for record in records if record.finished and metric in scores_of(record)]
        arms = dict.fromkeys(record.arm for record in scored)
        groups_by_arm += [(condition, [record for record in scored if record.arm == arm]) for arm in arms]
    return groups_by_arm


def _score(runs: Sequence[Record]) -> tuple[float, Interval | None]:
    """The mean test score, and Student's interval over runs."""
    metric = runs[0].config["task"]["headline"]
    scores = np.array([scores_of(record)[metric] for record in runs], dtype=float)
    return float(scores.mean()), of_score(student_interval(scores, table=factors.table_of_runs(runs)), metric)


def _model(condition: str, runs: Sequence[Record]) -> Rows:
    """One arm of one model: parameters, score, and what training cost, means over runs."""
    methods = {record.cost.energy.method for record in runs}
    method = methods.pop() if len(methods) == 1 else "mixed"
    score, interval = _score(runs)
    metric, parameters = runs[0].config["task"]["headline"], runs[0].cost.parameters.all
    template = Quantity("", condition, runs[0].arm, metric=metric, n=len(runs))
    named = template.because(f"{parameters:,} parameters").named
    return Rows([
        template.named("model.parameters").at(parameters),
        named("model.score").at(score, interval),
        named("model.flops").at(mean_cost(runs, "flops")),
        named("model.seconds").at(mean_cost(runs, "seconds")),
        named("model.joules", verdict=method).at(None if method == "mixed" else mean_cost(runs, "joules")),
    ])  # fmt: skip


def _front(resource: Cost, task: str, metric: str, groups: Groups) -> Front:
    every = [record for _, runs in groups for record in runs]
    estimated = resource == "joules" and not is_counted(every[0])
    if reason := _refusal(resource, every):
        row = Quantity("", task, metric=metric, note=reason).named(f"front.{resource}")
        return Front(resource, task, metric, estimated, Rows([row]), reason)
    costs = [mean_cost(runs, resource) or 0.0 for _, runs in groups]
    scores = [_score(runs) for _, runs in groups]
    beaten = front([(cost, orient(metric) * score) for cost, (score, _) in zip(costs, scores, strict=True)])
    names = [", ".join(part for part in (runs[0].arm, condition.name) if part) for condition, runs in groups]
    points = sorted(zip(groups, costs, scores, beaten, strict=True), key=lambda p: (p[1], p[0][1][0].arm))
    rows: list[Quantity] = []
    for (condition, runs), cost, (mean, interval), by in points:
        template = Quantity("", condition.name, runs[0].arm, metric=metric, n=len(runs))
        beaten_by = None if by is None else names[by]
        rows += point_rows(
            template, resource, cost, template.at(mean, interval), beaten_by, estimated=estimated
        )
    return Front(resource, task, metric, estimated, Rows(rows))


def _refusal(resource: Cost, records: Sequence[Record]) -> str:
    """Why these runs cannot stand on one axis: other machines, other meters, or company."""
    if any(train_cost(record, resource) is None for record in records):
        return "not measured in every run"
    if resource == "flops":
        return ""
    machines = [record.environment for record in records]
    differing = [name for name in MACHINE if len({getattr(machine, name) for machine in machines}) > 1]
    if resource == "joules":
        energies = [record.cost.energy for record in records]
        differing += [f"energy {n}" for n in METER if len({getattr(energy, n) for energy in energies}) > 1]
        if not all(energy.exclusive for energy in energies):
            return "it is not known of every run that it was alone on the machine"
    return f"the runs differ in their {', '.join(differing)}" if differing else ""
