"""Scales: scores against the size of the model and against their cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Findings, Front
from headstart.compare.quantity import Rows
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Parts, Text
from headstart.reports.tables import Line, bullets, gallery, lines_of, of_rows
from headstart.resources import RESOURCES

SAME = 1.05  # costs that differ by less than this are one cost: a front over them would rank noise


def models(findings: Findings) -> Parts:
    """Score against parameters, one chart per context, and the table under it."""
    metric, figures = metric_name(findings.headline), []
    contexts: dict[str, list[Line]] = {}
    for line in lines_of(findings.rows, "model.score"):
        contexts.setdefault(line.first.condition.partition(", ")[2], []).append(line)
    for index, (context, lines) in enumerate(contexts.items()):
        title = f"Test {metric} against parameters" + (f", {context}" if context else "")
        names = [f"{_model(line)}, {line.first.arm}: {numbers.value_text(line.first)}" for line in lines]
        words = f"{'; '.join(names)}. Whiskers: 95 % intervals over runs."
        figures.append(Figure(f"models-{index}", title, words, model_chart(lines)))
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


def model_chart(lines: Sequence[Line]) -> style.Spec:
    """Score against parameters on a logarithmic axis, one line per arm."""
    sizes = [line.row("model.parameters").value or 0.0 for line in lines]
    points = [
        style.point(line.first, model=_model(line), parameters=size)
        for line, size in zip(lines, sizes, strict=True)
    ]
    x = style.logarithmic("parameters", "Parameters", sorted(set(sizes)))
    tips = {"arm": "Arm", "model": "Model", "text": "Mean", "interval": "95 % interval", "runs": "Runs"}
    return style.lines(points, x, f"{metric_title(lines[0].first.metric)} on test", tips)


def _model(line: Line) -> str:
    return line.first.condition.partition(", ")[0]


def fronts(findings: Findings) -> Parts:
    """A chart per cost with the front, and who is on it; nothing where all cost the same."""
    shown = []
    for front in findings.fronts:
        costs = front.rows.select(f"front.{front.resource}")
        spent = [row.value for row in costs if row.value is not None]
        if not front.reason and spent and max(spent) > SAME * min(spent) > 0:
            shown.append(front)
    if not shown:
        return ()
    figures = [_front_figure(index, front) for index, front in enumerate(shown)]
    note = "Filled: on the front, no other is as good for less. Hollow: beaten. Pretraining is not counted."
    kinds: dict[str, str] = {
        front.resource: RESOURCES[front.resource].kind + " (estimated)" * front.estimated for front in shown
    }
    listed = of_rows(
        Rows(row for front in shown for row in front.rows),
        "front.*.score",
        (
            ("In", lambda line: kinds[line.part]),
            "arm",
            ("Condition", lambda line: line.first.condition or "all runs"),
            ("#Score", lambda line: Cell(numbers.value_text(line.first), strong=True)),
            ("#95 % interval", lambda line: line.interval("front.*.score") or "no interval"),
            ("#Cost", lambda line: numbers.value_text(line.row("front.*"))),
            ("#Runs", lambda line: numbers.count(line.first.n)),
            ("Worth its cost", lambda line: f"{line.first.verdict} {line.first.note}".strip()),
        ),
        "Means over finished runs, the cheapest first; intervals are Student's over runs.",
    )
    refused = [front for front in findings.fronts if front.reason]
    reasons = bullets(f"{RESOURCES[front.resource].kind.capitalize()}: {front.reason}." for front in refused)
    return (*gallery(figures), Text(note, "note"), *listed, *reasons)


def _front_figure(index: int, front: Front) -> Figure:
    on_front = "; ".join(
        f"{line.first.arm}{f', {line.first.condition}' if line.first.condition else ''}: "
        f"{numbers.value_text(line.first)} for {numbers.value_text(line.row('front.*'))}"
        for line in lines_of(front.rows, "front.*.score")
        if line.first.verdict == "on the front"
    )
    estimated = " (estimated, dashed)" if front.estimated else ""
    title = (
        f"{front.task}: test {metric_name(front.metric)} against {RESOURCES[front.resource].kind}{estimated}"
    )
    return Figure(f"front-{index}", title, f"On the front: {on_front}.", front_chart(front))


def front_chart(front: Front) -> style.Spec:
    """Every arm and condition in the plane of cost and score; the front is a line of steps."""
    rows = []
    for line in lines_of(front.rows, "front.*.score"):
        cost = line.row("front.*")
        point = {
            "cost": cost.value,
            "spent": numbers.value_text(cost),
            "on_front": line.first.verdict == "on the front",
            "beaten": line.first.note.removeprefix("by ") or "none",
        }
        rows.append(style.point(line.first, **point))
    base = style.chart(rows).encode(
        x=style.logarithmic("cost", RESOURCES[front.resource].axis),
        y=field("mean:Q", title=f"{metric_title(front.metric)} on test", scale={"zero": False}),
    )
    dash = [4, 3] if front.estimated else [1, 0]
    line = base.mark("line", style="link", interpolate="step-after", strokeDash=dash)
    whisker = base.mark("rule", strokeWidth=1.5).encode(y=field("low:Q"), y2="high:Q", color=style.ARM)
    tips = {"arm": "Arm", "condition": "Condition", "text": "Score", "interval": "95 % interval",
            "spent": "Cost", "runs": "Runs", "beaten": "Beaten by"}  # fmt: skip
    dots = [
        base.mark("point", size=80, filled=on, opacity=1, strokeWidth=1.75)
        .encode(color=style.ARM, shape=style.SHAPE, tooltip=style.tooltips(tips))
        .where("datum.on_front" if on else "!datum.on_front")
        for on in (False, True)
    ]
    return style.spec([line.where("datum.on_front"), whisker, *dots], height=240)
