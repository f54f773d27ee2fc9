"""`headstart tasks`, `models` and `studies`: what can be chosen here, and what was asked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from headstart.commands.arguments import JSON, argument, command, once
from headstart.errors import ConfigError, RecordError

STUDY = (("*/*/record.json", 1), ("*/study.json", 0), ("*/imported.json", 0))  # file -> parents up to it


@command("tasks", "[--json]", "every task: family, rows, headline metric", "headstart tasks", JSON)
def tasks(options: Namespace) -> int:
    from headstart.commands.printed import show_tasks
    from headstart.studies.catalogue import tasks_here

    show_tasks(tasks_here(), as_json=options.json)
    return 0


def _json_or_plot(parser: ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    JSON(group)
    once("--plot", metavar="FILE.svg", type=Path, help="draw sizes over the years, and carbon")(group)


@command(
    "models",
    "[--json | --plot FILE.svg]",
    "every model: parameters, year, published cost, cached or not",
    "headstart models --plot models.svg",
    _json_or_plot,
)
def models(options: Namespace) -> int:
    import json

    from headstart.models.listing import listed, yamls
    from headstart.reports.console import models as reporting
    from headstart.screen import Screen, waiting
    from headstart.studies.config_search import config_folders

    if options.plot is not None:
        from headstart.reports.charts.models import check_file

        check_file(options.plot)
    with waiting("counting the parameters of every model"):  # the first time
        rows = reporting.rows(listed(yamls(config_folders())))
    console = Screen()
    if options.plot is not None:
        from headstart.compare.emissions import emitted
        from headstart.reports.charts.models import save

        print(f"drawn: {save(rows, emitted(Path('runs')), options.plot)}")
    elif options.json:
        print(json.dumps(reporting.as_data(rows), indent=2))
    else:
        console.print(reporting.table(rows, plain=not console.is_terminal))
    return 0


@command(
    "studies",
    "[FOLDER] [--json]",
    "every study in a folder: arms, pairs, gain, cost, date",
    "headstart studies",
    argument("folder", metavar="FOLDER", nargs="?", default="runs", type=Path, help="runs unless given"),
    JSON,
)
def studies(options: Namespace) -> int:
    from headstart.api import open_study
    from headstart.reports.console.studies import StudyRow, rows, show_studies
    from headstart.screen import waiting

    if not options.folder.is_dir():
        raise ConfigError(
            f"studies: there is no folder {options.folder}; a study writes one, or name another"
        )
    made = []
    with waiting("comparing") as status:
        folders = {file.parents[depth] for name, depth in STUDY for file in options.folder.glob(name)}
        for folder in sorted(folders):
            status.update(f"comparing {folder}")
            try:
                study = open_study(folder)
                records = study.records
                started = records["started"].max() if "started" in records else ""  # imported: nobody knows
                made += rows(study.findings, str(started)[:10])
            except RecordError as error:
                made.append(StudyRow(folder.name, reason=str(error)))
    if not made:
        raise ConfigError(f"studies: {options.folder} holds no study; `headstart` runs the default one")
    show_studies(made, options.folder, as_json=options.json)
    return 0
