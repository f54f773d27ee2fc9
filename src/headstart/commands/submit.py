"""`headstart submit`, `work`, `retry`, `cancel`: studies that outlive their shell."""

from __future__ import annotations

from argparse import Namespace

from headstart.commands.arguments import EXTEND, STUDY_FOLDER, STUDY_SETTINGS, TRUST, command
from headstart.commands.run_study import reported
from headstart.terminal import cleaned


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
    from headstart.studies.tuning import choices_of

    engine = engine_of([word for word in options.settings if is_of_engine(word)])
    words = [word for word in options.settings if not is_of_engine(word)]
    typed = [*words, *(["-m"] if options.multirun else [])]
    plan = check(typed)
    engine.check(plan.runs)
    folder = plan.runs[0].study_folder
    study = freeze(plan.points, typed, options.extend, choices_of(plan))
    for line in start_workers(engine, folder, study):
        print(f"started {line}")
    print(f"watch it with: headstart watch {folder}\nstop it with:  headstart cancel {folder}")
    return 0


@command(
    "work",
    "FOLDER",
    "train what is left of a frozen study, beside other workers",
    "headstart work runs/less_data",
    STUDY_FOLDER,
    TRUST,
)
def work(options: Namespace) -> int:
    from headstart.studies.work import work

    return reported(
        lambda after: work(options.folder, options.trust_remote_code, after), ["work", *options.typed]
    )


@command(
    "retry",
    "FOLDER",
    "train the failed and the diverged runs of a study once more",
    "headstart retry runs/less_data",
    STUDY_FOLDER,
    TRUST,
)
def retry(options: Namespace) -> int:
    from headstart.studies.work import failed, retry

    runs = failed(options.folder)
    for run in runs:
        print(cleaned(f"{run.title}: {run.status}: {run.note}"))
    if not runs:
        print(f"{options.folder}: no run failed or diverged")
        return 0
    return reported(
        lambda after: retry(options.folder, options.trust_remote_code, after), ["retry", *options.typed]
    )


@command(
    "cancel",
    "FOLDER",
    "stop the workers of a study; what is finished is kept",
    "headstart cancel runs/less_data",
    STUDY_FOLDER,
)
def cancel(options: Namespace) -> int:
    from headstart.studies.engines import cancel

    for line in cancel(options.folder):
        print(line)
    print(f"the same command, or headstart work {options.folder}, continues it")
    return 0
