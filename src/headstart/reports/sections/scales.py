"""Scales: scores against the size of the model and against what they cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from headstart.compare.findings import Findings
from headstart.compare.values.scales import Front, FrontPoint, ModelPoint
from headstart.metrics import metric_name, metric_title
from headstart.reports import bounds, numbers
from headstart.reports.charts import style
from headstart.reports.page import (
    Bullets,
    Cell,
    Figure,
    Gallery,
    Part,
    Table,
    Text,
    cells,
    columns,
)

SAME = 1.05  # costs that differ by less than this are one cost: a front over them would rank noise
COSTS: dict[str, tuple[str, str, bounds.Form]] = {
    "flops": ("compute", "Training FLOPs per run", numbers.flops),
    "seconds": ("time", "Training seconds per run", numbers.seconds),
    "joules": ("energy", "Training joules per run", numbers.energy),
}


def models(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """Score against parameters, one chart per context, and the table under it."""
    if not findings.models:
        return ()
    contexts = list(dict.fromkeys(each.context for each in findings.models))
    figures = tuple(
        _model_figure(place, [each for each in findings.models if each.context == name], findings, arms)
        for place, name in enumerate(contexts)
    )
    several = any(contexts)
    lead = "Context | " if several else ""
    metric = metric_name(findings.headline)
    score = f"#Test {metric} | #95 % interval | #Runs"
    names = f"{lead}Model | #Parameters | Arm | {score} | #FLOPs | #Time | #Energy"
    rows = tuple(_model_row(each, arms, several) for each in findings.models)
    caption = "Means over finished runs; intervals are Student's over runs. Costs are of training alone."
    return (Gallery(figures, columns=2), Table(columns(names), rows, caption))


def fronts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """A chart per cost with the front, and who is on it; nothing where all cost the same."""
    told = [each for each in findings.fronts if not each.reason and _spread(each) > SAME]
    reasons = tuple(f"{COSTS[e.resource][0].capitalize()}: {e.reason}." for e in findings.fronts if e.reason)
    if not told:
        return ()
    figures = tuple(_front_figure(place, each, arms) for place, each in enumerate(told))
    note = "Filled: on the front, no other is as good for less. Hollow: beaten. Pretraining is not counted."
    beaten = (Bullets(reasons),) if reasons else ()
    return (Gallery(figures, columns=2), Text(note, "note"), _front_table(told, arms), *beaten)


def _spread(each: Front) -> float:
    """The dearest over the cheapest; 1 where nothing is known, or something is free."""
    costs = [point.cost for point in each.points]
    return max(costs) / min(costs) if costs and min(costs) > 0 else 1.0


def _model_figure(
    place: int, points: Sequence[ModelPoint], findings: Findings, arms: Sequence[str]
) -> Figure:
    where = f", {points[0].context}" if points[0].context else ""
    title = f"Test {metric_name(findings.headline)} against parameters{where}"
    told = "; ".join(f"{each.model}, {each.arm}: {numbers.score(each.score)}" for each in points)
    words = f"{told}. Whiskers: 95 % intervals over runs."
    return Figure(f"models-{place}", title, words, model_chart(points, findings.headline, arms))


def model_chart(points: Sequence[ModelPoint], metric: str, arms: Sequence[str]) -> style.Spec:
    """Score against parameters on a logarithmic axis, one line per arm."""
    rows = [_point(each) for each in points]
    x = style.logarithmic("parameters", "Parameters (logarithmic)", sorted({e.parameters for e in points}))
    base = style.chart(rows).encode(x=x, color=style.colour(arms))
    title = f"{metric_title(metric)} on test"
    y = alt.Y("score:Q", title=title, scale=alt.Scale(zero=False))
    line = base.mark_line(strokeWidth=2.25).encode(y=y)
    whisker = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    tips = style.tips(arm="Arm", model="Model", text="Mean", interval="95 % interval", runs="Runs")
    dots = base.mark_point(size=60, filled=True, opacity=1).encode(y=y, shape=style.shape(arms), tooltip=tips)
    return style.spec(alt.layer(line, whisker, dots), height=240)


def _point(each: ModelPoint) -> dict[str, Any]:
    low, high = (each.interval.low, each.interval.high) if each.interval else (each.score, each.score)
    return {
        "arm": each.arm,
        "model": each.model,
        "parameters": each.parameters,
        "score": each.score,
        "low": low,
        "high": high,
        "text": numbers.score(each.score),
        "interval": bounds.ends(each.interval, numbers.score),
        "runs": each.runs,
    }


def _model_row(each: ModelPoint, arms: Sequence[str], several: bool) -> tuple[Cell, ...]:
    known = each.joules is not None
    how = "" if each.energy_method == "measured" or not known else f" ({each.energy_method})"
    return cells(
        *([Cell(each.context)] if several else []),
        each.model,
        numbers.count(each.parameters),
        _arm(each.arm, arms),
        Cell(numbers.score(each.score), strong=True),
        bounds.ends(each.interval, numbers.score),
        numbers.count(each.runs),
        numbers.flops(each.flops),
        numbers.seconds(each.seconds),
        numbers.energy(each.joules) + how if known else "not measured",
    )


def _front_figure(place: int, each: Front, arms: Sequence[str]) -> Figure:
    name, _, form = COSTS[each.resource]
    on = [point for point in each.points if point.on_front]
    told = "; ".join(f"{_place(point)} {numbers.score(point.score)} for {form(point.cost)}" for point in on)
    guessed = " (estimated, dashed)" if each.estimated else ""
    title = f"{each.task}: test {metric_name(each.metric)} against {name}{guessed}"
    return Figure(f"front-{place}", title, f"On the front: {told}.", front_chart(each, arms))


def _place(point: FrontPoint) -> str:
    return f"{point.arm}, {point.condition}:" if point.condition else f"{point.arm}:"


def front_chart(each: Front, arms: Sequence[str]) -> style.Spec:
    """Every arm and condition in the plane of cost and score; the front is a line of steps."""
    _, title, form = COSTS[each.resource]
    rows = [_front_point(point, form) for point in each.points]
    base = style.chart(rows).encode(
        x=style.logarithmic("cost", f"{title} (logarithmic)"),
        y=alt.Y("score:Q", title=f"{metric_title(each.metric)} on test", scale=alt.Scale(zero=False)),
    )
    dash = [4, 3] if each.estimated else [1, 0]
    line = base.mark_line(style="link", interpolate="step-after", strokeDash=dash).transform_filter(
        "datum.on_front"
    )
    told = style.tips(
        arm="Arm", condition="Condition", text="Score", spent="Cost", runs="Runs", beaten="Beaten by"
    )
    whisker = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=style.colour(arms))
    dots = [_front_dots(base, arms, on).encode(tooltip=told) for on in (False, True)]
    return style.spec(alt.layer(line, whisker, *dots), height=240)


def _front_dots(base: alt.Chart, arms: Sequence[str], on: bool) -> alt.Chart:
    mark = base.mark_point(size=80, filled=on, opacity=1, strokeWidth=1.75)
    drawn = mark.encode(color=style.colour(arms), shape=style.shape(arms))
    return drawn.transform_filter("datum.on_front" if on else "!datum.on_front")


def _front_point(point: FrontPoint, form: bounds.Form) -> dict[str, Any]:
    return {
        "arm": point.arm,
        "condition": point.condition or "all runs",
        "score": point.score,
        "cost": point.cost,
        "on_front": point.on_front,
        "low": point.interval.low if point.interval else point.score,
        "high": point.interval.high if point.interval else point.score,
        "text": numbers.score(point.score),
        "interval": bounds.ends(point.interval, numbers.score),
        "spent": form(point.cost),
        "runs": point.runs,
        "beaten": point.beaten_by or "none",
    }


def _front_table(told: Sequence[Front], arms: Sequence[str]) -> Table:
    rows = tuple(
        cells(
            COSTS[each.resource][0] + (" (estimated)" if each.estimated else ""),
            _arm(point.arm, arms),
            point.condition or "all runs",
            Cell(numbers.score(point.score), strong=True),
            bounds.ends(point.interval, numbers.score),
            COSTS[each.resource][2](point.cost),
            numbers.count(point.runs),
            "on the front" if point.on_front else f"beaten by {point.beaten_by}",
        )
        for each in told
        for point in each.points
    )
    caption = "Means over finished runs, the cheapest first; intervals are Student's over runs."
    return Table(
        columns("In | Arm | Condition | #Score | #95 % interval | #Cost | #Runs | Worth its cost"),
        rows,
        caption,
    )


def _arm(name: str, arms: Sequence[str]) -> Cell:
    return Cell(name, arm=list(arms).index(name) if name in arms else None, strong=True)
