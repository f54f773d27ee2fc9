"""`headstart new task`: writes the yaml of a task for a file of rows, and shows the command to run it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.arguments import ROW_FLAGS, argument, command, row_settings
from headstart.errors import ConfigError
from headstart.terminal import cleaned

if TYPE_CHECKING:
    from headstart.studies.new_task import NewTask


@command(
    "new",
    "task FILE [NAME] [--label COLUMN ...]",
    "look at your rows and write the yaml of a task for them",
    "headstart new task my.csv mine",
    argument("what", choices=["task"], metavar="task", help="the word task"),
    argument("file", metavar="FILE", type=Path, help="rows of your own: csv, jsonl, a folder, ..."),
    argument(
        "further",
        metavar="NAME",
        nargs="*",
        help="of the task; without it, that of the file. Then any other settings: task.max_output=40",
    ),
    *ROW_FLAGS,
)
def new(options: Namespace) -> int:
    from headstart.screen import waiting
    from headstart.studies.new_task import new_task

    names = [word for word in options.further if "=" not in word]
    settings = [*row_settings(options), *(word for word in options.further if "=" in word)]
    if len(names) > 1:
        raise ConfigError(
            f"new task: {names[1]} is one word too many; settings are written task.label=COLUMN"
        )
    with waiting(f"reading {options.file}"):
        task = new_task(options.file, names[0] if names else None, settings)
    show_guess(options.file, task)
    if names and names[0] != task.yaml.stem:
        print(f"  called {task.yaml.stem}: a name is made of letters, digits and _ . + -")
    print(f"wrote {task.yaml}; look at it, then:\n  {task.command}")
    return 0


def show_guess(path: Path, task: NewTask) -> None:
    """What the rows were taken for, why, and what else they may be."""
    print(f"{path}: {task.guess.rows} rows, read as {task.guess.reading.kind.replace('_', ' ')}")
    for note in task.notes:
        print(f"  {cleaned(note)}")
