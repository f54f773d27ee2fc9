"""Cost to target: what one arm needs of the other's cost to reach the same score; bounds drawn as bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from headstart.compare.findings import Bounded, Comparison, Target
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Parts, Text
from headstart.reports.tables import bullets, table
from headstart.resources import RESOURCES, ResourceKey

ALIKE = 0.05  # ratios this close are told once
MARKS = {"": "circle", "at least": "triangle-right", "at most": "triangle-left"}


def parts(item: Comparison, key: str) -> Parts:
    """A chart of the ratios of FLOPs, and the table of every resource that differs from them."""
    if not item.targets:
        return ()
    drawn = [target for target in item.targets if _ratio(target, "flops")]
    spacing = next((target.spacing for target in item.targets if target.spacing), None)
    note = ""
    if spacing:
        every = numbers.plural(spacing, "step")
        note = f"Scores are known every {every}: a target may have been reached that much earlier."
    reasons: dict[str, dict[str, None]] = {}
    for target in item.targets:
        for resource, reason in target.reasons.items():
            reasons.setdefault(reason, {})[RESOURCES[resource].name] = None
    return (
        *([_figure(drawn, item, key)] if drawn else []),
        *_table(item),
        *([Text(note, "note")] if note else []),
        *bullets(f"Ratio of {', '.join(names)}: {reason}." for reason, names in reasons.items()),
    )


def _ratio(target: Target, axis: ResourceKey) -> Bounded | None:
    """The ratio, where anything is known of it."""
    ratio = target.ratios.get(axis)
    return ratio if ratio and ratio.known else None


def _figure(drawn: Sequence[Target], item: Comparison, key: str) -> Figure:
    ratios = "; ".join(
        f"to {target.name}: {numbers.bound_with_interval(_ratio(target, 'flops'), numbers.ratio)}"
        for target in drawn
    )
    metric = metric_name(item.headline)
    title = f"FLOPs of {item.arm} / FLOPs of {item.baseline} to the same validation {metric}"
    words = (
        f"{ratios[:1].upper()}{ratios[1:]}. Left of 1: {item.arm} is cheaper. Hollow triangles are bounds."
    )
    return Figure(f"{key}targets", title, words, chart(drawn, item.arm))


def chart(drawn: Sequence[Target], arm: str) -> style.Spec:
    """One ratio with its interval per target; a target that was not always reached is a hollow triangle."""
    rows: list[dict[str, Any]] = []
    for target in drawn:
        ratio = _ratio(target, "flops")
        if ratio is None:
            continue
        at = ratio.low if ratio.low is not None else ratio.high
        rows.append({
            "target": target.name,
            "arm": arm,
            "ratio": at,
            "low": ratio.sure_low if ratio.sure_low is not None else at,
            "high": ratio.sure_high if ratio.sure_high is not None else at,
            "kind": ratio.censored,
            "text": numbers.bound(ratio, numbers.ratio),
            "interval": numbers.bound_interval(ratio, numbers.ratio) or "no interval",
            "reached": f"{target.baseline_reached} and {target.arm_reached} of {target.pairs}",
        })  # fmt: skip
    tips = {"target": "Target", "text": "Ratio", "interval": "95 % interval", "reached": "Reached"}
    x = style.logarithmic("ratio", "Ratio of FLOPs", format=".2~r")
    unity = style.chart([{"ratio": 1}]).mark_rule(style="zero").encode(x=x)
    return style.whiskers(rows, x, "target", tips, below=[unity], shapes=MARKS)


def _table(item: Comparison) -> Parts:
    shown: list[ResourceKey] = [
        axis
        for axis in RESOURCES
        if axis in ("flops", "seconds", "joules") or any(_differs(target, axis) for target in item.targets)
    ]
    same = [RESOURCES[axis].name for axis in ("steps", "samples", "tokens") if axis not in shown]
    alike = f" In {', '.join(same)} the ratios are within 5 % of those of the FLOPs." if same else ""
    way = " The way is from the lower start to the best score seen." if len(item.targets) > 2 else ""

    def ratio(axis: ResourceKey) -> Any:
        def show(target: Target) -> Cell:
            ratio, reason = target.ratios.get(axis), target.reasons.get(axis, "")
            if ratio is None:
                return Cell("no ratio", reason)
            text = numbers.bound_with_interval(ratio, numbers.ratio)
            return Cell(text, reason, strong=ratio.value is not None)

        return show

    return table(
        item.targets,
        {
            "Target": lambda target: Cell(target.name[:1].upper() + target.name[1:], target.sentence),
            "#Score": lambda target: numbers.score(target.score),
            f"#{item.baseline} reached it": lambda t: f"{t.baseline_reached} of {t.pairs}",
            f"#{item.arm} reached it": lambda t: f"{t.arm_reached} of {t.pairs}",
        }
        | {f"#Ratio of {RESOURCES[axis].name}": ratio(axis) for axis in shown},
        f"What {item.arm} needs / what {item.baseline} needs, geometric means over pairs with their 95 % "
        f"intervals. Where an arm did not reach the target, its whole budget is a lower bound.{alike}{way}",
    )


def _differs(target: Target, axis: ResourceKey) -> bool:
    """Whether any end of the ratio is more than 5 % off that of the FLOPs, or known for one of them only."""
    own, flops = _ratio(target, axis), _ratio(target, "flops")
    for name in ("low", "high", "sure_low", "sure_high"):
        end, flops_end = getattr(own, name, None), getattr(flops, name, None)
        if end is None or flops_end is None:
            if end is not flops_end:
                return True
        elif not math.isclose(end, flops_end, rel_tol=ALIKE):
            return True
    return False
