"""Variance: what the spread of scores and gains is due to, the rows that were drawn or the seed."""

from __future__ import annotations

from headstart.compare.findings import Findings
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts
from headstart.reports.tables import bullets, table

SOURCES = {
    "subset": "which rows were drawn",
    "order": "their order",
    "seed": "seed",
    "rest": "interaction and residual",
}


def parts(findings: Findings) -> Parts:
    """A row per source; nothing where no split could be made."""
    shown = [split for split in findings.variances if not split.reason]
    if not shown:
        return ()
    subset = any(component.source == "subset" for split in shown for component in split.components)
    seed = "weights, order and noise" if subset else "weights and noise"  # the order may have its own seed
    made = table(
        [(split, component) for split in shown for component in split.components],
        {
            "Of": lambda row: row[0].of,
            "Condition": lambda row: row[0].condition or "all runs",
            "Due to": lambda row: SOURCES[row[1].source],
            "#Standard deviation": lambda row: numbers.score(row[1].variance ** 0.5),
            "#Variance": lambda row: numbers.significant(row[1].variance),
            "#95 % interval": lambda row: numbers.ends(row[1].interval, numbers.significant),
            "#Share": lambda row: Cell(numbers.percent(row[1].share), strong=True),
            "#Levels": lambda row: numbers.count(row[1].levels) if row[1].levels else "",
        },
        f"Variance of the test {metric_name(shown[0].metric)}, with 95 % intervals (Weerahandi's "
        f"generalised). A seed decides {seed} at once, so these cannot be told apart.",
    )
    refused = [split for split in findings.variances if split.reason]
    return (
        *made,
        *bullets(
            f"{', '.join(filter(None, (split.of, split.condition)))}: {split.reason}." for split in refused
        ),
    )
