"""Rows charts: scores against training rows, and how many rows the weights stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from headstart.compare.values.efficiency import DataCurve, SizePoint
from headstart.metrics import metric_title
from headstart.reports import bounds, numbers
from headstart.reports.charts import style
from headstart.reports.charts.style import Rows, Spec

HEIGHT = 270
MARKS = {"": "circle", "at least": "triangle-up", "at most": "triangle-down"}


def scores(curve: DataCurve, ranges: Mapping[tuple[str, int], Sequence[float]], arms: Sequence[str]) -> Spec:
    """Both arms against rows; dashed, what the arm's score would cost the baseline, and the crossing."""
    rows = [row for point in curve.points for row in _both(curve, point, ranges)]
    shown = (curve.baseline, curve.arm)
    base = style.chart(rows).encode(x=_x(curve, "Training rows"), color=style.colour(arms, shown=shown))
    title = f"{metric_title(curve.metric)} on test"
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False))
    line = base.mark_line(strokeWidth=2.25).encode(y=y)
    whisker = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    tips = style.tips(arm="Arm", rows="Rows", text="Mean", range="Range over runs", runs="Runs")
    dots = base.mark_point(size=60, filled=True, opacity=1).encode(
        y=y, shape=style.shape(arms, shown=shown), tooltip=tips
    )
    return style.spec(alt.layer(*_crossing(curve), *_saved(curve, title), line, whisker, dots), height=HEIGHT)


def needed(curve: DataCurve, arms: Sequence[str]) -> Spec:
    """Rows that the baseline needs against rows given, both logarithmic; a bound is a hollow triangle."""
    rows = [_needed_row(curve, point) for point in curve.points if _known(point)]
    title = f"Rows that {curve.baseline} needs"
    span = [float(curve.points[0].rows), float(curve.points[-1].rows)]
    base = style.chart(rows).encode(
        x=_x(curve, f"Rows that {curve.arm} was given"), color=style.colour(arms, legend=False)
    )
    same = style.chart([{"rows": end, "needed": end} for end in span]).mark_line(
        style="link", strokeDash=[4, 3]
    )
    whisker = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    tips = style.tips(rows="Rows given", text="Rows needed", interval="95 % interval", times="Multiplier")
    layers = [
        same.encode(x=_x(curve, f"Rows that {curve.arm} was given"), y=_needed_y(curve, title)),
        whisker,
        *style.dots(base.encode(y=_needed_y(curve, title), tooltip=tips), rows, MARKS),
    ]
    return style.spec(alt.layer(*layers), height=HEIGHT)


def _x(curve: DataCurve, title: str) -> alt.X:
    return style.logarithmic(
        "rows", f"{title} (logarithmic)", [point.rows for point in curve.points], format=",d"
    )


def _needed_y(curve: DataCurve, title: str) -> alt.Y:
    ticks = [point.rows for point in curve.points]
    axis = alt.Axis(values=ticks, format=",d", labelOverlap=True)
    return alt.Y("needed:Q", title=title, scale=alt.Scale(type="log", nice=False, padding=14), axis=axis)


def _both(curve: DataCurve, point: SizePoint, ranges: Mapping[tuple[str, int], Sequence[float]]) -> Rows:
    sides = ((curve.baseline, point.baseline), (curve.arm, point.arm))
    return [_score_row(arm, point.rows, mean, ranges.get((arm, point.rows), ())) for arm, mean in sides]


def _score_row(arm: str, rows: int, mean: float, scores: Sequence[float]) -> dict[str, Any]:
    low, high = min(scores, default=mean), max(scores, default=mean)
    return {
        "arm": arm,
        "rows": rows,
        "mean": mean,
        "low": low,
        "high": high,
        "text": numbers.score(mean),
        "range": numbers.interval(low, high),
        "runs": len(scores),
    }


def _saved(curve: DataCurve, title: str) -> list[alt.Chart]:
    """From a score of the arm across to the rows that the baseline needs for it, where that is a number."""
    spans = [
        {"rows": point.rows, "until": point.rows_needed.value, "mean": point.arm}
        for point in curve.points
        if point.rows_needed.value is not None
    ]
    if not spans:
        return []
    rule = style.chart(spans).mark_rule(style="link", strokeDash=[4, 3], strokeWidth=1.5)
    return [rule.encode(x=_x(curve, "Training rows"), x2=alt.X2("until:Q"), y=alt.Y("mean:Q", title=title))]


def _crossing(curve: DataCurve) -> list[alt.Chart]:
    """The number of rows from which on the baseline has caught up, with its interval inside the data."""
    found, first, last = curve.crossing.rows, curve.points[0].rows, curve.points[-1].rows
    if found.value is None:
        return []
    low = max(found.sure_low or first, first)
    high = min(found.sure_high or last, last)
    x = _x(curve, "Training rows")
    band = (
        style.chart([{"rows": low, "until": high}])
        .mark_rect(style="margin")
        .encode(x=x, x2=alt.X2("until:Q"))
    )
    rule = style.chart([{"rows": found.value}]).mark_rule(style="link", strokeDash=[4, 3]).encode(x=x)
    return [band, rule]


def _known(point: SizePoint) -> bool:
    return point.rows_needed.low is not None or point.rows_needed.high is not None


def _needed_row(curve: DataCurve, point: SizePoint) -> dict[str, Any]:
    """An end of the interval that is not bounded is drawn to the edge of the data."""
    found, first, last = point.rows_needed, curve.points[0].rows, curve.points[-1].rows
    at = found.low if found.low is not None else found.high
    several = found.sure_low is not None or found.sure_high is not None
    ends = (found.sure_low or first, found.sure_high or last) if several else (at, at)
    return {
        "arm": curve.arm,
        "rows": point.rows,
        "needed": at,
        "low": ends[0],
        "high": ends[1],
        "kind": found.censored,
        "text": bounds.value(found, numbers.count),
        "interval": bounds.interval(found, numbers.count) or "cannot be given",
        "times": bounds.with_interval(point.multiplier, numbers.ratio),
    }
