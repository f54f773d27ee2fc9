"""Stability: how often the runs of each arm diverged, with an interval that few runs leave wide."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Findings
from headstart.compare.values.claims import Stability
from headstart.reports import bounds, numbers
from headstart.reports.page import Cell, Part, Table, cells, columns


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """A row per arm, where any run of the study diverged or failed."""
    if not any(each.diverged or each.failed for each in findings.stability):
        return ()
    names = columns("Arm | #Runs | #Diverged | #Failed | #Share that diverged | #95 % interval")
    caption = (
        "Over all conditions, runs that were interrupted from outside left out. Interval: Wilson's, of the "
        "share of runs that diverge."
    )
    return (Table(names, tuple(_row(each, arms) for each in findings.stability), caption),)


def _row(each: Stability, arms: Sequence[str]) -> tuple[Cell, ...]:
    return cells(
        Cell(each.arm, arm=list(arms).index(each.arm) if each.arm in arms else None, strong=True),
        numbers.count(each.runs),
        numbers.count(each.diverged),
        numbers.count(each.failed),
        Cell(numbers.percent(each.share), strong=True),
        bounds.ends(each.interval, numbers.percent),
    )
