"""Claim: runs the study of a notebook page again, in a folder of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import ARM, SCIENCE
from headstart.studies.compose import check, runs_of
from headstart.studies.launch import launch
from headstart.studies.outcome import faults

RUNS = "runs/reproduced"  # separate from the user's runs, so that none of them counts as the re-run


@dataclass(frozen=True)
class Rerun:
    """A study that was run again: its folder, its runs, and how many of these were trained now."""

    folder: Path
    runs: int
    trained: int


def check_settings(command: Sequence[str], settings: Sequence[str]) -> None:
    """ConfigError when `settings` change what the study of `command` compares."""
    if settings and _compared(command) != _compared([*command, *settings]):
        names = {*SCIENCE, *ARM} - {"seed"}
        changed = [word for word in settings if re.split(r"[.=]", word.lstrip("+~"))[0] in names] or settings
        raise ConfigError(
            f"reproduce: with {' '.join(changed)} the study compares something else than the claim is about; "
            f"leave it out, or run that study by itself: headstart {shlex.join([*command, *settings])}"
        )


def _compared(arguments: Sequence[str]) -> set[str]:
    """The arms under every condition, without seeds and machine settings."""
    names = {*SCIENCE, *ARM} - {"seed", "precision"}
    return {repr(run.model_dump(mode="json", include=names)) for run in runs_of(arguments)}


def rerun(command: Sequence[str], settings: Sequence[str], scale: str) -> Rerun:
    """Train the study of `command`, with further settings. RecordError when no run has scores.

    Each scale has a folder of its own: runs of two of them would be two conditions of one study.
    """
    check_settings(command, settings)
    arguments = [*command, *settings, f"runs={RUNS}/{scale}"]
    outcomes = launch(check(arguments), arguments)
    well = [outcome for outcome in outcomes if outcome.well and not outcome.trial]
    if not well:
        raise RecordError(f"{' '.join(command)}: no run ended with scores: {'; '.join(faults(outcomes))}")
    trained = sum(outcome.status != "kept" for outcome in outcomes)
    return Rerun(Path(well[0].study_folder), len(outcomes), trained)
