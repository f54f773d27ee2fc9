"""Spent: the section on what the runs consumed, arm by arm and in all."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import ArmSummary, Findings, Total
from headstart.reports import numbers
from headstart.reports.charts import figures
from headstart.reports.page import Bullets, Cell, Figure, Gallery, Part, Table, Text, cells, columns
from headstart.reports.sections import utilisation

METHODS = {
    "measured": "measured by a counter",
    "sampled": "measured by sampling power",
    "estimated": "estimated, not measured",
    "mixed": "methods differ between runs",
    "none": "no meter",
}


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """Bars, the table of every arm, what the meters noted, and the total of the study."""
    if not findings.arms:
        return ()
    drawn_all = [_cost_figure(findings.arms, resource, arms) for resource in figures.COSTS]
    drawn = tuple(figure for figure in drawn_all if figure)
    gallery = (Gallery(drawn, columns=3),) if drawn else ()
    reasons = dict.fromkeys(f"Energy: {item.energy_reason}" for item in findings.arms if item.energy_reason)
    noted = tuple(dict.fromkeys([*reasons, *(line for item in findings.arms for line in _noted(item))]))
    table = cost_table(findings.arms, arms)
    bullets = (Bullets(noted),) if noted else ()
    return (*gallery, table, *_meters(findings.arms, arms), _total(findings.total), *bullets)


def _cost_figure(summaries: Sequence[ArmSummary], resource: str, arms: Sequence[str]) -> Figure | None:
    known = [item for item in summaries if getattr(item, resource) is not None]
    methods = {item.energy_method for item in known}
    if not known or (resource == "joules" and len(methods) > 1):  # methods that differ share no axis
        return None
    titles = {"flops": "Compute", "seconds": "Time", "joules": "Energy"}
    guessed = resource == "joules" and not methods & {"measured", "sampled"}
    title = titles[resource] + (" (estimated: hollow bars)" if guessed else "")
    told = ", ".join(
        f"{_place(item)} {figures.COSTS[resource][1](getattr(item, resource))}" for item in known
    )
    return Figure(f"cost-{resource}", title, f"Mean per run: {told}.", figures.costs(known, resource, arms))


def _place(item: ArmSummary) -> str:
    return f"{item.arm}, {item.condition}:" if item.condition else f"{item.arm}"


def cost_table(summaries: Sequence[ArmSummary], arms: Sequence[str]) -> Table:
    """What training cost, a row per arm and condition."""
    several = len({item.condition for item in summaries}) > 1
    lead = "Condition | " if several else ""
    names = f"{lead}Arm | #FLOPs | #Tokens | #Time | #Samples per second | #Peak memory | #Energy | Energy is"
    rows = tuple(_cost_row(item, arms, several) for item in summaries)
    return Table(
        columns(names), rows, "Training alone, means over finished runs; memory is the largest of all runs."
    )


def _cost_row(item: ArmSummary, arms: Sequence[str], several: bool) -> tuple[Cell, ...]:
    lead = [Cell(item.condition)] if several else []
    joules = numbers.energy(item.joules) if numbers.known(item.joules) else utilisation.without_energy(item)
    return cells(
        *lead,
        Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
        numbers.flops(item.flops, lower_bound=item.flops_lower_bound),
        numbers.count(item.tokens),
        numbers.seconds(item.seconds),
        numbers.significant(item.samples_per_second),
        numbers.size(item.peak_memory_bytes),
        joules,
        Cell(METHODS.get(item.energy_method, item.energy_method), item.energy_reason or ""),
    )


def _meters(summaries: Sequence[ArmSummary], arms: Sequence[str]) -> tuple[Part, ...]:
    """Total and dynamic joules side by side: they answer different questions."""
    kept = [(item, item.meter) for item in summaries if item.meter and numbers.known(item.meter.joules)]
    if not kept:
        return ()
    several = len({item.condition for item, _ in kept}) > 1
    rows = tuple(
        cells(
            *([Cell(item.condition)] if several else []),
            Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
            numbers.energy(meter.joules),
            numbers.energy(meter.dynamic),
            f"{numbers.significant(meter.idle_watts)} W"
            if numbers.known(meter.idle_watts)
            else numbers.UNKNOWN,
            "; ".join(meter.evidence) or numbers.UNKNOWN,
            METHODS.get(item.energy_method, item.energy_method),
        )
        for item, meter in kept
    )
    lead = "Condition | " if several else ""
    names = f"{lead}Arm | #Energy, total | #Energy above idle | #Idle | Was it alone | Energy is"
    caption = (
        "All phases, means per run. Total is what the devices drew; above idle is what the run added to a "
        "machine that was on anyway."
    )
    return (Table(columns(names), rows, caption),)


def _noted(item: ArmSummary) -> list[str]:
    """Doubts, counters that were looked for, and segments that left no record."""
    if item.meter is None:
        return []
    lost = numbers.plural(item.meter.lost_segments, "interrupted segment")
    return [
        *(f"Energy: {doubt}" for doubt in item.meter.doubts),
        *(f"Not used: {line}" for line in item.meter.unavailable),
        *(
            [f"{item.arm}: {lost} left no record, so its cost is a lower bound"]
            if item.meter.lost_segments
            else []
        ),
    ]


def _total(total: Total) -> Text:
    """Everything the study consumed; measured and estimated energy stay two numbers."""
    energies = {"measured": total.joules_measured, "estimated": total.joules_estimated}
    told = [f"{numbers.energy(value)} ({name})" for name, value in energies.items() if numbers.known(value)]
    spent = [
        numbers.flops(total.flops, lower_bound=total.flops_lower_bound),
        numbers.seconds(total.seconds),
        *told,
    ]
    blind = (
        f" The energy of {numbers.plural(total.runs_without_energy, 'run')} was not measured."
        if total.runs_without_energy
        else ""
    )
    runs = numbers.plural(total.runs, "run")
    lead = "The whole study, all phases of all runs, failed and diverged ones included"
    return Text(f"{lead}: {runs}, {', '.join(spent)}.{blind}")
