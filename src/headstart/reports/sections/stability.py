"""Stability: how often the runs of each arm diverged, with an interval that is wide for few runs."""

from __future__ import annotations

from headstart.compare.findings import Findings
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts
from headstart.reports.tables import arm_cell, table


def parts(findings: Findings) -> Parts:
    """A row per arm, where any run of the study diverged or failed."""
    if not any(arm.diverged or arm.failed for arm in findings.stability):
        return ()
    return table(
        findings.stability,
        {
            "Arm": lambda arm: arm_cell(arm.arm),
            "#Runs": lambda arm: numbers.count(arm.runs),
            "#Diverged": lambda arm: numbers.count(arm.diverged),
            "#Failed": lambda arm: numbers.count(arm.failed),
            "#Share that diverged": lambda arm: Cell(numbers.percent(arm.share), strong=True),
            "#95 % interval": lambda arm: numbers.ends(arm.interval, numbers.percent),
        },
        "Over all conditions, without runs that were interrupted from outside. Interval: Wilson's, of the "
        "share of runs that diverge.",
    )
