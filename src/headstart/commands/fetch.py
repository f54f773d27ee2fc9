"""`headstart fetch`: everything that a study needs, brought into the local caches."""

from __future__ import annotations

import sys
from argparse import Namespace

from headstart.commands.arguments import Command, runs, study_settings


def _run(options: Namespace) -> int:
    from rich.console import Console

    from headstart.reports.console.runs import show_fetched
    from headstart.studies import fetch as fetching

    wanted = fetching.needs(runs(options))
    with Console(stderr=True).status("fetching") as status:
        items = fetching.fetch(wanted, lambda name: status.update(f"fetching {name}"))
    show_fetched(items)
    problems = [item.problem for item in items if item.problem]
    for problem in dict.fromkeys(problems):
        print(f"headstart: {problem}", file=sys.stderr)
    return 1 if problems else 0


COMMAND = Command(
    word="fetch",
    takes="[setting=value ...]",
    does="bring everything that a study needs here; it then runs offline",
    example="headstart fetch task=sst2 model=bert_base",
    arguments=study_settings,
    run=_run,
)
