"""`headstart pack`: a study as one zip that somebody else can read and run again."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.arguments import STUDY_FOLDER, argument, command, once

if TYPE_CHECKING:
    from headstart.studies.pack import Staged


@command(
    "pack",
    "FOLDER [--to FILE.zip]",
    "a study as one zip: configurations, records, report, environment",
    "headstart pack runs/first_look --to first_look.zip",
    STUDY_FOLDER,
    once("--to", metavar="FILE.zip", type=Path, help="NAME.zip in this folder unless given"),
    argument(
        "--rows", action="store_true", help="also the files with the rows, and their texts in predictions"
    ),
    argument("--weights", action="store_true", help="also the weights that runs began with or saved"),
    argument("--unfinished", action="store_true", help="although runs are missing, which the zip then says"),
)
def pack(options: Namespace) -> int:
    from headstart.api import open_study
    from headstart.screen import waiting
    from headstart.studies.pack import stage, write_pack

    with tempfile.TemporaryDirectory() as temporary, waiting("packing") as status:
        staged = stage(
            options.folder,
            Path(temporary),
            options.to,
            rows=options.rows,
            weights=options.weights,
            unfinished=options.unfinished,
        )
        status.update("writing the report")
        study = open_study(staged.study)  # of the copies, which may be without texts
        study.report()
        status.update("packing")
        findings = study.findings
        write_pack(staged, findings.question, findings.sentence, findings.fingerprint)
    for line in _lines(staged):
        print(line)
    return 0


def _lines(staged: Staged) -> list[str]:
    """What was packed, what was not, and what its readers will see of this machine."""
    from headstart.reports import numbers

    file = staged.file
    absent = [f"{item.name} ({item.setting})" for item in staged.needed if item.packed is None]
    lines = [
        f"wrote {file}: {numbers.plural(len(staged.records), 'run')}, {numbers.size(file.stat().st_size)}"
    ]
    if not staged.rows:
        lines.append("texts of the rows are left out of predictions and report; --rows keeps them")
    if absent:
        lines.append(
            f"not in it, and needed to run it again: {', '.join(absent)}; --rows and --weights add them"
        )
    if staged.missing:
        lines.append(f"not finished: {'; '.join(staged.missing)}")
    if staged.changed:
        lines.append(f"not the environment of the runs: {'; '.join(staged.changed)}")
    if staged.local:
        lines.append(f"its readers see these paths, which the records hold: {', '.join(staged.local)}")
    return [*lines, f"headstart reproduce {file} runs it again"]
