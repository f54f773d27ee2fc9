"""Targets: what one arm needs of the other's cost to reach the same score, bounds drawn as bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from headstart.compare.findings import Comparison
from headstart.compare.values.efficiency import Axis, Bounded, Needed, Target
from headstart.metrics import metric_name
from headstart.reports import bounds, numbers
from headstart.reports.charts import style
from headstart.reports.page import Bullets, Cell, Figure, Part, Table, Text, cells, columns

NAMES: dict[Axis, str] = {
    "flops": "FLOPs",
    "steps": "steps",
    "samples": "samples",
    "tokens": "tokens",
    "seconds": "time",
    "joules": "energy",
}
ALIKE = 0.05  # ratios this close are told once
MARKS = {"": "circle", "at least": "triangle-right", "at most": "triangle-left"}


def parts(item: Comparison, arms: Sequence[str], key: str) -> tuple[Part, ...]:
    """A chart of the ratios of FLOPs, and the table in every resource that tells something of its own."""
    if not item.targets:
        return ()
    drawn = [target for target in item.targets if _ratio(target, "flops")]
    figure = (_figure(drawn, item, arms, key),) if drawn else ()
    reasons = tuple(dict.fromkeys(_reasons(item.targets)))
    late = next((target.spacing for target in item.targets if target.spacing), None)
    steps = numbers.plural(late, "step") if late else ""
    note = (
        Text(f"Scores are seen every {steps}: a target may have been reached that much earlier.", "note"),
    )
    return (*figure, _table(item), *(note if late else ()), *((Bullets(reasons),) if reasons else ()))


def _ratio(target: Target, axis: Axis) -> Bounded | None:
    """The ratio, where anything is known of it."""
    found = target.needed[axis].ratio if axis in target.needed else None
    return found if found and found.censored != "unknown" else None


def _reasons(targets: Sequence[Target]) -> list[str]:
    """Why ratios are missing, or rest on a part of the pairs: each reason once, with its resources."""
    found: dict[str, dict[str, None]] = {}
    for target in targets:
        for needed in target.needed.values():
            if needed.reason:
                found.setdefault(needed.reason, {})[NAMES[needed.resource]] = None
    return [f"Ratio of {', '.join(names)}: {reason}." for reason, names in found.items()]


def _figure(drawn: Sequence[Target], item: Comparison, arms: Sequence[str], key: str) -> Figure:
    told = "; ".join(
        f"to {target.name}: {bounds.with_interval(_ratio(target, 'flops'), numbers.ratio)}"
        for target in drawn
    )
    title = (
        f"FLOPs of {item.arm} / FLOPs of {item.baseline} to the same validation {metric_name(item.headline)}"
    )
    words = f"{told[:1].upper()}{told[1:]}. Left of 1: {item.arm} is cheaper. Hollow triangles are bounds."
    return Figure(f"{key}targets", title, words, chart(drawn, item.arm, arms))


def chart(drawn: Sequence[Target], arm: str, arms: Sequence[str]) -> style.Spec:
    """One ratio with its interval per target; a target that was not always reached is a hollow triangle."""
    rows = [_chart_row(target, arm) for target in drawn]
    wide = {"labelLimit": 260}
    base = style.chart(rows).encode(
        y=alt.Y("target:N", title=None, sort=None, axis=style.names(**wide)),
        color=style.colour(arms, legend=False),
    )
    title = "Ratio of FLOPs (logarithmic)"
    x = style.logarithmic("ratio", title, format=".2~r")
    whisker = base.mark_rule(strokeWidth=3, strokeCap="round").encode(
        x=style.logarithmic("low", title, format=".2~r"), x2=alt.X2("high:Q")
    )
    tips = style.tips(target="Target", text="Ratio", interval="95 % interval", reached="Reached")
    dots = style.dots(base.encode(x=x, tooltip=tips), rows, MARKS)
    one = style.chart([{"ratio": 1}]).mark_rule(style="zero").encode(x=x)
    return style.spec(alt.layer(one, whisker, *dots), height=max(80, 34 * len(rows)))


def _chart_row(target: Target, arm: str) -> dict[str, Any]:
    found = target.needed["flops"].ratio
    if found is None:
        raise ValueError(f"{target.name}: a target without a ratio cannot be drawn")
    at = found.low if found.low is not None else found.high
    return {
        "target": target.name,
        "arm": arm,
        "ratio": at,
        "low": found.sure_low if found.sure_low is not None else at,
        "high": found.sure_high if found.sure_high is not None else at,
        "kind": found.censored,
        "text": bounds.value(found, numbers.ratio),
        "interval": bounds.interval(found, numbers.ratio) or "cannot be given",
        "reached": f"{target.baseline_reached} and {target.arm_reached} of {target.pairs}",
    }


def _table(item: Comparison) -> Table:
    shown = _axes(item.targets)
    ratios = " | ".join(f"#Ratio of {NAMES[axis]}" for axis in shown)
    names = f"Target | #Score | #{item.baseline} reached it | #{item.arm} reached it | {ratios}"
    same = [NAMES[axis] for axis in ("steps", "samples", "tokens") if axis not in shown]
    alike = f" In {', '.join(same)} the ratios are within 5 % of those of the FLOPs." if same else ""
    way = " The way is that from the lower start to the best score seen." if len(item.targets) > 2 else ""
    caption = (
        f"What {item.arm} needs / what {item.baseline} needs, geometric means over pairs with their 95 % "
        f"intervals. Where an arm did not get there, its whole budget is a lower bound.{alike}{way}"
    )
    return Table(columns(names), tuple(_row(target, shown) for target in item.targets), caption)


def _axes(targets: Sequence[Target]) -> list[Axis]:
    """FLOPs, time and energy; steps, samples and tokens only where a ratio is further off than 5 %."""
    return [
        axis
        for axis in NAMES
        if axis in ("flops", "seconds", "joules") or any(_differs(target, axis) for target in targets)
    ]


def _differs(target: Target, axis: Axis) -> bool:
    ends = [_ends(_ratio(target, one)) for one in (axis, "flops")]
    return any(_apart(one, other) for one, other in zip(*ends, strict=True))


def _ends(found: Bounded | None) -> tuple[float | None, ...]:
    return (found.low, found.high, found.sure_low, found.sure_high) if found else (None,) * 4


def _apart(one: float | None, other: float | None) -> bool:
    """Whether two ends differ by more than 5 %, or one of them is not known."""
    if one is None or other is None:
        return one is not other
    return not math.isclose(one, other, rel_tol=ALIKE)


def _row(target: Target, shown: Sequence[Axis]) -> tuple[Cell, ...]:
    name = target.name[:1].upper() + target.name[1:]
    return cells(
        Cell(name, target.sentence),
        numbers.score(target.score),
        f"{target.baseline_reached} of {target.pairs}",
        f"{target.arm_reached} of {target.pairs}",
        *(_cell(target.needed[axis]) if axis in target.needed else Cell("not measured") for axis in shown),
    )


def _cell(needed: Needed) -> Cell:
    found = needed.ratio
    if found is None:
        return Cell("no ratio", needed.reason)
    return Cell(bounds.with_interval(found, numbers.ratio), needed.reason, strong=found.value is not None)
