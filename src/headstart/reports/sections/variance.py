"""Variance: what the spread of scores and gains is due to: pretraining, rows, seed, test examples."""

from __future__ import annotations

from headstart.compare.findings import Findings
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.page import Parts
from headstart.reports.tables import bullets, of_rows, under

SOURCES = {
    "pretraining": "seed of the pretraining",
    "subset": "which rows were drawn",
    "order": "their order",
    "seed": "seed",
    "rest": "interaction and residual",
    "test": "which test examples",
}


def parts(findings: Findings) -> Parts:
    """A row per source; nothing where no split could be made."""
    rows = findings.rows.select("variance.*")
    if not rows:
        return ()
    seed = "weights and noise"  # the order may have its own seed
    if rows.select("variance.subset"):
        seed = "weights, order and noise"
    tied = "" if rows.select("variance.seed") else "; every draw of the rows has a seed of its own"
    listed = of_rows(
        rows,
        "variance.*.sd",
        (
            ("Of", lambda line: line.first.arm),
            ("Condition", lambda line: line.first.condition or "all runs"),
            ("Due to", lambda line: SOURCES[line.part]),
            under("#Standard deviation", "variance.*.sd"),
            under("#Variance", "variance.*"),
            ("#95 % interval", lambda line: line.interval("variance.*") or "no interval"),
            under("#Share", "variance.*.share"),
            ("#Levels", lambda line: numbers.count(line.first.n) if line.first.n else ""),
        ),
        f"Variance of the test {metric_name(rows[0].metric)}, with 95 % intervals (Weerahandi's "
        f"generalised). A seed decides {seed} at once, so these cannot be told apart{tied}.",
    )
    refused = findings.rows.select("variance")
    names = (", ".join(name for name in (row.arm, row.condition) if name) for row in refused)
    return (*listed, *bullets(f"{name}: {row.note}." for name, row in zip(names, refused, strict=True)))
