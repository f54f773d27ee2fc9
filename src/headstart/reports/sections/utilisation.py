"""Usage: the tables on how well the machine was used, carbon, money, and the order of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.compare.findings import ArmSummary, Carbon, Findings, Money, Trained, Usage
from headstart.reports import numbers
from headstart.reports.page import Cell, Part, Table, cells, columns

MOST_RUNS = 60  # rows of the order of training


def machine(summaries: Sequence[ArmSummary], arms: Sequence[str]) -> tuple[Part, ...]:
    """A row per arm that says anything about it; nothing when none does."""
    rows = [(item, item.usage) for item in summaries if item.usage]
    names = (
        "#Tokens per second | #With padding | #Padding | #Waiting for data | #MFU | Of a measured peak of "
        "| Peak memory"
    )
    caption = (
        "Training, means over finished runs. MFU: the model's FLOPs per second over those of the fastest "
        "matrix product measured on the same machine. Memory: the largest of these runs, with the phase."
    )
    return _table(names, [(item, _machine(used)) for item, used in rows], arms, caption)


def carbon(summaries: Sequence[ArmSummary], arms: Sequence[str]) -> tuple[Part, ...]:
    """Grams per run with all that they rest on; nothing when no record has any."""
    rows = [(item, _carbon(each)) for item in summaries for each in item.emissions]
    rows += [(item, (_none(item), *[Cell("")] * 6)) for item in summaries if not item.emissions]
    names = "#Carbon (CO2e) | Region | #Intensity | #Year | Source | #PUE | #Runs"
    caption = "All phases, means over the runs that have a figure; PUE multiplies carbon, never energy."
    known = any(item.emissions for item in summaries)
    return _table(names, rows if known else [], arms, caption)


def money(summaries: Sequence[ArmSummary], arms: Sequence[str]) -> tuple[Part, ...]:
    """Electricity and device-hours side by side; nothing when no price was stated."""
    rows = [(item, _money(each, item)) for item in summaries for each in item.money]
    names = "#Electricity | #Price per kWh | #Device by the hour | #Price per device-hour | #Runs"
    caption = (
        "All phases, means per run, at the prices stated in the configuration. Two views of the same run, "
        "never added: a rented hour has its electricity in it."
    )
    return _table(names, rows, arms, caption)


def order(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """The runs as they were trained, with temperature and clock at the start where they are known."""
    runs = findings.order[:MOST_RUNS]
    asked = {
        "#Place": lambda one: "" if one.place is None else str(one.place + 1),
        "Condition": lambda one: one.condition,
        "#Seed": lambda one: str(one.seed),
        "Started": lambda one: one.started,
        "Temperature": lambda one: _told(one.celsius, "°C"),
        "Clock": lambda one: _told(one.megahertz, "MHz"),
        "Governor": lambda one: one.governor or "",
    }
    kept = {name: ask for name, ask in asked.items() if any(ask(one) for one in runs)}
    rows = tuple(
        cells(_arm(one.arm, arms), *(Cell(ask(one) or numbers.UNKNOWN) for ask in kept.values()))
        for one in runs
    )
    if not rows:
        return ()
    cut = len(findings.order) - len(runs)
    more = f" {numbers.plural(cut, 'later run')} not shown." if cut else ""
    caption = f"In the order of training. Place: within the command that trained it.{_unknown(runs)}{more}"
    return (Table(columns(" | ".join(["Arm", *kept])), rows, caption),)


def without_energy(item: ArmSummary) -> str:
    """'not measured', unless the joules are missing for another reason."""
    if item.energy_method == "mixed":
        return "methods differ"
    return "not measured" if item.finished or item.energy_method == "none" else numbers.UNKNOWN


def _table(
    names: str, rows: Sequence[tuple[ArmSummary, tuple[Cell, ...]]], arms: Sequence[str], caption: str
) -> tuple[Part, ...]:
    """A table led by the condition, when there are several, and the arm."""
    if not rows:
        return ()
    several = len({item.condition for item, _ in rows}) > 1
    lead = "Condition | Arm" if several else "Arm"
    made = tuple(
        (*([Cell(item.condition)] if several else []), _arm(item.arm, arms), *told) for item, told in rows
    )
    return (Table(columns(f"{lead} | {names}"), made, caption),)


def _arm(name: str, arms: Sequence[str]) -> Cell:
    return Cell(name, arm=list(arms).index(name) if name in arms else None, strong=True)


def _machine(used: Usage) -> tuple[Cell, ...]:
    low, high = _rate(used.peak_low), _rate(used.peak_high)
    peak = low if low == high else f"{low} to {high}"
    of = "; ".join(used.peak_of)
    return cells(
        numbers.significant(used.real),
        numbers.significant(used.padded),
        numbers.percent(used.padding),
        numbers.percent(used.waiting),
        Cell(numbers.percent(used.share), of),
        f"{peak} ({of})" if of else numbers.UNKNOWN,
        _memory(used),
    )


def _rate(value: float | None) -> str:
    return numbers.si(value, "FLOP/s")


def _memory(used: Usage) -> Cell:
    """The peak of each side and the phase that holds it; every phase in the tooltip."""
    told = [f"{side} {numbers.size(peak)}{_phase(used, side)}" for side, peak in used.memory_peaks.items()]
    every = [
        f"{side}: " + ", ".join(f"{phase} {numbers.size(peak)}" for phase, peak in phases.items())
        for side, phases in used.memory.items()
    ]
    return Cell("; ".join(told) or numbers.UNKNOWN, "; ".join(every))


def _phase(used: Usage, side: str) -> str:
    phases = used.memory.get(side) or {}
    return f" ({max(phases, key=lambda phase: phases[phase])})" if phases else ""


def _carbon(each: Carbon) -> tuple[Cell, ...]:
    return cells(
        f"{numbers.significant(each.grams)} g{_guess(each.method)}",
        each.region,
        f"{numbers.significant(each.g_per_kwh)} g/kWh",
        str(each.year) if each.year else numbers.UNKNOWN,
        each.source,
        f"{each.pue:g}" if each.pue else "not counted",
        str(each.runs),
    )


def _money(each: Money, item: ArmSummary) -> tuple[Cell, ...]:
    priced = numbers.known(each.per_kwh)
    electricity = _amount(each.electricity, each.currency)
    missing = "not measured" if priced else "no price"
    return cells(
        electricity + _guess(each.method) if electricity else Cell(missing, item.energy_reason or ""),
        _amount(each.per_kwh, each.currency) or "no price",
        _amount(each.device, each.currency) or "no price",
        _amount(each.per_device_hour, each.currency) or "no price",
        str(each.runs),
    )


def _amount(value: float | None, currency: str) -> str:
    return f"{numbers.significant(value)} {currency}" if numbers.known(value) else ""


def _none(item: ArmSummary) -> Cell:
    told = "no region" if numbers.known(item.joules) else without_energy(item)
    return Cell(told, item.energy_reason or "")


def _guess(method: str) -> str:
    return " (estimated)" if method not in ("measured", "sampled") else ""


def _told(parts: Mapping[str, float], unit: str) -> str:
    """'61 °C', or with several parts 'processor 61 °C, gpu:0 40 °C'."""
    lone = list(parts) == ["processor"]
    return ", ".join(f"{'' if lone else part + ' '}{value:,.0f} {unit}" for part, value in parts.items())


def _unknown(runs: Sequence[Trained]) -> str:
    names = {"temperature": "celsius", "clock": "megahertz"}
    blind = [name for name, field in names.items() if not any(getattr(one, field) for one in runs)]
    return f" Not known at the start: {', '.join(blind)}." if blind else ""
