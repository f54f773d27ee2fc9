"""Cost to target: what one arm needs of the other's cost to reach the same score; bounds drawn as bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headstart.compare import phrases
from headstart.compare.findings import Comparison
from headstart.compare.sentences import costs as sentences
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Parts, Text
from headstart.reports.tables import Line, Show, bullets, lines_of, table, under
from headstart.resources import RESOURCES, ResourceKey

ALIKE = 0.05  # ratios this close are told once
MARKS = {"": "circle", "at least": "triangle-right", "at most": "triangle-left"}
RATIO = {key: f"target.*.{key}_ratio" for key in RESOURCES}


def parts(item: Comparison, key: str) -> Parts:
    """A chart of the ratios of FLOPs, and the table of every resource that differs from them."""
    lines = lines_of(item.rows, "target.*.score")
    if not lines:
        return ()
    drawn = [line for line in lines if line.row(RATIO["flops"]).known]
    reasons: dict[str, dict[str, None]] = {}
    names = {f"{key}_ratio": resource.name for key, resource in RESOURCES.items()}
    for row in item.rows.select("target.*_ratio.reason"):
        if row.note:
            reasons.setdefault(row.note, {})[names[row.key.split(".")[2]]] = None
    spacing, note = item.rows.value("target.spacing"), ()
    if spacing:
        every = numbers.plural(round(spacing), "step")
        words = f"Scores are known every {every}: a target may have been reached that much earlier."
        note = (Text(words, "note"),)
    return (
        *([_figure(drawn, item, key)] if drawn else []),
        *_table(lines, item),
        *note,
        *bullets(f"Ratio of {', '.join(names)}: {reason}." for reason, names in reasons.items()),
    )


def _name(line: Line) -> str:
    return sentences.target_name(line.part, line.first.baseline, line.first.arm)


def _reached(line: Line, side: str) -> str:
    return numbers.count(line.row(f"target.*.{side}_reached").value)


def _figure(drawn: Sequence[Line], item: Comparison, key: str) -> Figure:
    ratios = "; ".join(f"to {_name(line)}: {line.with_interval(RATIO['flops'])}" for line in drawn)
    metric = metric_name(item.headline)
    title = f"FLOPs of {item.arm} / FLOPs of {item.baseline} to the same validation {metric}"
    words = f"{phrases.capitalised(ratios)}. Left of 1: {item.arm} is cheaper. Hollow triangles are bounds."
    return Figure(f"{key}targets", title, words, chart(drawn))


def chart(drawn: Sequence[Line]) -> style.Spec:
    """One ratio with its interval per target; a target that was not always reached is a hollow triangle."""
    points = []
    for line in drawn:
        reached = f"{_reached(line, 'baseline')} and {_reached(line, 'arm')} of {line.first.n}"
        ratio, ends = line.row(RATIO["flops"]), line.ends(RATIO["flops"])
        points.append(style.bound(ratio, ends, target=_name(line), reached=reached))
    tips = {"target": "Target", "text": "Ratio", "interval": "95 % interval", "reached": "Reached"}
    x = style.logarithmic("mean", "Ratio of FLOPs", format=".2~r")
    unity = style.chart([{"mean": 1}]).mark("rule", style="zero").encode(x=x)
    return style.whiskers(points, x, "target", tips, below=[unity], shapes=MARKS)


def _table(lines: Sequence[Line], item: Comparison) -> Parts:
    always: tuple[ResourceKey, ...] = ("flops", "seconds", "joules")
    shown: list[ResourceKey] = [
        axis for axis in RESOURCES if axis in always or any(_differs(line, axis) for line in lines)
    ]
    costs: tuple[ResourceKey, ...] = ("steps", "samples", "tokens")
    same = [RESOURCES[axis].name for axis in costs if axis not in shown]
    alike = f" In {', '.join(same)} the ratios are within 5 % of those of the FLOPs." if same else ""
    way = " The way is from the lower start to the best score seen." if len(lines) > 2 else ""

    def target(line: Line) -> Cell:
        return Cell(phrases.capitalised(_name(line)), line.first.note)

    def ratio(key: str) -> Show:
        def show(line: Line) -> Cell:
            row, reason = line.row(key), line.row(f"{key}.reason").note
            if not row.known and not row.verdict:
                return Cell("no ratio", reason)
            return Cell(line.with_interval(key), reason, strong=row.value is not None)

        return show

    return table(
        lines,
        (
            ("Target", target),
            under("#Score", "target.*.score"),
            (f"#{item.baseline} reached it", lambda line: f"{_reached(line, 'baseline')} of {line.first.n}"),
            (f"#{item.arm} reached it", lambda line: f"{_reached(line, 'arm')} of {line.first.n}"),
            *((f"#Ratio of {RESOURCES[axis].name}", ratio(RATIO[axis])) for axis in shown),
        ),
        f"What {item.arm} needs / what {item.baseline} needs, geometric means over pairs with their 95 % "
        f"intervals. Where an arm did not reach the target, its whole budget is a lower bound.{alike}{way}",
    )


def _differs(line: Line, axis: ResourceKey) -> bool:
    """Whether any end of the ratio is more than 5 % off that of the FLOPs, or known for one of them only."""
    return any(
        own is not flops if own is None or flops is None else not math.isclose(own, flops, rel_tol=ALIKE)
        for own, flops in zip(_ends(line, RATIO[axis]), _ends(line, RATIO["flops"]), strict=True)
    )


def _ends(line: Line, key: str) -> tuple[float | None, ...]:
    """Both ends of a ratio and of its interval; None where it is not bounded."""
    row, interval = line.row(key), line.ends(key)
    value = (row.low, row.high) if row.value is None else (row.value, row.value)
    return (*value, *((interval.low, interval.high) if interval.level is not None else (None, None)))
