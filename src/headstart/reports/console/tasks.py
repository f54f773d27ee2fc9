"""The tasks in the terminal and as JSON: one row per choice of task=..., however narrow the terminal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, expand=True)
    table.add_column("task=", no_wrap=True)
    for name in ("headline", "rows", "from"):
        table.add_column(name, no_wrap=True)
    table.add_column("about", no_wrap=True, overflow="ellipsis", ratio=1)
    for kind, group in itertools.groupby(tasks, key=lambda task: task.kind):
        table.add_section()
        table.add_row(Text(kind.replace("_", " "), style="bold"))
        for task in group:
            cells = (task.choice, task.headline or "by the rows", STATES[task.here], task.source, task.about)
            table.add_row(*map(Text, cells))
    console.print(table)
    console.print("\na task of your own is one yaml in conf/task: headstart new task my.csv", highlight=False)
