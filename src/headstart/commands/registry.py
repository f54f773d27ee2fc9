"""Every command, in the order of the help page."""

from __future__ import annotations

from headstart.commands import (
    doctor,
    energy,
    fetch,
    first_answer,
    import_results,
    listings,
    manifest,
    new_task,
    pack,
    plan,
    report,
    reproduce,
    submit,
    sync,
    verify,
    watch,
)
from headstart.commands.arguments import Command

COMMANDS: dict[str, Command] = {
    command.word: command
    for command in (
        first_answer.try_file,
        plan.plan,
        submit.submit,
        submit.work,
        watch.watch,
        watch.status,
        submit.retry,
        submit.cancel,
        fetch.fetch,
        report.report,
        listings.studies,
        listings.models,
        listings.tasks,
        new_task.new,
        manifest.manifest,
        import_results.import_command,
        pack.pack,
        reproduce.reproduce,
        verify.verify,
        energy.energy,
        sync.sync,
        doctor.doctor,
    )
}
