"""`headstart submit`, `work`, `status`, `retry`, `cancel`: studies that outlive their shell."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import EXTEND, JSON, STUDY_SETTINGS, TRUST, argument, command
from headstart.commands.run_study import reported

FOLDER = argument("folder", metavar="FOLDER", type=Path, help="a study's folder, such as runs/first_look")


@command(
    "submit",
    "[setting=value ...]",
    "freeze a study, start workers for it and return",
    "headstart submit study=less_data on=slurm engine.workers=8",
    *STUDY_SETTINGS,
    EXTEND,
)
def submit(options: Namespace) -> int:
    """`on=local` (the default) starts processes of this machine, `on=slurm` an array."""
    from headstart.studies.compose import check
    from headstart.studies.engines import engine_of, is_of_engine, start_workers
    from headstart.studies.frozen import freeze

    engine = engine_of([word for word in options.settings if is_of_engine(word)])
    words = [word for word in options.settings if not is_of_engine(word)]
    typed = [*words, *(["-m"] if options.multirun else [])]
    plan = check(typed)
    folder = plan.runs[0].study_folder
    study = freeze(plan.points, typed, options.extend)
    for line in start_workers(engine, folder, study):
        print(f"started {line}")
    print(f"watch it with: headstart status {folder}\nstop it with:  headstart cancel {folder}")
    return 0


@command(
    "work",
    "FOLDER",
    "train what is left of a frozen study, beside other workers",
    "headstart work runs/less_data",
    FOLDER,
    TRUST,
)
def work(options: Namespace) -> int:
    from headstart.studies.work import work

    return reported(lambda: work(options.folder, options.trust_remote_code), ["work", *options.typed])


@command(
    "retry",
    "FOLDER",
    "train the failed and the diverged runs of a study once more",
    "headstart retry runs/less_data",
    FOLDER,
    TRUST,
)
def retry(options: Namespace) -> int:
    from headstart.studies.work import failed, retry

    runs = failed(options.folder)
    for run in runs:
        print(f"{run.title}: {run.status}: {run.note}")
    if not runs:
        print(f"{options.folder}: no run failed or diverged")
        return 0
    return reported(lambda: retry(options.folder, options.trust_remote_code), ["retry", *options.typed])


@command(
    "status",
    "FOLDER",
    "how far a study is, from its files alone",
    "headstart status runs/less_data",
    FOLDER,
    JSON,
)
def status(options: Namespace) -> int:
    from headstart.reports.console.status import show_status
    from headstart.studies.status import status_of

    study = status_of(options.folder)
    if options.json:
        print(json.dumps(study.as_data(), indent=1, ensure_ascii=False))
    else:
        show_status(study)
    return 0


@command(
    "cancel",
    "FOLDER",
    "stop the workers of a study; what is finished is kept",
    "headstart cancel runs/less_data",
    FOLDER,
)
def cancel(options: Namespace) -> int:
    from headstart.studies.cancel import cancel

    for line in cancel(options.folder):
        print(line)
    print(f"the same command, or headstart work {options.folder}, continues it")
    return 0
