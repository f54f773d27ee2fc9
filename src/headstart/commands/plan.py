"""`headstart plan`: what would run, what is done, expected FLOPs and time."""

from __future__ import annotations

from argparse import Namespace

from headstart.commands.arguments import STUDY_SETTINGS, command, runs


@command(
    "plan",
    "[setting=value ...]",
    "what would run, what is done, expected FLOPs and time",
    "headstart plan study=first_look seed=0,1",
    *STUDY_SETTINGS,
)
def plan(options: Namespace) -> int:
    from headstart.commands.printed import show_plan
    from headstart.screen import waiting
    from headstart.studies.forecast import drawn, forecast, levels_of

    planned = runs(options)
    with waiting("loading rows and counting operations"):
        expected, basis = forecast(planned)
    show_plan(expected, basis)
    tested, draws = next((run.tested for run in reversed(expected) if run.tested), None), drawn(planned)
    if tested or any(draws):
        from headstart.compare.planned import power_before, scope_before  # they import scipy

        if tested:
            print(power_before(levels_of(planned), planned[0].task.headline, *tested))
        if scope := scope_before(*draws):
            print(scope)
    for note in dict.fromkeys(note for run in expected for note in run.notes):
        print(f"rows: {note}")
    return 0
