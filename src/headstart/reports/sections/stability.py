"""Stability: how often the runs of each arm diverged, with an interval that is wide for few runs."""

from __future__ import annotations

from headstart.compare.findings import Findings
from headstart.reports.page import Parts
from headstart.reports.tables import of_rows


def parts(findings: Findings) -> Parts:
    """A row per arm, where any run of the study diverged or failed."""
    if not any(row.value for row in findings.rows.select("stability.diverged", "stability.failed")):
        return ()
    return of_rows(
        findings.rows,
        "stability.diverged_share",
        ("arm", "stability.diverged_share n", "stability.diverged", "stability.failed", "value", "interval"),
        "Over all conditions, without runs that were interrupted from outside. Interval: Wilson's, of the "
        "share of runs that diverge.",
        by=("arm",),
    )
