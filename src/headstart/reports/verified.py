"""Verified starts in the terminal: a line per run, and one sentence per run that is not what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from headstart.reports import numbers


class Checked(Protocol):
    """One run whose start was made again, or the reason why it was not."""

    @property
    def run(self) -> str: ...
    @property
    def same(self) -> Mapping[str, tuple[int, int]]: ...
    @property
    def wrong(self) -> Sequence[str]: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def well(self) -> bool: ...


def show_verified(runs: Sequence[Checked], console: Console | None = None) -> None:
    """Print how many digests came out the same, by part of the start, then what is wrong, run by run."""
    console = console or Console()
    parts = next((list(run.same) for run in runs if run.same), [])
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column("run", overflow="fold")
    for part in parts:
        table.add_column(part, justify="right")
    table.add_column("start")
    for run in runs:
        cells = [_cell(run.same.get(part)) for part in parts]
        table.add_row(
            run.run, *cells, "not checked" if run.reason else "as recorded" if run.well else "differs"
        )
    console.print(table)
    for run in runs:
        if run.reason:
            console.print(
                f"{run.run}: not checked: {run.reason}", highlight=False, markup=False, soft_wrap=True
            )
        elif run.wrong:
            console.print(f"{run.run}: {'; '.join(run.wrong)}", highlight=False, markup=False, soft_wrap=True)
    number = sum(run.well for run in runs)
    console.print(
        f"\n{number} of {numbers.plural(len(runs), 'run')} began as their records say.", highlight=False
    )


def _cell(counts: tuple[int, int] | None) -> str:
    if counts is None or not counts[1]:
        return "–"
    return f"{counts[0]} of {counts[1]}"
