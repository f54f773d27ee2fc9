"""Pretraining: what the weights cost before the study began, published and measured costs apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.compare import sentences
from headstart.compare.findings import Bounded, BreakEven, Comparison, Figure, Findings, Ledger, View
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts, Table, Text
from headstart.reports.tables import arm_cell, bullets, table

UNITS = {"flops": "FLOPs", "kwh": "kWh", "kg_co2e": "kg CO2e", "device_hours": "device-hours"}


def parts(findings: Findings) -> Parts:
    """Everything on the pretraining of every arm that has one; nothing when no arm loaded weights."""
    kept = [(item, item.ledger) for item in findings.comparisons if item.ledger]
    if not kept:
        return ()
    ledgers = [ledger for _, ledger in kept]
    return (
        Text(ledgers[0].sentence),
        *_views(kept),
        *_break_evens(kept),
        *_stages(ledgers),
        *published(ledgers),
    )


def published(ledgers: Sequence[Ledger]) -> Parts:
    """The published figures behind the arms of some ledgers, and the open questions."""
    made = table(
        dict.fromkeys(figure for ledger in ledgers for figure in ledger.figures),
        {
            "Unit": lambda figure: UNITS[figure.quantity],
            "#Figure": figure_text,
            "Covers": lambda figure: figure.covers or "all of it",
            "Basis": lambda figure: figure.basis,
            "Boundary": lambda figure: figure.boundary,
            "Source": lambda figure: (
                figure.source + " (not yet read again at its source)" * (not figure.checked)
            ),
        },
        "Published figures, not measured here. They differ in what they count, so they are a range and enter "
        "no energy ratio.",
    )
    questions = bullets(question for ledger in ledgers for question in ledger.open)
    lead = [Text("Open questions about the pretraining:")] if questions else []
    return (*made, *lead, *questions)


def figure_text(figure: Figure) -> str:
    """'22.8 EFLOPs to 164 EFLOPs', '1,507'."""
    return amount(figure.amount, numbers.flops if figure.quantity == "flops" else numbers.count)


def amount(value: Bounded, form: numbers.Form) -> str:
    """A number, 'low to high', 'at most high', 'at least low', or unknown."""
    return numbers.between(value.low, value.high, form)


def _views(kept: Sequence[tuple[Comparison, Ledger]]) -> Parts:
    rows = [(item, ledger, view) for item, ledger in kept for view in ledger.views]
    if not rows:
        return ()
    item, ledger, _ = rows[0]
    runs = numbers.plural(sum(len(stage.runs) for stage in ledger.stages), "run")
    origin = {"measured": f"measured here ({runs})", "published": "published, not measured here"}
    before = " and published before" if ledger.stages and ledger.figures else ""
    rest = f" “+ ?”: {ledger.covers} alone is known, the rest of the pretraining is not."

    def counted(view: View) -> str:
        if view.uses is None:
            return "pretraining cost excluded"
        uses = numbers.plural(view.uses, "use")
        return f"shared by {uses}" if view.name == "amortised" else "in full, by this one use"

    def with_rest(row: tuple[Comparison, Ledger, View], value: Bounded, form: numbers.Form) -> str:
        return amount(value, form) + " + ?" * bool(row[2].uses is not None and row[1].covers)

    return table(
        rows,
        {
            "?Condition": lambda row: row[0].condition.name,
            "Arm": lambda row: arm_cell(row[0].arm),
            "Pretraining is counted": lambda row: counted(row[2]),
            "#Its FLOPs": lambda row: (
                "none" if row[2].uses is None else with_rest(row, row[2].share, numbers.flops)
            ),
            "#With the run": lambda row: with_rest(row, row[2].total, numbers.flops),
            f"#Against {item.baseline}": lambda row: with_rest(row, row[2].ratio, numbers.ratio),
        },
        "One run of the arm with its pretraining counted in three ways: excluded (marginal), shared by a "
        "number of uses (amortised), and in full by this one use. Training FLOPs of one run, means over "
        f"pairs. Pretraining is {origin.get(ledger.origin, numbers.UNKNOWN)}{before}."
        + rest
        * bool(ledger.covers),
    )


def _break_evens(kept: Sequence[tuple[Comparison, Ledger]]) -> Parts:
    def remark(item: Comparison, ledger: Ledger, one: BreakEven) -> str:
        missed = (
            f"{item.baseline} did not reach it in {one.censored} of {numbers.plural(one.pairs, 'pair')}: "
            "the saving is a lower bound"
        )
        part = f"for {ledger.covers} alone" * bool(ledger.covers and one.payback in ("number", "at most"))
        return "; ".join(line for line in (one.reason, missed * bool(one.censored), part) if line)

    def unit(item: Comparison, one: BreakEven) -> str:
        return "FLOPs" if one.resource == "flops" else f"joules ({item.energy_method or 'refused'})"

    made = table(
        [(item, ledger, one) for item, ledger in kept for one in ledger.break_evens],
        {
            "?Condition": lambda row: row[0].condition.name,
            "Arm": lambda row: arm_cell(row[0].arm),
            "Counted in": lambda row: unit(row[0], row[2]),
            "Final score of": lambda row: row[2].target_of,
            "#Saved per use": lambda row: amount(
                row[2].saving, numbers.flops if row[2].resource == "flops" else numbers.energy
            ),
            "#Pays for itself": lambda row: Cell(payback(row[2]), strong=True),
            "#95 % interval": lambda row: uses_interval(row[2]),
            "Remark": lambda row: remark(*row),
        },
        "Uses after which the pretraining is paid for: its cost / what one use saves on the way to a final "
        "validation score that both arms must reach.",
    )
    return tuple(replace(part, rows=_together(part)) for part in made)


def _together(made: Table) -> tuple[tuple[Cell, ...], ...]:
    """Neighbours that differ in nothing but the target are one row."""
    target = [column.name for column in made.columns].index("Final score of")
    rows: list[tuple[Cell, ...]] = []
    for row in made.rows:
        before = rows[-1] if rows else ()
        if (before[:target], before[target + 1 :]) == (row[:target], row[target + 1 :]):
            both = Cell(f"{before[target].text}, {row[target].text}")
            rows[-1] = (*row[:target], both, *row[target + 1 :])
        else:
            rows.append(row)
    return tuple(rows)


def payback(one: BreakEven) -> str:
    """'after at most 12 uses', 'never', 'not on average', 'unknown'."""
    if one.payback in ("never", "unknown"):
        return sentences.break_even_word(one)
    if one.payback == "at most":
        return f"after at most {sentences.uses(one.uses.high)}"
    return f"after {sentences.uses(one.uses.low, one.uses.high)}"


def uses_interval(one: BreakEven) -> str:
    """'1,000 to 8,000 uses', 'from 1,000 uses to never', 'never', 'no interval'."""
    interval = one.interval
    if interval is not None and not one.may_pay:
        return "never"
    if sentences.covers_both(one):
        return sentences.uses_or_never(one)
    if interval is None or not interval.known:
        return "no interval"
    if interval.low is not None and interval.high is not None:
        return sentences.uses(interval.low, interval.high)
    end = interval.high if interval.low is None else interval.low
    return f"at {'most' if interval.low is None else 'least'} {sentences.uses(end)}"


def _stages(ledgers: Sequence[Ledger]) -> Parts:
    return table(
        dict.fromkeys(stage for ledger in ledgers for stage in ledger.stages),
        {
            "Runs": lambda stage: ", ".join(run[:8] for run in stage.runs) or numbers.UNKNOWN,
            "#FLOPs": lambda stage: numbers.flops(stage.flops),
            "#Time": lambda stage: numbers.seconds(stage.seconds),
            "#Energy": lambda stage: numbers.energy(stage.joules),
            "Energy is": lambda stage: stage.method,
        },
        "Pretraining that was measured here, the latest first: every run of the chain once.",
    )
