"""The charts of a report: Vega-Lite specifications built with Altair from findings, one function per chart.

Charts carry data, marks and words; colours come from the theme, so one specification serves light, dark and
paper. Axis titles name the unit. What is estimated is drawn hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from headstart.compare.findings import ArmSummary, Axis, ClassGain, Comparison, Confusion, Curve
from headstart.metrics import metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.style import Rows, Spec

PLAIN = ",~r"  # 0.2 and 12,000; not 200m, which is no time
AXES = {
    "step": ("Training step", "~s"),
    "flops": ("Training compute (FLOPs)", "~s"),
    "seconds": ("Training time (seconds)", PLAIN),
}
CLASSES_DRAWN = 30
CELLS_LABELLED = 12


def at(axis: Axis, x: float) -> str:
    """A place on an axis of learning curves, with its unit."""
    form = {"flops": numbers.flops, "seconds": numbers.seconds, "step": numbers.count}
    return form[axis](x)


def curves(drawn: Sequence[Curve], arms: Sequence[str]) -> Spec:
    """Mean line over the seeds of each arm, with a band from the lowest to the highest seed."""
    axis, metric = drawn[0].axis, drawn[0].metric
    title, form = AXES[axis]
    shown = [arm for arm in arms if any(curve.arm == arm for curve in drawn)]
    base = style.chart(_curve_rows(drawn)).encode(
        x=alt.X(
            "x:Q", title=title, axis=alt.Axis(format=form, tickCount=5, grid=False), scale=style.tight(0)
        ),
        color=style.colour(arms, shown=shown),
    )
    measured = f"{metric_title(metric)} on validation"
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=measured), y2=alt.Y2("high:Q"))
    line = base.mark_line(strokeWidth=2.25).encode(y=alt.Y("mean:Q", scale=alt.Scale(zero=False)))
    dots = base.mark_point(size=34, filled=True, opacity=1).encode(
        y=alt.Y("mean:Q"),
        shape=style.shape(arms, shown=shown),
        tooltip=style.tips(arm="Arm", at=title, mean="Mean", range="Range", runs="Runs"),
    )
    return style.spec(alt.layer(band, line, dots), height=220)


def gains(comparisons: Sequence[Comparison], arms: Sequence[str], labels: Sequence[str]) -> Spec:
    """One dot with its interval per comparison, against zero and the equivalence margin."""
    rows = [_gain_row(item, label) for item, label in zip(comparisons, labels, strict=True) if item.gain]
    base = style.chart(rows).encode(y=alt.Y("label:N", title=None, sort=None, axis=style.names()))
    title = f"Gain over {comparisons[0].baseline} (right of 0 is better)"
    whisker = base.mark_rule(strokeWidth=3, strokeCap="round").encode(
        x=alt.X("low:Q", title=title, axis=alt.Axis(tickCount=7)),
        x2=alt.X2("high:Q"),
        color=style.colour(arms, legend=False),
    )
    dot = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("gain:Q"),
        color=style.colour(arms, legend=False),
        tooltip=style.tips(
            label="Comparison", text="Gain", interval="Interval", pairs="Pairs", word="Verdict"
        ),
    )
    return style.spec(alt.layer(*_reference(rows), whisker, dot), height=max(54, 34 * len(rows)))


def score_by_rows(summaries: Sequence[ArmSummary], rows_of: Mapping[str, int], arms: Sequence[str]) -> Spec:
    """Score against the number of training rows: what the weights are worth in data."""
    rows = [_size_row(item, rows_of[item.condition]) for item in summaries if item.score_mean is not None]
    ticks = sorted({row["rows"] for row in rows})
    x = alt.X(
        "rows:Q",
        title="Training rows (logarithmic)",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(values=ticks, format=",d", grid=False, labelOverlap=True),
    )
    base = style.chart(rows).encode(x=x, color=style.colour(arms))
    title = f"{metric_title(summaries[0].metric)} on test"
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False))
    line = base.mark_line(strokeWidth=2.25).encode(y=y)
    whisker = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    tips = style.tips(arm="Arm", rows="Rows", text="Mean", range="Range over seeds", runs="Runs")
    dots = base.mark_point(size=60, filled=True, opacity=1).encode(y=y, shape=style.shape(arms), tooltip=tips)
    return style.spec(alt.layer(line, whisker, dots), height=260)


def classes(items: Sequence[ClassGain], baseline: str, arm: str, arms: Sequence[str]) -> Spec:
    """How often each arm is right on each class: two dots per class, joined by the gain."""
    drawn, shown = classes_drawn(items), (baseline, arm)
    order = [item.label for item in drawn]
    ends = [
        _class_row(item, name, getattr(item, key)) for item in drawn for key, name in _ends(baseline, arm)
    ]
    spans = [{"label": item.label, "from": item.baseline, "to": item.arm} for item in drawn]
    y = alt.Y("label:N", title=None, sort=order, axis=style.names(grid=True))
    title = "Share of the class's test examples that are right"
    x = alt.X("share:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="~%", tickCount=5))
    link = style.chart(spans).mark_rule(style="link").encode(y=y, x=alt.X("from:Q"), x2=alt.X2("to:Q"))
    dots = style.chart(ends).mark_point(size=80, filled=True, opacity=1)
    tips = style.tips(label="Class", arm="Arm", right="Right", gain="Gain", examples="Test examples")
    arm_of = {"color": style.colour(arms, shown=shown), "shape": style.shape(arms, shown=shown)}
    return style.spec(alt.layer(link, dots.encode(y=y, x=x, tooltip=tips, **arm_of)), 22 * len(order))


def classes_drawn(items: Sequence[ClassGain]) -> list[ClassGain]:
    """The classes that the chart has room for: largest differences kept, largest gain on top."""
    largest = sorted(items, key=lambda item: (-abs(item.gain), item.label))[:CLASSES_DRAWN]
    return sorted(largest, key=lambda item: (-item.gain, item.label))


def confusion(item: Confusion) -> Spec:
    """Where one arm's predictions go, as shares of each true class."""
    rows = _confusion_rows(item)
    names = list(item.classes)
    base = style.chart(rows).encode(
        x=alt.X("predicted:N", title="Predicted class", sort=names, axis=style.names(labelAngle=-45)),
        y=alt.Y("true:N", title="True class", sort=names, axis=style.names()),
    )
    legend = alt.Legend(format="~%", gradientLength=120, gradientThickness=10, values=[0, 0.5, 1])
    scale = alt.Scale(domain=[0, 1])
    shade = alt.Color("share:Q", title="Share of the true class", scale=scale, legend=legend)
    tips = style.tips(
        true="True class", predicted="Predicted", text="Share", count="Examples (mean over runs)"
    )
    layers = [base.mark_rect().encode(color=shade, tooltip=tips)]
    if len(names) <= CELLS_LABELLED:
        layers += [_cell_text(base, "on-light", "<"), _cell_text(base, "on-strong", ">=")]
    return style.spec(alt.layer(*layers), height=min(max(22 * len(names), 140), 560))


