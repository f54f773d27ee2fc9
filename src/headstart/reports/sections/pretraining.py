"""Pretraining: the section on what the weights cost before the study began, published figures told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headstart.compare.findings import Comparison, Findings
from headstart.compare.ledger import covers_both, first_use, payback_word, uses_words
from headstart.compare.values.economics import Amount, BreakEven, Figure, Ledger, View
from headstart.reports import numbers
from headstart.reports.page import Bullets, Cell, Part, Table, Text, cells, columns

UNITS = {"flops": "FLOPs", "kwh": "kWh", "kg_co2e": "kg CO2e", "device_hours": "device-hours"}


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """Everything on the pretraining of every arm that has one; nothing when no arm poured weights."""
    kept = [item for item in findings.comparisons if item.ledger]
    ledgers = [item.ledger for item in kept if item.ledger]
    if not ledgers:
        return ()
    figures = tuple(dict.fromkeys(figure for each in ledgers for figure in each.figures))
    questions = tuple(dict.fromkeys(line for each in ledgers for line in each.open))
    return (
        Text(ledgers[0].sentence),
        *_views(kept, arms),
        *_break_evens(kept, arms),
        *_stages(ledgers),
        *_figures(figures),
        *_questions(questions),
    )


def published_part(findings: Findings, arm: str) -> tuple[Part, ...]:
    """The published figures behind one arm, and the open questions."""
    ledgers = [item.ledger for item in findings.comparisons if item.arm == arm and item.ledger]
    figures = tuple(dict.fromkeys(figure for each in ledgers for figure in each.figures))
    questions = tuple(dict.fromkeys(line for each in ledgers for line in each.open))
    return (*_figures(figures), *_questions(questions))


def amount(value: Amount, form: Callable[[float | None], str]) -> str:
    """A number, 'low to high', 'at most high', 'at least low', or unknown."""
    if not value.known:
        return numbers.UNKNOWN
    if value.low is None or value.high is None:
        return f"at most {form(value.high)}" if value.low is None else f"at least {form(value.low)}"
    low, high = form(value.low), form(value.high)
    return low if low == high else f"{low} to {high}"


def origin(found: Ledger) -> str:
    """'published, not measured here: the contrastive stage alone'."""
    words = {
        "measured": f"measured here ({numbers.plural(sum(len(s.runs) for s in found.stages), 'run')})",
        "published": "published, not measured here",
        "unknown": numbers.UNKNOWN,
    }
    before = " and published before" if found.stages and found.figures else ""
    return words[found.origin] + before + (f": {found.covers} alone" if found.covers else "")


def _views(kept: Sequence[Comparison], arms: Sequence[str]) -> tuple[Part, ...]:
    rows = [(item, item.ledger, view) for item in kept if item.ledger for view in item.ledger.views]
    if not rows:
        return ()
    several = len({item.condition.name for item, _, _ in rows}) > 1
    lead = "Condition | " if several else ""
    names = f"{lead}Arm | Pretraining is counted | #Its FLOPs | #With the run"
    caption = (
        "One run of the arm under three views: marginal (the weights are a gift), amortised over a number of "
        "uses, and full (this one use pays for everything). Training FLOPs of one run, means over pairs. "
        f"{_known_part(rows[0][1])}"
    )
    baseline = rows[0][0].baseline
    table = tuple(_view(item, found, view, arms, several) for item, found, view in rows)
    return (Table(columns(f"{names} | #Against {baseline}"), table, caption),)


def _known_part(found: Ledger) -> str:
    """Where the figure comes from, and what `+ ?` stands for."""
    rest = (
        f" “+ ?”: {found.covers} alone is known, the rest of the pretraining is not." if found.covers else ""
    )
    return f"Pretraining is {origin(found).partition(':')[0]}.{rest}"


def _view(
    item: Comparison, found: Ledger, view: View, arms: Sequence[str], several: bool
) -> tuple[Cell, ...]:
    counted = {
        "marginal": "marginal: as a gift",
        "amortised": f"amortised over {numbers.plural(view.uses or 1, 'use')}",
        "full": "full: by this one use",
    }
    gift = view.uses is None
    rest = "" if gift or not found.covers else " + ?"
    return cells(
        *([Cell(item.condition.name)] if several else []),
        Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
        counted[view.name],
        "none" if gift else amount(view.share, numbers.flops) + rest,
        amount(view.total, numbers.flops) + rest,
        amount(view.ratio, numbers.ratio) + rest,
    )


def _break_evens(kept: Sequence[Comparison], arms: Sequence[str]) -> tuple[Part, ...]:
    rows = [(item, one) for item in kept if item.ledger for one in item.ledger.break_evens]
    if not rows:
        return ()
    several = len({item.condition.name for item, _ in rows}) > 1
    lead = "Condition | " if several else ""
    caption = (
        "Uses after which the pretraining is paid for: its cost / what one use saves on the way to a final "
        "validation score that both arms must reach."
    )
    pays = "#Pays for itself | #95 % interval"
    names = columns(f"{lead}Arm | Counted in | Final score of | #Saved per use | {pays} | Remark")
    told = _together([_break_even(item, one, arms, several) for item, one in rows], 2 + several)
    return (Table(names, tuple(told), caption),)


def _together(rows: Sequence[tuple[Cell, ...]], target: int) -> list[tuple[Cell, ...]]:
    """Neighbours that differ in nothing but the target, whose column this is, are one row."""
    found: list[tuple[Cell, ...]] = []
    for row in rows:
        before = found[-1] if found else ()
        if before[:target] == row[:target] and before[target + 1 :] == row[target + 1 :]:
            both = Cell(f"{before[target].text}, {row[target].text}")
            found[-1] = (*row[:target], both, *row[target + 1 :])
        else:
            found.append(row)
    return found


def _break_even(item: Comparison, one: BreakEven, arms: Sequence[str], several: bool) -> tuple[Cell, ...]:
    form = numbers.flops if one.resource == "flops" else numbers.energy
    missed = (
        f"{item.baseline} did not reach it in {one.censored} of {numbers.plural(one.pairs, 'pair')}: "
        "the saving is a lower bound"
        if one.censored
        else ""
    )
    part = f"for {item.ledger.covers} alone" if item.ledger and item.ledger.covers else ""
    remarks = (one.reason, missed, part if one.payback in ("number", "at most") else "")
    return cells(
        *([Cell(item.condition.name)] if several else []),
        Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
        UNITS["flops"] if one.resource == "flops" else f"joules ({item.energy_method or 'refused'})",
        one.target_of,
        amount(one.saving, form),
        Cell(payback(one), strong=True),
        uses_interval(one),
        "; ".join(line for line in remarks if line),
    )


def payback(one: BreakEven) -> str:
    """'after at most 12 uses', 'never', 'not on average', 'unknown'."""
    if one.payback in ("never", "unknown"):
        return payback_word(one)
    if one.payback == "at most":
        return f"after at most {uses_words(Amount(one.uses.high, one.uses.high))}"
    return f"after {uses_words(one.uses)}"


def uses_interval(one: BreakEven) -> str:
    """'1,000 to 8,000 uses', 'from 1,000 uses on, or never', 'never', 'no interval'."""
    found = one.interval
    if found is not None and not one.may_pay:
        return "never"
    if covers_both(one):
        return f"{first_use(one)}, or never"
    if found is None or not found.known:
        return "no interval"
    if found.low is not None and found.high is not None:
        return uses_words(found)
    end = found.high if found.low is None else found.low
    return f"at {'most' if found.low is None else 'least'} {uses_words(Amount(end, end))}"


def _stages(ledgers: Sequence[Ledger]) -> tuple[Part, ...]:
    stages = tuple(dict.fromkeys(stage for each in ledgers for stage in each.stages))
    if not stages:
        return ()
    rows = tuple(
        cells(
            ", ".join(run[:8] for run in stage.runs) or numbers.UNKNOWN,
            numbers.flops(stage.flops),
            numbers.seconds(stage.seconds),
            numbers.energy(stage.joules),
            stage.method,
        )
        for stage in stages
    )
    caption = "Pretraining that was measured here, the latest first: every run of the chain once."
    return (Table(columns("Runs | #FLOPs | #Time | #Energy | Energy is"), rows, caption),)


def _questions(questions: Sequence[str]) -> tuple[Part, ...]:
    if not questions:
        return ()
    return (Text("Open questions about the pretraining:"), Bullets(tuple(questions)))


def _figures(figures: Sequence[Figure]) -> tuple[Part, ...]:
    if not figures:
        return ()
    rows = tuple(
        cells(
            UNITS[figure.quantity],
            amount(figure.amount, numbers.flops if figure.quantity == "flops" else numbers.count),
            figure.covers or "all of it",
            figure.basis,
            figure.boundary,
            figure.source + ("" if figure.checked else " (not yet read again at its source)"),
        )
        for figure in figures
    )
    caption = (
        "Published figures, not measured here. They differ in what they count, so they are a range and enter "
        "no energy ratio."
    )
    return (Table(columns("Unit | #Figure | Covers | Basis | Boundary | Source"), rows, caption),)
