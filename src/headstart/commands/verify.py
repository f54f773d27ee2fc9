"""`headstart verify`: initialises every run again from its seed and its checkpoint."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import TRUST, argument, command


@command(
    "verify",
    "FOLDER",
    "initialise every run again from its seed and checkpoint, and compare the digests",
    "headstart verify runs/first_look",
    argument("folder", metavar="FOLDER", type=Path, help="a study's folder, or that of one run"),
    TRUST,
)
def verify(options: Namespace) -> int:
    from headstart.commands.printed import show_verified
    from headstart.screen import waiting
    from headstart.studies import verify as verification

    with waiting("initialising every run again") as status:
        say = lambda name: status.update(f"initialising {name} again")  # noqa: E731
        runs = verification.verify(options.folder, say, options.trust_remote_code)
    show_verified(runs)
    return 0 if all(run.well for run in runs) else 1