def costs(summaries: Sequence[ArmSummary], resource: str, arms: Sequence[str]) -> Spec:
    """Mean cost per run as bars, one per arm (and condition); estimated energy is hollow and dashed."""
    title, _ = COSTS[resource]
    rows = [_cost_row(item, resource) for item in summaries if getattr(item, resource) is not None]
    several, form = len({row["condition"] for row in rows}) > 1, PLAIN if resource == "seconds" else "~s"
    y = alt.Y("condition:N" if several else "arm:N", title=None, sort=None, axis=style.names())
    encoding: dict[str, Any] = {
        "x": alt.X("value:Q", title=title, axis=alt.Axis(format=form, tickCount=4)),
        "y": y,
        "color": style.colour(arms, legend=several),
        "tooltip": style.tips(arm="Arm", text="Mean per run", method="How it is known"),
    }
    if several:
        encoding["yOffset"] = alt.YOffset("arm:N", sort=list(arms))
    hollow = any(row["estimated"] for row in rows)
    mark = style.chart(rows).mark_bar(**_bar(hollow=hollow))
    return style.spec(mark.encode(**encoding), height=max(60, 30 * len(rows)))


COSTS = {
    "flops": ("Training FLOPs per run", numbers.flops),
    "seconds": ("Training seconds per run", numbers.seconds),
    "joules": ("Training joules per run", numbers.energy),
}


