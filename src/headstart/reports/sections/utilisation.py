"""Utilisation: how well the machine was used, carbon, money, and the order of training."""

from __future__ import annotations

from collections.abc import Mapping

from headstart.compare.findings import Findings, Usage
from headstart.compare.quantity import Quantity
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts
from headstart.reports.tables import FIELDS, Line, Show, arm_cell, lines_of, of_rows, table

MOST_RUNS = 60  # rows of the order of training


def machine(findings: Findings) -> Parts:
    """A row per arm that says anything about it; nothing when none does."""
    usage = {(item.condition, item.arm): item.usage for item in findings.arms if item.usage}

    def used(line: Line) -> Usage:
        return usage[line.first.condition, line.first.arm]

    def peak(line: Line) -> str:
        usage = used(line)
        low, high = (numbers.si(end, "FLOP/s") for end in (usage.peak_low, usage.peak_high))
        of = "; ".join(usage.peak_of)
        return f"{low if low == high else f'{low} to {high}'} ({of})" if of else numbers.UNKNOWN

    keys = (
        "usage.tokens_per_second",
        "usage.padded_tokens_per_second",
        "usage.padding",
        "usage.waiting",
        "usage.flops_share",
    )
    return of_rows(
        findings.rows,
        keys,
        (
            "condition",
            "arm",
            *keys,
            ("Of a measured peak of", peak),
            ("Peak memory", lambda line: _memory(used(line))),
        ),
        "Training, means over finished runs. Share of the measured peak (MFU): the model's FLOPs per second "
        "over those of the fastest matrix product measured on the same machine. Memory: the largest of these "
        "runs, with the phase.",
    )


def _memory(used: Usage) -> Cell:
    """The peak of each side and the phase that has it; every phase in the tooltip."""
    peaks, phases = [], []
    for side, peak in used.memory_peaks.items():
        by_phase = used.memory.get(side) or {}
        phase = f" ({max(by_phase, key=lambda name: by_phase[name])})" if by_phase else ""
        peaks.append(f"{side} {numbers.size(peak)}{phase}")
    for side, by_phase in used.memory.items():
        phases.append(f"{side}: " + ", ".join(f"{name} {numbers.size(n)}" for name, n in by_phase.items()))
    return Cell("; ".join(peaks) or numbers.UNKNOWN, "; ".join(phases))


def carbon(findings: Findings) -> Parts:
    """Grams per run with all that they rest on, arms without a figure last; nothing without any figure."""
    emitted = findings.rows.select("carbon.*.grams")
    if not emitted:
        return ()
    known = {(row.condition, row.arm) for row in emitted}
    others = [
        line
        for line in lines_of(findings.rows, "runs.started")
        if (line.first.condition, line.first.arm) not in known
    ]

    def grams(line: Line) -> Cell:
        if line.part:
            return Cell(f"{numbers.significant(line.first.value)} g{_estimated(line.first.verdict)}")
        joules = line.row("train.joules")
        return Cell("no region" if joules.known else numbers.text(joules), joules.note)

    def of_figure(show: Show) -> Show:
        return lambda line: show(line) if line.part else ""

    def pue(line: Line) -> str:
        row = line.row("carbon.*.pue")
        return f"{row.value:g}" if row.value else "not counted"

    def year(line: Line) -> str:
        row = line.row("carbon.*.year")
        return f"{row.value:.0f}" if row.value else numbers.UNKNOWN

    columns = {
        "Region": lambda line: line.first.note,
        "#Intensity": lambda line: f"{numbers.value_text(line.row('carbon.*.intensity'))} g/kWh",
        "#Year": year,
        "Source": lambda line: line.row("carbon.*.intensity").note,
        "#PUE": pue,
        "#Runs": lambda line: str(line.first.n),
    }
    return table(
        [*lines_of(findings.rows, "carbon.*.grams"), *others],
        (
            FIELDS["condition"],
            FIELDS["arm"],
            ("#Carbon (CO2e)", grams),
            *((head, of_figure(show)) for head, show in columns.items()),
        ),
        "All phases, means over the runs that have a figure; PUE multiplies carbon, never energy.",
    )


def money(findings: Findings) -> Parts:
    """Electricity and device-hours side by side; nothing when no price was stated."""

    def electricity(line: Line) -> Cell:
        if line.first.value is not None:
            return Cell(_price(line.first) + _estimated(line.first.verdict))
        missing = "not measured" if line.row("money*.per_kwh").known else "no price"
        return Cell(missing, line.row("train.joules").note)

    return of_rows(
        findings.rows,
        "money*.electricity",
        (
            "condition",
            "arm",
            ("#Electricity", electricity),
            ("#Price per kWh", lambda line: _price(line.row("money*.per_kwh"))),
            ("#Device by the hour", lambda line: _price(line.row("money*.device"))),
            ("#Price per device-hour", lambda line: _price(line.row("money*.per_device_hour"))),
            ("#Runs", lambda line: numbers.count(line.first.n)),
        ),
        "All phases, means per run, at the prices stated in the configuration. Two views of the same run, "
        "never added: a rented hour includes its electricity.",
    )


def order(findings: Findings) -> Parts:
    """The runs as they were trained, with temperature and clock at the start where they are known."""
    runs = findings.order[:MOST_RUNS]
    fields = {"temperature": "celsius", "clock": "megahertz"}
    unknown = [name for name, field in fields.items() if not any(getattr(run, field) for run in runs)]
    later = len(findings.order) - len(runs)
    caption = (
        "In the order of training. Place: within the command that trained it."
        + (f" Not known at the start: {', '.join(unknown)}." if unknown else "")
        + (f" {numbers.plural(later, 'later run')} not shown." if later else "")
    )
    columns = {
        "#Place": lambda run: "" if run.place is None else str(run.place + 1),
        "Condition": lambda run: run.condition,
        "#Seed": lambda run: str(run.seed),
        "Started": lambda run: run.started,
        "Temperature": lambda run: _parts(run.celsius, "°C"),
        "Clock": lambda run: _parts(run.megahertz, "MHz"),
        "Governor": lambda run: run.governor or "",
    }
    shown = {
        head: lambda run, show=show: show(run) or numbers.UNKNOWN
        for head, show in columns.items()
        if any(show(run) for run in runs)
    }
    return table(runs, {"Arm": lambda run: arm_cell(run.arm), **shown}, caption)


def _price(row: Quantity) -> str:
    return f"{numbers.significant(row.value)} {row.unit}" if row.known else "no price"


def _estimated(method: str) -> str:
    return " (estimated)" if method not in ("measured", "sampled") else ""


def _parts(values: Mapping[str, float], unit: str) -> str:
    """'61 °C', or of several parts 'processor 61 °C, gpu:0 40 °C'."""
    lone = list(values) == ["processor"]
    return ", ".join(f"{'' if lone else part + ' '}{value:,.0f} {unit}" for part, value in values.items())
