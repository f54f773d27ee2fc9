"""Drawing: what the charts of a report share, from their data to axes, tooltips and the marks of an arm.

Charts carry data, marks and words. Colours come from the theme, and which colour an arm has from the page, so
one specification serves light, dark and paper. Axis titles name the unit. What is estimated, or only a bound,
is drawn hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from headstart.compare.quantity import Quantity
from headstart.reports import numbers
from headstart.reports.charts.vega import Layer, Rows, Spec, chart, field, layered

Layers = Sequence[Layer]
MOST_MARKS = 60  # lines of a chart: of thousands none could be read
LETTER = 6.5  # pixels of a letter of a name, at most
LINE = 16  # pixels between names, 11 or more where the ends of an axis are rounded

ARM = field("arm:N", title=None)
SHAPE = field("arm:N", title=None)
ARM_WITHOUT_LEGEND = field("arm:N", title=None, legend=None)


def point(row: Quantity, **more: Any) -> dict[str, Any]:
    """A number as a point of a chart: its arm, value and ends, and its words for the tooltip."""
    return {
        "arm": row.arm,
        "condition": row.condition or "all runs",
        "mean": row.value,
        "low": row.value if row.low is None else row.low,
        "high": row.value if row.high is None else row.high,
        "text": numbers.value_text(row),
        "interval": interval(row),
        "runs": row.n,
        "verdict": row.verdict,
    } | more


def bound(
    row: Quantity, ends: Quantity, edges: Sequence[float] = (), is_open: bool = False, **more: Any
) -> dict[str, Any]:
    """A number, or the end of it that is known, as a point of a chart whose `kind` says which end that is.

    `ends` holds the interval. Where one end of it is not bounded, or both (`is_open`), it is drawn to the
    edge of the data, which are the first and the last of `edges`; without edges, to the number itself.
    """
    at = next(end for end in (row.value, row.low, row.high) if end is not None)
    low, high = (ends.low, ends.high) if ends.level is not None else (None, None)
    first, last = (edges[0], edges[-1]) if edges and (is_open or (low, high) != (None, None)) else (at, at)
    bounds = {"low": first if low is None else low, "high": last if high is None else high}
    kind = "" if row.value is not None else row.verdict
    return (
        point(row)
        | {"mean": at, "kind": kind, **bounds, "interval": "open" if is_open else interval(ends)}
        | more
    )


def interval(row: Quantity) -> str:
    """The interval or the range of a number for the tooltip, or that there is none."""
    return numbers.interval_text(row).removeprefix("range ") or "no interval"


def spec(layers: Layers, height: int) -> Spec:
    """The chart as plain JSON: as wide as its container, no configuration (the theme brings it)."""
    size = {"width": "container", "height": height, "autosize": {"type": "fit-x", "contains": "padding"}}
    return layered(layers) | size


def lines(
    rows: Rows,
    x: Spec,
    title: str,
    tips: Mapping[str, str],
    *,
    spread: Literal["band", "whiskers"] = "whiskers",
    dot: int = 60,
    below: Layers = (),
    y: Spec | None = None,
    height: int = 240,
) -> Spec:
    """A line per arm through `mean`, with the spread from `low` to `high`, and points with their numbers.

    `below` is drawn first. `title` is that of the y axis; `y` replaces the whole axis.
    """
    base = chart(rows).encode(x=x, color=ARM)
    y = y or field("mean:Q", title=title, scale={"zero": False})
    around = base.mark("area", opacity=0.17) if spread == "band" else base.mark("rule", strokeWidth=1.5)
    around = around.encode(y=field("low:Q", title=title), y2=field("high:Q"))
    if any(row["low"] is None for row in rows):
        around = around.where("isValid(datum.low) && isValid(datum.high)")
    line = base.mark("line", strokeWidth=2.25).encode(y=y)
    dots = base.mark("point", size=dot, filled=True, opacity=1).encode(
        y=y, shape=SHAPE, tooltip=tooltips(tips)
    )
    return spec([*below, around, line, dots], height)


def whiskers(
    rows: Rows,
    x: Spec,
    label: str,
    tips: Mapping[str, str],
    *,
    below: Layers = (),
    shapes: Mapping[str, str] | None = None,
) -> Spec:
    """A point with its interval, from `low` to `high`, on a line for each `label`."""
    axis = names(labelLimit=260)
    base = chart(rows).encode(
        y=field(f"{label}:N", title=None, sort=None, axis=axis), color=ARM_WITHOUT_LEGEND
    )
    whisker = base.mark("rule", strokeWidth=3, strokeCap="round")
    whisker = whisker.encode(x=x | {"field": "low"}, x2="high:Q")
    dots = bounds(base.encode(x=x, tooltip=tooltips(tips)), rows, shapes or {"": "circle"})
    return spec([*below, whisker, *dots], height=max(54, 34 * len(rows)))


def levels(rows: Sequence[dict[str, Any]]) -> list[Layer]:
    """A short line across for each of these rows, one a label, with its name above where it is alone."""
    base = chart(list(rows)).encode(x=field("at:Q"), y=field("label:N", title=None, sort=None))
    tips = tooltips({"name": "Trivial rule", "text": "Over the baseline"})
    ticks = base.mark("tick", style="level", orient="vertical", size=26, thickness=2).encode(tooltip=tips)
    if len({row["label"] for row in rows}) > 1:
        return [ticks]
    name_above = base.mark("text", style="on-light", fontSize=10, dy=-34).encode(text="name:N")
    return [ticks, name_above]


def names_beside(rows: Rows, ends: tuple[float, float], height: int) -> list[Layer]:
    """The names of horizontal lines to the right of each, moved apart and up from the x axis.

    `ends`: lowest and highest value that the chart draws.
    """
    per_unit = height / ((ends[1] - ends[0]) or 1.0)
    rising = sorted(rows, key=lambda row: row["mean"])
    heights = [(row["mean"] - ends[0]) * per_unit for row in rising]
    layers, free = [], LETTER  # the lowest is this far above the axis
    for row, own, moved in zip(rising, heights, apart(heights, LINE), strict=True):
        place = max(moved, free)
        mark = {"style": "on-light", "fontSize": 10, "align": "left", "dx": 8, "dy": own - place}
        layers.append(chart([row]).mark("text", **mark))
        free = place + LINE
    return layers


def apart(heights: Sequence[float], step: float) -> list[float]:
    """Rising heights moved as little as keeps them `step` apart: neighbours that touch share their middle."""
    groups: list[list[float]] = []  # heights that are moved together, `step` apart around their mean

    def lowest(group: list[float]) -> float:
        return sum(group) / len(group) - step * (len(group) - 1) / 2

    for height in heights:
        groups.append([height])
        while len(groups) > 1 and lowest(groups[-1]) < lowest(groups[-2]) + step * len(groups[-2]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [lowest(group) + index * step for group in groups for index in range(len(group))]


def bounds(base: Layer, rows: Rows, shapes: Mapping[str, str]) -> list[Layer]:
    """The points of `rows`: filled where their kind is "", and hollow where it is a bound."""
    kinds = {row.get("kind", "") for row in rows}
    return [
        base.mark("point", filled=not kind, size=100, opacity=1, shape=shape, strokeWidth=1.75).where(
            f"(datum.kind || '') === '{kind}'"
        )
        for kind, shape in shapes.items()
        if kind in kinds  # a layer without points would be a warning
    ]


def tooltips(fields: Mapping[str, str]) -> list[Spec]:
    """What is shown under the pointer: the title of each field."""
    return [field(f"{name}:N", title=title) for name, title in fields.items()]


def names(**more: Any) -> Spec:
    """An axis of names: no ticks, long names cut."""
    return dict(**({"ticks": False, "domain": False, "labelLimit": 180} | more))


def logarithmic(name: str, title: str, ticks: Sequence[float] = (), **axis: Any) -> Spec:
    """A logarithmic x axis; `ticks` where they are known, else the chart's own choice."""
    settings: dict[str, Any] = {"grid": False, "labelOverlap": True, "format": "~s"} | axis
    marks: dict[str, Any] = {"values": list(ticks)} if ticks else {"tickCount": 4}
    return field(
        f"{name}:Q", title=f"{title} (logarithmic)", scale=log_scale(), axis=dict(**settings, **marks)
    )


def log_scale() -> Spec:
    """A logarithmic scale with room around the data."""
    return {"type": "log", "nice": False, "padding": 14}


def link(rows: Rows, **mark: Any) -> Layer:
    """Quiet dashed rules: what leads from one number to another."""
    return chart(rows).mark("rule", style="link", strokeDash=[4, 3], **mark)
