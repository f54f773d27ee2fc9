"""Scales: scores against the size of the model and against their cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from headstart.compare.findings import Findings
from headstart.compare.values.scales import Front, ModelPoint
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Gallery, Parts, Text
from headstart.reports.sections.consumption import COSTS
from headstart.reports.tables import arm_cell, bullets, table

SAME = 1.05  # costs that differ by less than this are one cost: a front over them would rank noise


def models(findings: Findings) -> Parts:
    """Score against parameters, one chart per context, and the table under it."""
    if not findings.models:
        return ()
    metric = metric_name(findings.headline)
    figures = []
    for index, context in enumerate(dict.fromkeys(point.context for point in findings.models)):
        points = [point for point in findings.models if point.context == context]
        title = f"Test {metric} against parameters" + (f", {context}" if context else "")
        scores = "; ".join(f"{point.model}, {point.arm}: {numbers.score(point.score)}" for point in points)
        words = f"{scores}. Whiskers: 95 % intervals over runs."
        figures.append(Figure(f"models-{index}", title, words, model_chart(points, findings.headline)))

    def energy(point: ModelPoint) -> str:
        if point.joules is None:
            return "not measured"
        how = "" if point.energy_method == "measured" else f" ({point.energy_method})"
        return numbers.energy(point.joules) + how

    made = table(
        findings.models,
        {
            "?Context": lambda point: point.context,
            "Model": lambda point: point.model,
            "#Parameters": lambda point: numbers.count(point.parameters),
            "Arm": lambda point: arm_cell(point.arm),
            f"#Test {metric}": lambda point: Cell(numbers.score(point.score), strong=True),
            "#95 % interval": lambda point: numbers.ends(point.interval, numbers.score),
            "#Runs": lambda point: numbers.count(point.runs),
            "#FLOPs": lambda point: numbers.flops(point.flops),
            "#Time": lambda point: numbers.seconds(point.seconds),
            "#Energy": energy,
        },
        "Means over finished runs; intervals are Student's over runs. Costs are of training alone.",
    )
    return (Gallery(tuple(figures), columns=2), *made)


def model_chart(points: Sequence[ModelPoint], metric: str) -> style.Spec:
    """Score against parameters on a logarithmic axis, one line per arm."""
    rows = [
        {
            "arm": point.arm, "model": point.model, "parameters": point.parameters, "mean": point.score,
            "low": point.interval.low if point.interval else point.score,
            "high": point.interval.high if point.interval else point.score,
            "text": numbers.score(point.score), "interval": numbers.ends(point.interval, numbers.score),
            "runs": point.runs,
        }
        for point in points
    ]  # fmt: skip
    x = style.logarithmic("parameters", "Parameters", sorted({point.parameters for point in points}))
    tips = {"arm": "Arm", "model": "Model", "text": "Mean", "interval": "95 % interval", "runs": "Runs"}
    return style.lines(rows, x, f"{metric_title(metric)} on test", tips)


def fronts(findings: Findings) -> Parts:
    """A chart per cost with the front, and who is on it; nothing where all cost the same."""
    shown = [front for front in findings.fronts if not front.reason and _spread(front) > SAME]
    if not shown:
        return ()
    figures = tuple(_front_figure(index, front) for index, front in enumerate(shown))
    note = "Filled: on the front, no other is as good for less. Hollow: beaten. Pretraining is not counted."
    made = table(
        [(front, point) for front in shown for point in front.points],
        {
            "In": lambda row: COSTS[row[0].resource][0].lower() + " (estimated)" * row[0].estimated,
            "Arm": lambda row: arm_cell(row[1].arm),
            "Condition": lambda row: row[1].condition or "all runs",
            "#Score": lambda row: Cell(numbers.score(row[1].score), strong=True),
            "#95 % interval": lambda row: numbers.ends(row[1].interval, numbers.score),
            "#Cost": lambda row: COSTS[row[0].resource][2](row[1].cost),
            "#Runs": lambda row: numbers.count(row[1].runs),
            "Worth its cost": lambda row: (
                "on the front" if row[1].on_front else f"beaten by {row[1].beaten_by}"
            ),
        },
        "Means over finished runs, the cheapest first; intervals are Student's over runs.",
    )
    refused = bullets(f"{COSTS[f.resource][0]}: {f.reason}." for f in findings.fronts if f.reason)
    return (Gallery(figures, columns=2), Text(note, "note"), *made, *refused)


def _spread(front: Front) -> float:
    """The dearest over the cheapest; 1 where nothing is known, or something is free."""
    costs = [point.cost for point in front.points]
    return max(costs) / min(costs) if costs and min(costs) > 0 else 1.0


def _front_figure(index: int, front: Front) -> Figure:
    name, _, form = COSTS[front.resource]
    on_front = "; ".join(
        f"{point.arm}{f', {point.condition}' if point.condition else ''}: {numbers.score(point.score)} for "
        f"{form(point.cost)}"
        for point in front.points
        if point.on_front
    )
    estimated = " (estimated, dashed)" if front.estimated else ""
    title = f"{front.task}: test {metric_name(front.metric)} against {name.lower()}{estimated}"
    return Figure(f"front-{index}", title, f"On the front: {on_front}.", front_chart(front))


def front_chart(front: Front) -> style.Spec:
    """Every arm and condition in the plane of cost and score; the front is a line of steps."""
    _, title, form = COSTS[front.resource]
    rows = [
        {
            "arm": point.arm, "condition": point.condition or "all runs", "score": point.score,
            "cost": point.cost, "on_front": point.on_front,
            "low": point.interval.low if point.interval else point.score,
            "high": point.interval.high if point.interval else point.score,
            "text": numbers.score(point.score), "interval": numbers.ends(point.interval, numbers.score),
            "spent": form(point.cost), "runs": point.runs, "beaten": point.beaten_by or "none",
        }
        for point in front.points
    ]  # fmt: skip
    base = style.chart(rows).encode(
        x=style.logarithmic("cost", title),
        y=alt.Y("score:Q", title=f"{metric_title(front.metric)} on test", scale=alt.Scale(zero=False)),
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
