"""Runs the study of some settings and shows its report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.report import report_all

if TYPE_CHECKING:
    from headstart.studies.outcome import Outcome


def run_study(settings: list[str], typed: Sequence[str], extend: bool = False) -> int:
    """Run the study of these settings and show its report; returns the exit code."""
    from headstart.studies.compose import check
    from headstart.studies.launch import launch

    plan = check(settings)
    return reported(lambda: launch(plan, typed, extend), typed)


def reported(train: Callable[[], Sequence[Outcome]], typed: Sequence[str]) -> int:
    """Train, and show the report; returns the exit code. `typed` are the words that continue it."""
    from headstart.studies.outcome import Interrupted, faults

    try:
        outcomes = train()
    except (Interrupted, KeyboardInterrupt):
        return interrupted(typed)
    folders = {outcome.study_folder for outcome in outcomes if not outcome.trial}
    trained = {outcome.study_folder for outcome in outcomes if outcome.status in ("finished", "diverged")}
    report_all({folder for folder in folders if any(Path(folder).glob("*/record.json"))}, trained)
    for fault in faults(outcomes):
        print(f"headstart: {fault}", file=sys.stderr)
    return max((outcome.code for outcome in outcomes), default=0)


def interrupted(typed: Sequence[str]) -> int:
    """Say how to go on; returns the exit code."""
    line = shlex.join(["headstart", *typed])
    print(f"\nheadstart: interrupted; finished runs are kept. Continue with: {line}", file=sys.stderr)
    return 130
