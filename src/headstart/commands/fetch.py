"""`headstart fetch`: brings everything that a study needs into the local caches."""

from __future__ import annotations

import sys
from argparse import Namespace

from headstart.commands.arguments import STUDY_SETTINGS, command, runs


@command(
    "fetch",
    "[setting=value ...]",
    "bring everything that a study needs here; it then runs offline",
    "headstart fetch task=sst2 model=bert_base",
    *STUDY_SETTINGS,
)
def fetch(options: Namespace) -> int:
    from headstart.commands.printed import show_fetched
    from headstart.screen import waiting
    from headstart.studies import fetch as fetching

    needs = fetching.needs(runs(options))
    with waiting("fetching") as status:
        items = fetching.fetch(needs, lambda name: status.update(f"fetching {name}"))
    show_fetched(items)
    for path in dict.fromkeys(path for item in items for path in item.replaced):
        print(f"replaced: {path} was damaged")
    problems = [item.problem for item in items if item.problem]
    for problem in dict.fromkeys(problems):
        print(f"headstart: {problem}", file=sys.stderr)
    return 1 if problems else 0
