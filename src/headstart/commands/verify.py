"""`headstart verify`: every run initialised again from its seed and its checkpoint."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import Command, Parser


def _arguments(parser: Parser) -> None:
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a study's folder, or that of one run")


def _run(options: Namespace) -> int:
    from rich.console import Console

    from headstart.reports.console.runs import show_verified
    from headstart.studies.verify import verify

    with Console(stderr=True).status("initialising every run again") as status:
        runs = verify(options.folder, lambda name: status.update(f"initialising {name} again"))
    show_verified(runs)
    return 0 if all(run.well for run in runs) else 1


COMMAND = Command(
    word="verify",
    takes="FOLDER",
    does="initialise every run again from its seed and checkpoint, and compare the digests",
    example="headstart verify runs/first_look",
    arguments=_arguments,
    run=_run,
)
