"""Scales: scores against the size of the model and against their cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from headstart.compare.findings import Findings, Front, FrontPoint, ModelPoint
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Parts, Text
from headstart.reports.tables import arm_cell, bullets, gallery, of_rows, table
from headstart.resources import RESOURCES

SAME = 1.05  # costs that differ by less than this are one cost: a front over them would rank noise


def models(findings: Findings) -> Parts:
    """Score against parameters, one chart per context, and the table under it."""
    metric, figures = metric_name(findings.headline), []
    for index, context in enumerate(dict.fromkeys(point.context for point in findings.models)):
        points = [point for point in findings.models if point.context == context]
        title = f"Test {metric} against parameters" + (f", {context}" if context else "")
        scores = "; ".join(f"{point.model}, {point.arm}: {numbers.score(point.score)}" for point in points)
        words = f"{scores}. Whiskers: 95 % intervals over runs."
        figures.append(Figure(f"models-{index}", title, words, model_chart(points, findings.headline)))
    listed = of_rows(
        findings.rows,
        "model.score",
        (
            ("Model", lambda line: line.first.condition),
            "model.parameters",
            "arm",
            "model.score",
            "model.score interval",
            "model.score n",
            "model.flops",
            "model.seconds",
            "model.joules",
        ),
        "Means over finished runs; intervals are Student's over runs. Costs are of training alone.",
    )
    return (*gallery(figures), *listed)


def model_chart(points: Sequence[ModelPoint], metric: str) -> style.Spec:
    """Score against parameters on a logarithmic axis, one line per arm."""
    rows = []
    for point in points:
        score = Quantity("model.score", arm=point.arm, n=point.runs, unit="score")
        score = score.at(point.score, point.interval)
        rows.append(style.point(score, model=point.model, parameters=point.parameters))
    x = style.logarithmic("parameters", "Parameters", sorted({point.parameters for point in points}))
    tips = {"arm": "Arm", "model": "Model", "text": "Mean", "interval": "95 % interval", "runs": "Runs"}
    return style.lines(rows, x, f"{metric_title(metric)} on test", tips)


def fronts(findings: Findings) -> Parts:
    """A chart per cost with the front, and who is on it; nothing where all cost the same."""
    shown = [front for front in findings.fronts if not front.reason and _spread(front) > SAME]
    if not shown:
        return ()
    figures = [_front_figure(index, front) for index, front in enumerate(shown)]
    note = "Filled: on the front, no other is as good for less. Hollow: beaten. Pretraining is not counted."
    listed = table(
        [(front, point) for front in shown for point in front.points],
        {
            "In": lambda row: RESOURCES[row[0].resource].kind + " (estimated)" * row[0].estimated,
            "Arm": lambda row: arm_cell(row[1].arm),
            "Condition": lambda row: row[1].condition or "all runs",
            "#Score": lambda row: Cell(numbers.score(row[1].score), strong=True),
            "#95 % interval": lambda row: numbers.ends(row[1].interval, numbers.score),
            "#Cost": lambda row: _cost(row[0], row[1]),
            "#Runs": lambda row: numbers.count(row[1].runs),
            "Worth its cost": lambda row: (
                "on the front" if row[1].on_front else f"beaten by {row[1].beaten_by}"
            ),
        },
        "Means over finished runs, the cheapest first; intervals are Student's over runs.",
    )
    refused = [front for front in findings.fronts if front.reason]
    reasons = bullets(f"{RESOURCES[front.resource].kind.capitalize()}: {front.reason}." for front in refused)
    return (*gallery(figures), Text(note, "note"), *listed, *reasons)


def _spread(front: Front) -> float:
    """The dearest over the cheapest; 1 where nothing is known, or something is free."""
    costs = [point.cost for point in front.points]
    return max(costs) / min(costs) if costs and min(costs) > 0 else 1.0


def _cost(front: Front, point: FrontPoint) -> str:
    return numbers.form_of(RESOURCES[front.resource].unit)(point.cost)


def _front_figure(index: int, front: Front) -> Figure:
    on_front = "; ".join(
        f"{point.arm}{f', {point.condition}' if point.condition else ''}: {numbers.score(point.score)} for "
        f"{_cost(front, point)}"
        for point in front.points
        if point.on_front
    )
    estimated = " (estimated, dashed)" if front.estimated else ""
    title = (
        f"{front.task}: test {metric_name(front.metric)} against {RESOURCES[front.resource].kind}{estimated}"
    )
    return Figure(f"front-{index}", title, f"On the front: {on_front}.", front_chart(front))


def front_chart(front: Front) -> style.Spec:
    """Every arm and condition in the plane of cost and score; the front is a line of steps."""
    rows = []
    for point in front.points:
        score = Quantity("score", point.condition, point.arm, n=point.runs, unit="score")
        beaten = {
            "spent": _cost(front, point),
            "on_front": point.on_front,
            "beaten": point.beaten_by or "none",
        }
        rows.append(style.point(score.at(point.score, point.interval), cost=point.cost, **beaten))
    base = style.chart(rows).encode(
        x=style.logarithmic("cost", RESOURCES[front.resource].axis),
        y=alt.Y("mean:Q", title=f"{metric_title(front.metric)} on test", scale=alt.Scale(zero=False)),
    )
    dash = [4, 3] if front.estimated else [1, 0]
    line = base.mark_line(style="link", interpolate="step-after", strokeDash=dash)
    whisker = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=style.ARM)
    tips = {"arm": "Arm", "condition": "Condition", "text": "Score", "interval": "95 % interval",
            "spent": "Cost", "runs": "Runs", "beaten": "Beaten by"}  # fmt: skip
    dots = [
        base.mark_point(size=80, filled=on, opacity=1, strokeWidth=1.75)
        .encode(color=style.ARM, shape=style.SHAPE, tooltip=style.tooltips(tips))
        .transform_filter("datum.on_front" if on else "!datum.on_front")
        for on in (False, True)
    ]
    return style.spec(alt.layer(line.transform_filter("datum.on_front"), whisker, *dots), height=240)
