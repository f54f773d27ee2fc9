"""Consumption: what the runs spent, arm by arm and in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headstart.compare.findings import ArmSummary, Findings
from headstart.compare.quantity import Quantity, Rows
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Parts, Table, Text
from headstart.reports.tables import OF_ARM, Line, bullets, gallery, of_rows, table
from headstart.resources import RESOURCES, Resource

METHODS = {
    "measured": "measured by a counter",
    "sampled": "measured by sampling power",
    "estimated": "estimated, not measured",
    "mixed": "methods differ between runs",
    "none": "no meter",
}


def parts(findings: Findings) -> Parts:
    """Bars, the table of every arm, what the meters noted, and the total of the study."""
    if not findings.arms:
        return ()
    figures = [_figure(findings.rows, RESOURCES[key]) for key in ("flops", "seconds", "joules")]
    reasons = [f"Energy: {item.energy_reason}" for item in findings.arms if item.energy_reason]
    notes = [note for item in findings.arms for note in _notes(item)]
    return (
        *gallery((figure for figure in figures if figure), 3),
        *cost_table(findings.rows),
        *_meters(findings.arms),
        *([_total(findings.rows)] if findings.total else []),
        *bullets([*reasons, *notes]),
    )


def cost_table(rows: Rows) -> tuple[Table, ...]:
    """What training cost, a line per arm and condition."""

    def method(line: Line) -> Cell:
        joules = line.row("train.joules")
        return Cell(METHODS.get(joules.verdict, joules.verdict), joules.note)

    return of_rows(
        rows,
        "runs.started",
        (
            "condition",
            "arm",
            "train.flops",
            "train.tokens",
            "train.seconds",
            "samples_per_second",
            "peak_memory",
            "train.joules",
            ("Energy is", method),
        ),
        "Training alone, means over finished runs; memory is the largest of all runs.",
    )


def _figure(rows: Rows, resource: Resource) -> Figure | None:
    """Bars of one cost; None where nothing is known, or methods that differ would share an axis."""
    every = [row for row in rows.select(f"train.{resource.key}") if row.value is not None]
    known = every[: style.MOST_MARKS]  # the table below has more
    methods, energy = {row.verdict for row in every}, resource.key == "joules"
    if not known or (energy and len(methods) > 1):
        return None
    estimated = energy and methods <= {"estimated"}
    title = resource.kind.capitalize() + " (estimated: hollow bars)" * estimated
    title += f", the first {len(known)} of {len(every):,}" * (len(known) < len(every))
    names = [f"{row.arm}, {row.condition}:" if row.condition else row.arm for row in known]
    texts = [f"{name} {numbers.value_text(row)}" for name, row in zip(names, known, strict=True)]
    chart = costs(known, resource, hollow=estimated)
    return Figure(f"cost-{resource.key}", title, f"Mean per run: {', '.join(texts)}.", chart)


def costs(rows: Sequence[Quantity], resource: Resource, *, hollow: bool) -> style.Spec:
    """Mean cost per run as bars, one per arm (and condition); hollow and dashed where it is estimated."""
    how = {"flops": "counted", "seconds": "clock"}.get(resource.key)
    points = [style.point(row, method=how or row.verdict) for row in rows]
    several = len({row.condition for row in rows}) > 1
    bar: dict[str, Any] = {"height": {"band": 0.72}, "cornerRadiusEnd": 2}
    if hollow:
        bar |= {"filled": False, "fillOpacity": 0, "strokeWidth": 1.75, "strokeDash": [4, 3]}
    axis = {"format": ",~r" if resource.key == "seconds" else "~s", "tickCount": 4}
    encoding: dict[str, Any] = {
        "x": field("mean:Q", title=resource.axis, axis=axis),
        "y": field("condition:N" if several else "arm:N", title=None, sort=None, axis=style.names()),
        "color": style.ARM if several else style.ARM_WITHOUT_LEGEND,
        "tooltip": style.tooltips({"arm": "Arm", "text": "Mean per run", "method": "How it is known"}),
    }
    if several:
        encoding["yOffset"] = field("arm:N")
    bars = style.chart(points).mark("bar", **bar).encode(**encoding)
    return style.spec([bars], height=max(60, 30 * len(rows)))


def _meters(summaries: Sequence[ArmSummary]) -> tuple[Table, ...]:
    """Total and dynamic joules side by side: they answer different questions."""
    return table(
        [item for item in summaries if item.meter and numbers.known(item.meter.joules)],
        OF_ARM
        | {
            "#Energy, total": lambda item: numbers.energy(item.meter.joules),
            "#Energy above idle": lambda item: numbers.energy(item.meter.dynamic),
            "#Idle": lambda item: numbers.watts(item.meter.idle_watts),
            "Alone on the machine": lambda item: "; ".join(item.meter.evidence) or numbers.UNKNOWN,
            "Energy is": lambda item: METHODS.get(item.energy_method, item.energy_method),
        },
        "All phases, means per run. Total is what the devices drew; above idle is what the run added to a "
        "machine that was on anyway.",
    )


def _notes(item: ArmSummary) -> list[str]:
    """Doubts, counters that were not available, and segments that left no record."""
    if item.meter is None:
        return []
    lost = numbers.plural(item.meter.lost_segments, "interrupted segment")
    return [
        *(f"Energy: {doubt}" for doubt in item.meter.doubts),
        *(f"Not used: {line}" for line in item.meter.unavailable),
        f"{item.arm}: {lost} left no record, so its cost is a lower bound" * bool(item.meter.lost_segments),
    ]


def _total(rows: Rows) -> Text:
    """Everything the study consumed; measured and estimated energy stay two numbers."""
    spent = [f"{numbers.value_text(row)}" for row in rows.select("total.flops", "total.seconds")]
    for how in ("measured", "estimated"):
        joules = rows.first(f"total.joules_{how}")
        spent += [f"{numbers.value_text(joules)} ({how})"] if joules else []
    blind = int(rows.value("total.runs_without_energy") or 0)
    without = f" The energy of {numbers.plural(blind, 'run')} was not measured." if blind else ""
    runs = numbers.plural(int(rows.value("total.runs") or 0), "run")
    lead = "The whole study, all phases of all runs, failed and diverged ones included"
    return Text(f"{lead}: {runs}, {', '.join(spent)}.{without}")
