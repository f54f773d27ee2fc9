"""What was fetched, in the terminal: one line per thing, its size, and what could not be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from headstart.reports import numbers


class Had(Protocol):
    """One thing that a study needs, and whether it is here."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def problem(self) -> str | None: ...


def show_fetched(items: Sequence[Had], console: Console | None = None) -> None:
    """Print every item with its size on disk, then one sentence."""
    console = console or Console()
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name, justify in (("what", "left"), ("name", "left"), ("size", "right"), ("state", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # pyright: ignore[reportArgumentType]
    for item in items:
        size = "" if item.size is None else numbers.size(item.size)
        table.add_row(item.kind, item.name, size, "missing" if item.problem else "here")
    console.print(table)
    missing = sum(item.problem is not None for item in items)
    whole = numbers.size(sum(item.size or 0 for item in items))
    after = f"{missing} of {len(items)} are missing" if missing else "the study runs without a network"
    console.print(f"\n{whole} in all; {after}.", highlight=False)
