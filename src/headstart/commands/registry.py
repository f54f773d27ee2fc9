"""Every command, in the order of the help page."""

from __future__ import annotations

from headstart.commands import doctor, energy, fetch, listings, new_task, plan, report, reproduce, verify
from headstart.commands.arguments import Command

COMMANDS: dict[str, Command] = {
    command.word: command
    for command in (
        plan.COMMAND,
        fetch.COMMAND,
        report.COMMAND,
        listings.MODELS,
        listings.TASKS,
        new_task.COMMAND,
        reproduce.COMMAND,
        verify.COMMAND,
        energy.COMMAND,
        doctor.COMMAND,
    )
}
