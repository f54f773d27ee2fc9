"""`headstart try`: from a file of rows to a verdict, in some minutes."""

from __future__ import annotations

import shlex
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from headstart.commands.arguments import ROW_FLAGS, argument, command, once, row_settings
from headstart.commands.new_task import show_guess
from headstart.commands.run_study import run_study


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise ArgumentTypeError(f"needs a number of minutes above 0, got {text or 'nothing'}")
    return minutes


@command(
    "try",
    "FILE [--minutes 10] [setting=value ...]",
    "a first answer for rows of your own: what they are, pairs, a verdict",
    "headstart try my.csv --label stars",
    argument("file", metavar="FILE", type=Path, help="rows of your own: csv, xlsx, jsonl, a folder, ..."),
    argument(
        "settings", metavar="setting=value", nargs="*", help="as for a study: model=distilbert optim.lr=1e-4"
    ),
    once("--minutes", metavar="N", type=_minutes, help="for everything; 10 unless given"),
    once("--name", help="of the task and the study; that of the file unless given"),
    *ROW_FLAGS,
)
def try_file(options: Namespace) -> int:
    from headstart.screen import waiting
    from headstart.studies.first_answer import first_answer
    from headstart.studies.new_task import new_task

    began = time.monotonic()
    given = [word for word in options.settings if word.startswith("task.")] + row_settings(options)
    further = [word for word in options.settings if word not in given]
    with waiting(f"reading {options.file}"):
        task = new_task(options.file, options.name, given, keep=True)
    show_guess(options.file, task)
    print(f"{'wrote' if task.written else 'used'} {task.yaml}: correct it where the guess is wrong")
    minutes = options.minutes or 10.0
    with waiting("choosing how much fits into the time"):
        answer = first_answer(task, minutes, further if task.written else [*given, *further], began)
    print(answer.words(), flush=True)
    print(f"the study: {shlex.join(['headstart', *answer.settings])}", flush=True)
    code = run_study(list(answer.settings), answer.settings)
    words = [str(options.file), *options.settings, *(["--name", options.name] if options.name else [])]
    print(f"More pairs: {shlex.join(['headstart', 'try', *words])} --minutes {3 * minutes:g}")
    return code
