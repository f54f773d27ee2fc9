"""Claim: the study behind a notebook page, run again in a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.node import RecordError
from headstart.studies.compose import check
from headstart.studies.launch import launch
from headstart.studies.outcome import OUTCOMES, faults

RUNS = "runs/reproduced"  # apart from one's own runs, so that nothing finished there stands in for a re-run


@dataclass(frozen=True)
class Rerun:
    """The folder of a study that was run again, and how much of it was really trained this time."""

    folder: Path
    runs: int
    trained: int


def rerun(command: Sequence[str], settings: Sequence[str], scale: str) -> Rerun:
    """Train the study of `command`, with further settings. RecordError when no run ended well.

    Each scale has a folder of its own: runs of two of them would be two conditions of one study.
    """
    arguments = [*command, *settings, f"runs={RUNS}/{scale}"]
    asked = check(arguments)
    OUTCOMES.clear()
    launch(asked.arguments, arguments)
    well = [outcome for outcome in OUTCOMES if outcome.well and not outcome.trial]
    if not well:
        raise RecordError(f"{' '.join(command)}: no run ended with scores: {'; '.join(faults(OUTCOMES))}")
    trained = sum(outcome.status != "kept" for outcome in OUTCOMES)
    return Rerun(Path(well[0].study_folder), len(OUTCOMES), trained)
