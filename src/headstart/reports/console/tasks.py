"""The tasks in the terminal and as JSON: one row per choice of task=..., however narrow the terminal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console

from headstart.reports.console.listing import add_lines, listing
from headstart.screen import Screen

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
    console = console or Screen()
    if as_json:
        names = ("choice", "kind", "source", "what", "headline", "about", "here")
        console.out(json.dumps([{name: getattr(task, name) for name in names} for task in tasks], indent=2))
        return
    heads = "!task= | !headline | !rows | !from | ~about"
    made = listing(heads, plain=not console.is_terminal, expand=True)
    for kind, group in itertools.groupby(tasks, key=lambda task: task.kind):
        lines = [
            (task.choice, task.headline or "by the rows", STATES[task.here], task.source, task.about)
            for task in group
        ]
        add_lines(made, lines, kind.replace("_", " "))
    console.print(made)
    console.print("\na task of your own is one yaml in conf/task: headstart new task my.csv", highlight=False)
