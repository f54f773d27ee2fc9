"""`headstart new task`: look at a file of rows, write the yaml of a task for it, and say what to type."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import Command, Parser


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=["task"], metavar="task", help="the word task")
    parser.add_argument("file", metavar="FILE", type=Path, help="rows of your own: csv, jsonl, a folder, ...")
    parser.add_argument("name", metavar="NAME", nargs="?", help="of the task; without it, that of the file")


def _run(options: Namespace) -> int:
    from headstart.studies.new_task import new_task

    made = new_task(options.file, options.name)
    columns = ", ".join(f"{role}={column}" for role, column in made.found.columns.items())
    print(f"{options.file}: {made.found.rows} rows, read as {made.found.kind} ({columns})")
    for note in made.found.notes:
        print(f"  {note}")
    print(f"wrote {made.yaml}; look at it, then:\n  {made.command}")
    return 0


COMMAND = Command(
    word="new",
    takes="task FILE [NAME]",
    does="look at your rows and write the yaml of a task for them",
    example="headstart new task my.csv mine",
    arguments=_arguments,
    run=_run,
)
