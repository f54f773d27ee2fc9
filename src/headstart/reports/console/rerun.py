"""A repeated run in the terminal: every number that differs, and what around it has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from headstart.reports import numbers

SHOWN = 40


class Differs(Protocol):
    """One value, before and now."""

    @property
    def path(self) -> str: ...
    @property
    def before(self) -> Any: ...
    @property
    def now(self) -> Any: ...


class Repeated(Protocol):
    """What became of a run that was trained again."""

    @property
    def title(self) -> str: ...
    @property
    def compared(self) -> int: ...
    @property
    def differences(self) -> Sequence[Differs]: ...
    @property
    def surroundings(self) -> Sequence[Differs]: ...


def show_again(again: Repeated, console: Console | None = None) -> None:
    """Print the differences, those of the surroundings below them, and one sentence."""
    console = console or Console()
    for found in (again.differences, again.surroundings):
        if found:
            console.print(_table(found, console))
    if len(again.differences) > SHOWN:
        console.print(f"and {len(again.differences) - SHOWN} more", highlight=False)
    compared = numbers.plural(again.compared, "value")
    if not again.differences:
        console.print(f"{again.title}: all {compared} came out the same, to the last bit.", highlight=False)
        return
    why = "; what has changed around it stands above" if again.surroundings else ""
    console.print(
        f"{again.title}: {len(again.differences)} of {compared} came out otherwise{why}.", highlight=False
    )


def _table(found: Sequence[Differs], console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name in ("what", "before", "now"):
        table.add_column(name, overflow="fold")
    for item in found[:SHOWN]:
        table.add_row(item.path, _short(item.before), _short(item.now))
    return table


def _short(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
