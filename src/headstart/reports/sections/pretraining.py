"""Pretraining: what the weights cost before the study began, published and measured costs apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headstart.compare.findings import Comparison, Figure, Findings, Ledger
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import costs as sentences
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts, Text
from headstart.reports.tables import Line, bullets, merged, of_rows, table

PAYBACK = "break_even.*_score"  # "*": "flops.arm", "joules.baseline", ...
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
    listed = table(
        dict.fromkeys(figure for ledger in ledgers for figure in ledger.figures),
        {
            "Unit": lambda figure: UNITS[figure.quantity],
            "#Figure": figure_text,
            "Covers": lambda figure: figure.covers or "all of it",
            "Basis": lambda figure: figure.basis,
            "Boundary": lambda figure: figure.boundary,
            "Source": lambda figure: Cell(
                figure.source + " (not yet read again at its source)" * (not figure.checked), ours=True
            ),
        },
        "Published figures, not measured here. They differ in what they count, so they are a range and enter "
        "no energy ratio.",
    )
    questions = bullets(question for ledger in ledgers for question in ledger.open)
    lead = [Text("Open questions about the pretraining:")] if questions else []
    return (*listed, *lead, *questions)


def figure_text(figure: Figure) -> str:
    """'22.8 EFLOPs to 164 EFLOPs', '1,507'."""
    form = numbers.flops if figure.quantity == "flops" else numbers.count
    return numbers.between(figure.amount.low, figure.amount.high, form)


def _views(kept: Sequence[tuple[Comparison, Ledger]]) -> Parts:
    item, ledger = kept[0]
    runs = numbers.plural(sum(len(stage.runs) for stage in ledger.stages), "run")
    origin = {"measured": f"measured here ({runs})", "published": "published, not measured here"}
    before = " and published before" if ledger.stages and ledger.figures else ""
    rest = f" “+ ?”: {ledger.covers} alone is known, the rest of the pretraining is not."
    parts = {(item.condition.name, item.arm) for item, ledger in kept if ledger.covers}
    no_gain = " Where no gain is shown, sharing is not shown to pay."

    def counted(line: Line) -> str:
        uses = line.part.removeprefix("amortised_")
        words = {"marginal": "pretraining cost excluded", "full": "in full, by this one use"}
        return words.get(line.part) or f"shared by {numbers.plural(int(uses), 'use')}"

    def amount_of(key: str) -> Callable[[Line], str]:
        def show(line: Line) -> str:
            of_part = line.part != "marginal" and (line.first.condition, line.first.arm) in parts
            return amount(line.row(key)) + " + ?" * of_part

        return show

    def share(line: Line) -> str:
        return "none" if line.part == "marginal" else amount_of("ledger.*.share")(line)

    return of_rows(
        Rows(row for item, _ in kept for row in item.rows),
        "ledger.*.flops_ratio",
        (
            "condition",
            "arm",
            ("Pretraining is counted", counted),
            ("#Its FLOPs", share),
            ("#With the run", amount_of("ledger.*.total")),
            (f"#Against {item.baseline}", amount_of("ledger.*.flops_ratio")),
        ),
        "One run of the arm with its pretraining counted in three ways: excluded (marginal), shared by a "
        "number of uses (amortised), and in full by this one use. Training FLOPs of one run, means over "
        f"pairs. Pretraining is {origin.get(ledger.origin, numbers.UNKNOWN)}{before}."
        + rest * bool(ledger.covers)
        + no_gain * any(not item.gain_shown for item, _ in kept),
    )


def amount(row: Quantity) -> str:
    """A number, 'low to high', 'at most high', 'at least low', or unknown."""
    if row.value is not None:
        return numbers.value_text(row)
    return numbers.between(row.low, row.high, numbers.form_of(row.unit))


def _break_evens(kept: Sequence[tuple[Comparison, Ledger]]) -> Parts:
    energy = {(item.condition.name, item.arm): item.energy_method or "refused" for item, _ in kept}
    covers = {(item.condition.name, item.arm): ledger.covers for item, ledger in kept}
    shown = {(item.condition.name, item.arm) for item, _ in kept if item.gain_shown}

    def paid(line: Line) -> Cell:
        row, said = line.first, payback(line.first)
        if row.known and (row.condition, row.arm) not in shown:
            return Cell(f"not said: {sentences.NO_GAIN} (by cost alone {said})")
        return Cell(said, strong=True)

    def remark(line: Line) -> str:
        part = covers[line.first.condition, line.first.arm]
        lines = (line.row(f"{PAYBACK}.saving").note, f"for {part} alone" * bool(part and line.first.known))
        return "; ".join(line for line in lines if line)

    def unit(line: Line) -> str:
        method = energy[line.first.condition, line.first.arm]
        return "FLOPs" if line.part.startswith("flops.") else f"joules ({method})"

    listed = of_rows(
        Rows(row for item, _ in kept for row in item.rows),
        PAYBACK,
        (
            "condition",
            "arm",
            ("Counted in", unit),
            ("Final score of", lambda line: getattr(line.first, line.part.rpartition(".")[2])),
            ("#Saved per use", lambda line: amount(line.row(f"{PAYBACK}.saving"))),
            ("#Pays for itself", paid),
            ("#95 % interval", lambda line: uses_interval(line.row(f"{PAYBACK}.interval"))),
            ("Remark", remark),
        ),
        "Uses after which the pretraining is paid for: its cost / what one use saves on the way to a final "
        "validation score that both arms must reach.",
    )
    return tuple(merged(part, "Final score of") for part in listed)


def payback(row: Quantity) -> str:
    """'after at most 12 uses', 'never', 'not on average', 'unknown'."""
    if not row.known:
        return row.verdict
    if row.verdict == "at most":
        return f"after at most {sentences.uses(row.high)}"
    return f"after {sentences.uses(*((row.low, row.high) if row.value is None else (row.value,)))}"


def uses_interval(row: Quantity) -> str:
    """'1,000 to 8,000 uses', 'from 1,000 uses to never', 'never', 'no interval'."""
    if row.verdict == "never":
        return "never"
    if row.verdict == "or never":
        return sentences.uses_or_never(row.low)
    if not row.known:
        return "no interval"
    if row.low is not None and row.high is not None:
        return sentences.uses(row.low, row.high)
    return f"at {'most' if row.low is None else 'least'} {sentences.uses(row.low, row.high)}"


def _stages(ledgers: Sequence[Ledger]) -> Parts:
    return table(
        dict.fromkeys(stage for ledger in ledgers for stage in ledger.stages),
        {
            "Runs": lambda stage: ", ".join(run[:8] for run in stage.runs) or numbers.UNKNOWN,
            "#FLOPs": lambda stage: numbers.flops(stage.flops),
            "#Time": lambda stage: numbers.seconds(stage.seconds),
            "#Tokenizer": lambda stage: (
                numbers.seconds(seconds) if (seconds := stage.tokenizer_seconds) else ""
            ),
            "#Energy": lambda stage: numbers.energy(stage.joules),
            "Energy is": lambda stage: stage.method,
        },
        "Pretraining that was measured here, the latest first: training alone, as of the runs that use it, "
        "and the time that training its tokenizer took.",
    )
