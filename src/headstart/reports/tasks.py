"""The tasks in the terminal and as JSON: one line per choice of task=..."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table

STATES = {True: "here", False: "to fetch", None: "your files"}


class Listed(Protocol):
    """One choice of the group `task`."""

    @property
    def choice(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def here(self) -> bool | None: ...


def show_tasks(tasks: Sequence[Listed], *, as_json: bool = False, console: Console | None = None) -> None:
    """Print every task, family by family."""
    console = console or Console()
    if as_json:
        names = ("choice", "kind", "source", "what", "headline", "about", "here")
        console.out(json.dumps([{name: getattr(task, name) for name in names} for task in tasks], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name in ("task", "family", "headline", "rows", "about"):
        table.add_column(name, overflow="fold")
    last = ""
    for task in tasks:
        if last not in ("", task.kind):
            table.add_section()
        rows = " ".join(part for part in (task.source, task.what) if part) + f" ({STATES[task.here]})"
        table.add_row(task.choice, "" if task.kind == last else task.kind, task.headline, rows, task.about)
        last = task.kind
    console.print(table)
    console.print("\na task of your own is one yaml in conf/task: headstart new task my.csv", highlight=False)