def _ends(baseline: str, arm: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("baseline", baseline), ("arm", arm)


def _bar(*, hollow: bool) -> dict[str, Any]:
    common = {"height": {"band": 0.72}, "cornerRadiusEnd": 2}
    if not hollow:
        return common
    return common | {"filled": False, "fillOpacity": 0, "strokeWidth": 1.75, "strokeDash": [4, 3]}


def _reference(rows: Rows) -> list[alt.Chart]:
    """The zero line, and the margin within which arms count as equivalent."""
    zero = style.chart([{"at": 0}]).mark_rule(style="zero").encode(x=alt.X("at:Q"))
    margin = next((row["margin"] for row in rows if row["margin"]), None)
    if margin is None:
        return [zero]
    band = style.chart([{"from": -margin, "until": margin}]).mark_rect(style="margin")
    return [band.encode(x=alt.X("from:Q"), x2=alt.X2("until:Q")), zero]


def _cell_text(base: alt.Chart, style: str, side: str) -> alt.Chart:
    text = base.mark_text(style=style, fontSize=10).encode(text=alt.Text("short:N"))
    return text.transform_filter(f"datum.share {side} 0.55")


def _curve_rows(drawn: Sequence[Curve]) -> Rows:
    return [
        {
            "arm": curve.arm,
            "x": x,
            "mean": mean,
            "low": low,
            "high": high,
            "runs": runs,
            "at": at(curve.axis, x),
            "range": numbers.interval(low, high),
        }
        for curve in drawn
        for x, mean, low, high, runs in zip(
            curve.x, curve.mean, curve.low, curve.high, curve.runs, strict=True
        )
        if numbers.known(x) and all(numbers.known(value) for value in (mean, low, high))
    ]


def _gain_row(item: Comparison, label: str) -> dict[str, Any]:
    gain = item.gain
    if gain is None:
        raise ValueError(f"{label}: a comparison without a gain cannot be drawn")
    low, high = (gain.interval.low, gain.interval.high) if gain.interval else (gain.gain, gain.gain)
    return {
        "label": label,
        "arm": item.arm,
        "gain": gain.gain,
        "low": low,
        "high": high,
        "text": numbers.signed(gain.gain),
        "interval": numbers.interval(low, high, sign=True) if gain.interval else "cannot be given",
        "pairs": gain.pairs,
        "word": gain.word,
        "margin": gain.margin,
    }


def _size_row(item: ArmSummary, rows: int) -> dict[str, Any]:
    low = item.score_mean if item.score_low is None else item.score_low
    high = item.score_mean if item.score_high is None else item.score_high
    return {
        "arm": item.arm,
        "rows": rows,
        "mean": item.score_mean,
        "low": low,
        "high": high,
        "text": numbers.score(item.score_mean),
        "range": numbers.interval(low, high),
        "runs": item.finished,
    }


def _class_row(item: ClassGain, arm: str, share: float) -> dict[str, Any]:
    return {
        "label": item.label,
        "arm": arm,
        "share": share,
        "right": numbers.percent(share),
        "gain": numbers.signed(item.gain),
        "examples": item.examples,
    }


def _confusion_rows(item: Confusion) -> Rows:
    rows: Rows = []
    for true, counts in zip(item.classes, item.counts, strict=True):
        total = sum(counts)
        for predicted, number in zip(item.classes, counts, strict=True):
            share = number / total if total else 0.0
            words = {
                "text": numbers.percent(share),
                "short": f"{share * 100:.0f}" if share >= 0.005 else "",
            }
            rows.append({"true": true, "predicted": predicted, "share": share, "count": number} | words)
    return rows


def _cost_row(item: ArmSummary, resource: str) -> dict[str, Any]:
    value = getattr(item, resource)
    method = item.energy_method if resource == "joules" else "counted" if resource == "flops" else "clock"
    return {
        "arm": item.arm,
        "condition": item.condition or "all runs",
        "value": value,
        "text": COSTS[resource][1](value),
        "method": method,
        "estimated": resource == "joules" and method not in ("measured", "sampled"),
    }
