"""`headstart doctor`: this machine, what can be measured on it, and why not the rest."""

from __future__ import annotations

from argparse import Namespace

from headstart.commands.arguments import Command, Parser


def _arguments(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _run(options: Namespace) -> int:
    import json

    from rich.console import Console

    from headstart.data.cache import cache_dir
    from headstart.meters.doctor import examine
    from headstart.records.environment import LIBRARIES
    from headstart.reports.console.doctor import render

    with Console(stderr=True).status("looking at this machine (about ten seconds)"):
        examined = examine(LIBRARIES, {"headstart": cache_dir()})
    if options.json:
        print(json.dumps(examined, indent=2))
    else:
        Console().print(render(examined))
    return 0


COMMAND = Command(
    word="doctor",
    takes="[--json]",
    does="this machine: what can be measured here, and why not the rest",
    example="headstart doctor",
    arguments=_arguments,
    run=_run,
)
