"""Runs the study of some settings and shows its report."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.report import log_so_far, report_all
from headstart.terminal import cleaned

if TYPE_CHECKING:
    from headstart.run import Run
    from headstart.studies.outcome import Outcome

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds at least between two updates of a study's run in W&B


def run_study(settings: list[str], typed: Sequence[str], extend: bool = False) -> int:
    """Run the study of these settings and show its report; returns the exit code."""
    from headstart.studies.compose import check
    from headstart.studies.launch import launch

    plan = check(settings)
    return reported(lambda after: launch(plan, typed, extend, after), typed)


def reported(train: Callable[[Callable[[Run], None]], Sequence[Outcome]], typed: Sequence[str]) -> int:
    """Train, and show the report; returns the exit code. `typed` are the words that continue it.

    `train` calls its argument with a run of every pair that has ended.
    """
    from headstart.studies.outcome import Interrupted, faults

    try:
        outcomes = train(_updates())
    except (Interrupted, KeyboardInterrupt):
        return interrupted(typed)
    folders = {outcome.study_folder for outcome in outcomes if not outcome.trial}
    trained = {outcome.study_folder for outcome in outcomes if outcome.status in ("finished", "diverged")}
    report_all({folder for folder in folders if any(Path(folder).glob("*/record.json"))}, trained)
    for fault in faults(outcomes):
        print(f"headstart: {cleaned(fault)}", file=sys.stderr)
    return max((outcome.code for outcome in outcomes), default=0)


def _updates() -> Callable[[Run], None]:
    """Shows in W&B what a study says so far: after a pair, and seldom, so that it takes little time."""
    due = time.monotonic() + EVERY

    def update(run: Run) -> None:
        nonlocal due
        if run.tracker.mode == "none" or run.study.trial or time.monotonic() < due:
            return
        began = time.monotonic()
        try:
            log_so_far(run.study_folder)
        except Exception as error:  # noqa: BLE001 the study must go on
            log.warning("headstart: W&B does not show the study so far (%s)", error)
        due = time.monotonic() + max(EVERY, 20 * (time.monotonic() - began))

    return update


def interrupted(typed: Sequence[str]) -> int:
    """Say how to go on; returns the exit code."""
    line = shlex.join(["headstart", *typed])
    print(f"\nheadstart: interrupted; finished runs are kept. Continue with: {line}", file=sys.stderr)
    return 130
