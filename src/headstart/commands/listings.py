"""`headstart tasks` and `headstart models`: what can be chosen here."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import Command, Once, Parser


def _tasks_arguments(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _tasks(options: Namespace) -> int:
    from headstart.reports.console.tasks import show_tasks
    from headstart.studies.catalogue import tasks_here

    show_tasks(tasks_here(), as_json=options.json)
    return 0


def _models_arguments(parser: Parser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print everything as JSON")
    either.add_argument(
        "--plot", metavar="FILE.svg", type=Path, action=Once, help="draw sizes over the years, and carbon"
    )


def _models(options: Namespace) -> int:
    import json

    from rich.console import Console

    from headstart.models.listing import listed, yamls
    from headstart.reports.console import models as reporting
    from headstart.studies.config_search import config_folders

    if options.plot is not None:
        from headstart.reports.charts.models import check_file

        check_file(options.plot)
    rows = reporting.rows(listed(yamls(config_folders())))
    console = Console()
    if options.plot is not None:
        from headstart.compare.emissions import emitted
        from headstart.reports.charts.models import save

        print(f"drawn: {save(rows, emitted(Path('runs')), options.plot)}")
    elif options.json:
        print(json.dumps(reporting.as_data(rows), indent=2))
    else:
        console.print(reporting.table(rows, plain=not console.is_terminal))
    return 0


TASKS = Command(
    word="tasks",
    takes="[--json]",
    does="every task: family, rows, headline metric",
    example="headstart tasks",
    arguments=_tasks_arguments,
    run=_tasks,
)
MODELS = Command(
    word="models",
    takes="[--json | --plot FILE.svg]",
    does="every model: parameters, year, published cost, cached or not",
    example="headstart models --plot models.svg",
    arguments=_models_arguments,
    run=_models,
)
