"""Claims in the terminal: what a page says, what the re-run gave, and whether it is the same answer."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.claims import Checked, Claim, Expectation
from headstart.compare.quantity import Quantity
from headstart.reports import numbers
from headstart.reports.console.listing import listing
from headstart.screen import Screen

AGAIN = {True: "yes", False: "no", None: "not run"}
KEPT = {  # what the page says of its own run
    True: "",
    False: " (the page says that the claim was not borne out)",
    None: " (the page was not run yet as its settings are now)",
}


def show_claim(claim: Claim, checked: Sequence[Checked]) -> None:
    """One line per number of the claim, then one sentence."""
    console = Screen()
    lines = []
    for one in checked:
        wanted = one.expectation
        name = " · ".join(part for part in (wanted.quantity, wanted.arm, wanted.condition) if part)
        now = "" if one.found is None else _number(one.found)
        lines.append((name, _number(wanted), now, one.reason))
    console.print(listing("number | claimed | now | so", lines, plain=not console.is_terminal))
    holds = all(one.holds for one in checked)
    again = "" if claim.came_out is None else " again"
    told = f"came out{again}" if holds else f"did not come out{again}"
    kept = KEPT[claim.came_out]
    console.print(f"{claim.folder.name}: {told}{kept}: {claim.claim}", highlight=False)


def show_all(results: Sequence[tuple[Claim, bool | None, str]]) -> None:
    """One line per page: did it come out again, and what it claims. None: its data are not here."""
    console = Screen()
    lines = [(claim.folder.name, AGAIN[holds], problem or claim.claim) for claim, holds, problem in results]
    console.print(listing("page | again | claim", lines, plain=not console.is_terminal))
    ran = [holds for _, holds, _ in results if holds is not None]
    absent = [claim.folder.name for claim, holds, _ in results if holds is None]
    left_out = f" Not run, since their data are not here: {', '.join(absent)}." if absent else ""
    told = f"\n{sum(ran)} of {numbers.plural(len(ran), 'page')} came out again.{left_out}"
    console.print(told, highlight=False)


def _number(row: Expectation | Quantity) -> str:
    """'0.388 (0.360 to 0.410)', 'at least 64.0', 'unknown'."""
    if row.value is None:
        bounds = {"at least": row.low, "at most": row.high}
        known = [f"{word} {numbers.significant(end)}" for word, end in bounds.items() if end is not None]
        return " and ".join(known) or numbers.UNKNOWN
    shown = numbers.significant(row.value)
    whole = numbers.span(row.low, row.high, numbers.significant)
    return shown if whole == numbers.UNKNOWN else f"{shown} ({whole})"
