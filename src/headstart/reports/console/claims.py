"""Claims in the terminal: what a page says, what the re-run gave, and whether it is the same answer."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from headstart.compare.claims import Checked, Claim
from headstart.reports import numbers


def show_claim(claim: Claim, checked: Sequence[Checked], console: Console | None = None) -> None:
    """One line per number of the claim, then one sentence."""
    console = console or Console()
    table = _table(console, ("number", "claimed", "now", "so"))
    for one in checked:
        wanted = one.expectation
        name = " · ".join(part for part in (wanted.quantity, wanted.arm, wanted.condition) if part)
        claimed = _number(wanted.value, wanted.low, wanted.high)
        now = "" if one.found is None else _number(one.found.value, one.found.low, one.found.high)
        table.add_row(name, claimed, now, one.reason)
    console.print(table)
    holds = all(one.holds for one in checked)
    told = "came out again" if holds else "did not come out again"
    kept = "" if claim.came_out else " (the page says that the claim was not borne out)"
    console.print(f"{claim.folder.name}: {told}{kept}: {claim.claim}", highlight=False)


def show_all(results: Sequence[tuple[Claim, bool, str]], console: Console | None = None) -> None:
    """One line per page: did it come out again, and what it claims."""
    console = console or Console()
    table = _table(console, ("page", "again", "claim"))
    for claim, holds, problem in results:
        table.add_row(claim.folder.name, "yes" if holds else "no", problem or claim.claim)
    console.print(table)
    again = sum(holds for _, holds, _ in results)
    console.print(f"\n{again} of {numbers.plural(len(results), 'page')} came out again.", highlight=False)


def _table(console: Console, names: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _number(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        ends = [(word, end) for word, end in (("at least", low), ("at most", high)) if end is not None]
        return " and ".join(f"{word} {numbers.significant(end)}" for word, end in ends) or "unknown"
    shown = numbers.significant(value)
    if low is None or high is None:
        return shown
    return f"{shown} ({numbers.significant(low)} to {numbers.significant(high)})"
