"""`headstart sync`: sends the W&B files of a study that its server does not have yet."""

from __future__ import annotations

import sys
from argparse import Namespace

from headstart.commands.arguments import STUDY_FOLDER, command


@command(
    "sync",
    "FOLDER",
    "send a study's W&B files that the server does not have yet",
    "headstart sync runs/first_look",
    STUDY_FOLDER,
)
def sync(options: Namespace) -> int:
    from headstart.screen import waiting
    from headstart.studies.sync import sync

    with waiting(f"sending the W&B files of {options.folder}"):
        result = sync(options.folder)
    if result.missing:
        runs = f"{result.missing} runs are not at the W&B server yet"
        print(f"headstart: {runs} ({result.reason}); the same command tries again", file=sys.stderr)
    print(f"{result.sent} runs were sent to W&B" if result.sent else "nothing was left to send to W&B")
    return 1 if result.missing else 0
