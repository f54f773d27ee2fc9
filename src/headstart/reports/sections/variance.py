"""Variances: what the spread of scores and gains is due to, the rows that were drawn or the seed."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Findings
from headstart.compare.values.scales import Component, VarianceSplit
from headstart.metrics import metric_name
from headstart.reports import bounds, numbers
from headstart.reports.page import Bullets, Cell, Part, Table, cells, columns

SOURCES = {
    "subset": "which rows were drawn",
    "order": "their order",
    "seed": "seed",
    "rest": "both together, and the rest",
}


def parts(findings: Findings) -> tuple[Part, ...]:
    """A row per source; nothing where no split could be made."""
    told = [each for each in findings.variances if not each.reason]
    refused = tuple(f"{_name(each)}: {each.reason}." for each in findings.variances if each.reason)
    if not told:
        return ()
    rows = tuple(_row(each, one) for each in told for one in each.components)
    metric = metric_name(told[0].metric)
    caption = (
        f"Variance of the test {metric}, with 95 % intervals (Weerahandi's generalised). A seed decides "
        f"{_seeds(told)} at once, so these cannot be told apart."
    )
    names = columns(
        "Of | Condition | Due to | #Standard deviation | #Variance | #95 % interval | #Share | #Levels"
    )
    return (Table(names, rows, caption), *((Bullets(refused),) if refused else ()))


def _seeds(told: Sequence[VarianceSplit]) -> str:
    """What the seed stands for, where the order may have one of its own."""
    apart = all(one.source != "subset" for each in told for one in each.components)
    return "weights and noise" if apart else "weights, order and noise"


def _name(each: VarianceSplit) -> str:
    return f"{each.of}, {each.condition}" if each.condition else each.of


def _row(each: VarianceSplit, one: Component) -> tuple[Cell, ...]:
    return cells(
        each.of,
        each.condition or "all runs",
        SOURCES[one.source],
        numbers.score(one.variance**0.5),
        numbers.significant(one.variance),
        bounds.ends(one.interval, numbers.significant),
        Cell(numbers.percent(one.share), strong=True),
        numbers.count(one.levels) if one.levels else "",
    )
