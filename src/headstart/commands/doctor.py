"""`headstart doctor`: this machine, what can be measured on it, and what cannot."""

from __future__ import annotations

from argparse import Namespace

from headstart.commands.arguments import JSON, command


@command(
    "doctor",
    "[--json]",
    "this machine: what can be measured here, and why not the rest",
    "headstart doctor",
    JSON,
)
def doctor(options: Namespace) -> int:
    import json

    from headstart.cache import cache_dir
    from headstart.meters.doctor import examine
    from headstart.records.environment import versions
    from headstart.reports.console.doctor import render
    from headstart.screen import Screen, waiting

    with waiting("looking at this machine (about ten seconds)"):
        examined = examine(versions(), {"headstart": cache_dir()})
    if options.json:
        print(json.dumps(examined, indent=2))
    else:
        Screen().print(render(examined))
    return 0
