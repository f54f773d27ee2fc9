"""Data curves: scores against training rows, what the weights are worth in rows, and the law of transfer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import altair as alt

from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import sizes as sentences
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Gallery, Parts, Section, Text
from headstart.reports.sections import summary
from headstart.reports.tables import Line, Show, bullets, lines_of, of_rows, table, under

TITLE = "What the weights are worth in training rows"
HEIGHT = 270
MARKS = {"": "circle", "at least": "triangle-up", "at most": "triangle-down"}
FACTS = ("data.draws", "data.seed_sets", "data.epochs", "data.updates")


def sections(findings: Findings) -> list[Section]:
    """One section, or one per arm and context under a heading; without parts in a study of one size."""
    curves = findings.rows.select("data.sizes")
    if len(curves) < 2:
        parts = _parts(curves[0], findings, "rows") if curves else ()
        return [Section("rows", TITLE, (*parts, *_laws(findings)))]
    inner = [
        Section(f"rows{index}", _name(curve), _parts(curve, findings, f"rows{index}"), level=3)
        for index, curve in enumerate(curves)
    ]
    return [Section("rows", TITLE, _laws(findings)), *inner]


def lines(findings: Findings) -> list[str]:
    """The sentence of every curve for the terminal, named where there are several."""
    curves = findings.rows.select("data.sizes")
    return [f"{_name(curve)}: {curve.note}" if len(curves) > 1 else curve.note for curve in curves]


def _name(curve: Quantity) -> str:
    return f"{curve.arm}, {curve.condition}" if curve.condition else f"{curve.arm} against {curve.baseline}"


def _parts(curve: Quantity, findings: Findings, key: str) -> Parts:
    own = findings.rows.select(arm=curve.arm, metric=curve.metric)
    whole = own.select(condition=curve.condition)
    points = lines_of(
        Rows(row for row in own if row.condition.partition(", ")[2] == curve.condition), "data.rows"
    )
    crossing = whole.first("crossing") or Quantity("crossing")
    law = whole.first("law.points")
    return (
        Text(curve.note, "warning" if curve.verdict else "plain"),
        Gallery(_figures(curve, points, crossing, _levels(findings, curve, points), key), columns=2),
        *_table(curve, points),
        Text(f"The 95 % intervals cover {points[0].first.note}.", "note"),
        *bullets([*(row.note for row in whole.select(*FACTS)), sentences.STRAIGHT, law.note if law else ""]),
    )


def _levels(findings: Findings, curve: Quantity, points: Sequence[Line]) -> list[dict[str, Any]]:
    """The trivial rules and chance at every size that has one condition."""
    levels: list[dict[str, Any]] = []
    for size in _sizes(points):
        own = [item for item in findings.comparisons if item.arm == curve.arm]
        names = {item.condition.name for item in own if item.condition.train_rows == size}
        for name, row in summary.rules(findings, *names) if len(names) == 1 else ():
            levels.append({"rule": name, "rows": size, "mean": row.value, "text": numbers.value_text(row)})
    return levels


def _figures(
    curve: Quantity, points: Sequence[Line], crossing: Quantity, levels: list[dict[str, Any]], key: str
) -> tuple[Figure, Figure]:
    baseline, arm = curve.baseline, curve.arm
    texts = []
    for line in points:
        left, right = (numbers.value_text(line.row(key)) for key in ("data.baseline_score", "data.score"))
        texts.append(f"{numbers.value_text(line.first)} rows: {baseline} {left}, {arm} {right}")
    upright = "" if crossing.value is None else "; upright, the crossing with its 95 % interval"
    texts += [f"{level['rows']:,.0f} rows: {level['rule']} {level['text']}" for level in levels]
    left = Figure(
        f"{key}-scores",
        f"Test {metric_name(curve.metric)} against training rows",
        f"{'; '.join(texts)}. Whiskers: lowest to highest run. Dashed: from each score of {arm} to the rows "
        f"that {baseline} needs for it{upright}.",
        scores_chart(points, crossing, levels),
    )
    right = Figure(
        f"{key}-needed",
        f"Rows that {baseline} needs for the score of {arm}",
        "Whiskers: 95 % intervals. On the line, the weights save no rows. Hollow triangles are bounds: the "
        "number lies beyond the sizes that were run.",
        needed_chart(points),
    )
    return left, right


def scores_chart(
    points: Sequence[Line], crossing: Quantity, levels: Sequence[dict[str, Any]] = ()
) -> style.Spec:
    """Both arms and trivial rules against rows; dashed, what the arm's score would cost the baseline, and
    the crossing."""
    drawn, spans = [], []
    for line in points:
        for key, arm in (("data.baseline_score", line.first.baseline), ("data.score", line.first.arm)):
            spread = replace(line.row(f"{key}.runs"), value=line.row(key).value)
            drawn.append(style.point(spread, arm=arm, rows=line.first.value))
        if (needed := line.row("data.rows_needed").value) is not None:
            spans.append({"rows": line.first.value, "until": needed, "mean": line.row("data.score").value})
    title, x = f"{metric_title(points[0].first.metric)} on test", _x(points, "Training rows")
    below = _crossing(crossing, points, x) + (_rules(levels, x, title) if levels else [])
    if spans:
        saved = style.link(spans, strokeWidth=1.5)
        below.append(saved.encode(x=x, x2=alt.X2("until:Q"), y=alt.Y("mean:Q", title=title)))
    tips = {"arm": "Arm", "rows": "Rows", "text": "Mean", "interval": "Range over runs", "runs": "Runs"}
    return style.lines(drawn, x, title, tips, below=below, height=HEIGHT)


def _rules(levels: Sequence[dict[str, Any]], x: alt.X, title: str) -> list[alt.Chart]:
    """A dotted line for each trivial rule, with its name at the last size."""
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False))
    lines = style.chart(list(levels)).mark_line(style="link", strokeDash=[1, 3])
    last = [level for level in levels if level["rows"] == levels[-1]["rows"]]
    sides = ((-6, last[:-1]), (9, last[-1:]))  # that of chance, the last one, stands below its line
    names = [
        style.chart(own).mark_text(style="on-light", fontSize=10, align="right", dy=shift)
        for shift, own in sides
        if own
    ]
    return [
        lines.encode(x=x, y=y, detail="rule:N"),
        *(name.encode(x=x, y=y, text="rule:N") for name in names),
    ]


def needed_chart(points: Sequence[Line]) -> style.Spec:
    """Rows that the baseline needs against rows given, both logarithmic; a bound is a hollow triangle."""
    key, sizes = "data.rows_needed", _sizes(points)
    drawn = [
        style.bound(
            line.row(key), line.ends(key), sizes, rows=line.first.value,
            times=line.with_interval("data_multiplier"),
        )
        for line in points
    ]  # fmt: skip
    title = f"Rows that {points[0].first.baseline} needs"
    x = _x(points, f"Rows that {points[0].first.arm} was given")
    axis = alt.Axis(values=sizes, format=",d", labelOverlap=True)
    y = alt.Y("mean:Q", title=title, scale=style.log_scale(), axis=axis)
    ends = [{"rows": size, "mean": size} for size in (sizes[0], sizes[-1])]
    same = style.chart(ends).mark_line(style="link", strokeDash=[4, 3]).encode(x=x, y=y)
    base = style.chart(drawn).encode(x=x, color=style.ARM_WITHOUT_LEGEND)
    whisker = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    tips = {"rows": "Rows given", "text": "Rows needed", "interval": "95 % interval", "times": "Multiplier"}
    dots = style.bounds(base.encode(y=y, tooltip=style.tooltips(tips)), drawn, MARKS)
    return style.spec(alt.layer(same, whisker, *dots), height=HEIGHT)


def _sizes(points: Sequence[Line]) -> list[float]:
    return [line.first.value or 0.0 for line in points]


def _x(points: Sequence[Line], title: str) -> alt.X:
    return style.logarithmic("rows", title, _sizes(points), format=",d")


def _crossing(crossing: Quantity, points: Sequence[Line], x: alt.X) -> list[alt.Chart]:
    """The number of rows from which on the baseline has caught up, with its interval inside the data."""
    if crossing.value is None:
        return []
    first, *_, last = _sizes(points)
    ends = {"rows": max(crossing.low or first, first), "until": min(crossing.high or last, last)}
    band = style.chart([ends]).mark_rect(style="margin").encode(x=x, x2=alt.X2("until:Q"))
    return [band, style.link([{"rows": crossing.value}]).encode(x=x)]


def _table(curve: Quantity, points: Sequence[Line]) -> Parts:
    def bound(key: str) -> Callable[[Line], Cell]:
        """A number with its interval; an interval that no size bounds on either side is called open."""

        def show(line: Line) -> Cell:
            row = line.row(key)
            unbounded = row.value is not None and row.level is None
            opened = " (open)" if unbounded and line.row("data.gain").level else ""
            return Cell(line.with_interval(key) + opened, row.note, strong=key == "data_multiplier")

        return show

    return table(
        points,
        (
            under("#Rows", "data.rows"),
            under(f"#{curve.baseline}", "data.baseline_score"),
            under(f"#{curve.arm}", "data.score"),
            under("#Gain", "data.gain"),
            ("#95 % interval", lambda line: line.interval("data.gain") or "no interval"),
            ("#n", lambda line: numbers.count(line.first.n)),
            (f"#Rows {curve.baseline} needs", bound("data.rows_needed")),
            ("#Data multiplier", bound("data_multiplier")),
            ("#Rows transferred", bound("data.rows_transferred")),
        ),
        f"Rows {curve.baseline} needs: where its smoothed curve, never worse with more rows, is at the score "
        f"of {curve.arm} (effective data). Multiplier: that / the rows. Transferred: that less the rows. "
        "In brackets: 95 % intervals, open where no size bounds them. n: pairs, or draws of the rows.",
    )


def _laws(findings: Findings) -> Parts:
    """The laws over models of several sizes, where there are any."""

    def coefficient(name: str) -> tuple[str, Show]:
        def show(line: Line) -> str:
            row = line.row(f"law_over_models.{name}")
            return numbers.with_interval(row) if row.value is not None else "none"

        return f"#{name}", show

    def why_not(line: Line) -> str:
        first = line.row("law_over_models.k")
        return first.note if first.value is None else ""

    return of_rows(
        findings.rows,
        "law_over_models.points",
        (
            ("Arm", lambda line: line.first.arm),
            under("#Points", "law_over_models.points"),
            under("#Left out", "law_over_models.left_out"),
            *map(coefficient, ("k", "alpha", "beta")),
            ("Why not", why_not),
        ),
        "Rows transferred = k · rows^alpha · parameters^beta over all models of the study, with 95 % "
        "intervals. Left out: points beyond the sizes that were run, or not above their own rows.",
    )


def sizes(findings: Findings) -> Parts:
    """Mean scores against training rows, where no curve shows the same lines and nothing else varies."""
    rows_of = {item.condition.name: item.condition.train_rows for item in findings.comparisons}
    scores = [row for row in findings.rows.select("mean_score") if row.condition in rows_of]
    counts = [rows_of[name] for name in {row.condition for row in scores if row.value is not None}]
    if len(findings.rows.select("data.sizes")) == 1 or len(counts) < 2 or len(set(counts)) < len(counts):
        return ()
    points = [style.point(row, rows=rows_of[row.condition]) for row in scores if row.value is not None]
    tips = {"arm": "Arm", "rows": "Rows", "text": "Mean", "interval": "Range over seeds", "runs": "Runs"}
    x = style.logarithmic("rows", "Training rows", sorted(counts), format=",d")
    spec = style.lines(points, x, f"{metric_title(findings.headline)} on test", tips, height=260)
    words = f"Mean test {metric_name(findings.headline)} against training rows; whiskers: range over seeds."
    return (Figure("sizes", "More labels, or pretrained weights?", words, spec),)
