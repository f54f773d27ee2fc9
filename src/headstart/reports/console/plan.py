"""The plan in the terminal: one line per run, and what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from headstart.reports import numbers


class Expected(Protocol):
    """A run that may be done already, and what it is expected to cost."""

    @property
    def title(self) -> str: ...
    @property
    def done(self) -> bool: ...
    @property
    def flops(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def writes(self) -> bool: ...


def show_plan(runs: Sequence[Expected], basis: str, console: Console | None = None) -> None:
    """Print every run with its state, FLOPs and time; `basis` says where the times come from."""
    console = console or Console()
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state")
    table.add_column("FLOPs", justify="right")
    table.add_column("time", justify="right")
    for run in runs:
        took = "" if run.done else f"~{numbers.seconds(run.seconds)}"
        table.add_row(run.title, "done" if run.done else "to do", numbers.flops(run.flops), took)
    console.print(table)
    left = [run for run in runs if not run.done]
    console.print(
        f"\n{len(runs)} runs, {len(runs) - len(left)} done; left to do: {_sum(left)}", highlight=False
    )
    written = ", but for texts that are still to be written: each counts as if it were as long as it may be"
    exact = f"FLOPs are exact{written if any(run.writes for run in left) else ''}"
    console.print(f"{exact}; times are {basis}.", highlight=False)


def _sum(runs: Sequence[Expected]) -> str:
    if not runs:
        return "nothing"
    flops, seconds = sum(run.flops for run in runs), sum(run.seconds for run in runs)
    return f"{numbers.flops(flops)}, about {numbers.seconds(seconds)}"
