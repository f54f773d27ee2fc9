"""`headstart new task`: writes the yaml of a task for a file of rows, and shows the command to run it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import argument, command
from headstart.errors import ConfigError


@command(
    "new",
    "task FILE [NAME] [task.x=y ...]",
    "look at your rows and write the yaml of a task for them",
    "headstart new task my.csv mine",
    argument("what", choices=["task"], metavar="task", help="the word task"),
    argument("file", metavar="FILE", type=Path, help="rows of your own: csv, jsonl, a folder, ..."),
    argument(
        "words",
        metavar="NAME",
        nargs="*",
        help="of the task; without it, that of the file. Then settings where the guess is wrong: "
        "task.text=review task.number=stars task.files.encoding=latin-1",
    ),
)
def new(options: Namespace) -> int:
    from rich.console import Console

    from headstart.studies.new_task import new_task

    names = [word for word in options.words if "=" not in word]
    settings = [word for word in options.words if "=" in word]
    if len(names) > 1:
        raise ConfigError(
            f"new task: {names[1]} is one word too many; settings are written task.label=COLUMN"
        )
    with Console(stderr=True).status(f"reading {options.file}"):
        task = new_task(options.file, names[0] if names else None, settings)
    print(f"{options.file}: {task.guess.rows} rows, read as {task.guess.reading.kind.replace('_', ' ')}")
    if names and names[0] != task.yaml.stem:
        print(f"  called {task.yaml.stem}: a name is made of letters, digits and _ . + -")
    for note in task.notes:
        print(f"  {note}")
    print(f"wrote {task.yaml}; look at it, then:\n  {task.command}")
    return 0
