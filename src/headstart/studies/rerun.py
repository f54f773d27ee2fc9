"""Rerun: trains again, one run from its stored configuration or the study of a notebook page."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.arms.transfer import Transfer
from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import ARM, SCIENCE, leaves
from headstart.records.predictions import PREDICTIONS
from headstart.records.record import Record
from headstart.records.store import read_record, same_run
from headstart.records.without_texts import answers_digest
from headstart.run import Run
from headstart.studies.compose import check, runs_of
from headstart.studies.launch import launch
from headstart.studies.outcome import faults
from headstart.studies.progress import showing
from headstart.studies.run_folder import identify
from headstart.studies.trust import asks_for_code, check_recorded, refusal

REPRODUCIBLE = ("status", "scores", "init", "data")  # determined by configuration and code
COUNTED = ("flops", "tokens", "samples", "steps", "parameters")  # the part of `cost` that is determined, too
MOMENTARY = (
    "environment.started",
    "environment.finished",
    "environment.state",
    "environment.order_index",
    "environment.capture",
)
# Where weights were found, and what their own training cost: another machine has other seconds and joules.
ELSEWHERE = ("init.checkpoint.source", "init.checkpoint.ledger")
RUNS = "runs/reproduced"  # separate from the user's runs, so that none of them counts as the re-run


@dataclass(frozen=True)
class Difference:
    """A value that differs in the second run."""

    path: str
    before: Any
    now: Any

    @property
    def sentence(self) -> str:
        """The value in words: `data: was files:0a1b, is files:2c3d`."""
        return f"{self.path}: was {self.before}, is {self.now}"


@dataclass(frozen=True)
class Again:
    """A run that was trained again, compared with its first record."""

    title: str
    compared: int  # values
    differences: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]  # of the environment; they may explain the others


def train_again(folder: Path, trusted: bool = False) -> Again:
    """Train the run of `folder` once more, without keeping it, and compare; its record is not changed."""
    record = read_record(folder)
    # Without trackers, where it would be another run, and without saving weights.
    run = Run.read(repeated(record.config))
    check_recorded(run, trusted)
    names = identify(run)
    if not same_run(record, names):
        changed = "; ".join(item.sentence for item in changed_inputs(record, run))
        raise RecordError(
            f"{folder}: {changed or f'is run {record.run_id}, and would be {names.run_id} now'}; "
            f"bring the old ones back, or train it as a new run"
        )
    from headstart.training.train import train

    with tempfile.TemporaryDirectory() as temporary, showing(1) as progress:
        train(run, Path(temporary) / "run", names, sys.argv, progress)
        return again(record, read_record(Path(temporary) / "run"))


def repeated(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a run that is trained again: without a tracker and without saved weights."""
    return {**config, "tracker": {"mode": "none"}, "keep_weights": False, "checkpoint_steps": []}


def changed_inputs(record: Record, run: Run) -> list[Difference]:
    """What the run would read that is not what its record was made from: data, model files, weights."""
    checkpoint = record.init.checkpoint
    pairs: dict[str, tuple[Any, Any]] = {"data": (record.data.source, run.task.source.digest())}
    files, now = record.init.built_from, run.model.built_from()
    pairs |= {f"model file {name}": (files.get(name), now.get(name)) for name in {**files, **now}}
    if checkpoint and not (isinstance(run.arm, Transfer) and run.arm.pretraining):  # which is trained again
        pairs["weights"] = (checkpoint.sha256, run.arm.weights_digest(run.model))
    return [Difference(name, before, now) for name, (before, now) in pairs.items() if before != now]


def again(record: Record, new_record: Record) -> Again:
    """What two records of one run have in common, and in which surroundings they were made."""
    before, now = _results(record), _results(new_record)
    environments = [dict(leaves(r.environment.model_dump(), "environment")) for r in (record, new_record)]
    surroundings = [item for item in _differences(*environments) if not item.path.startswith(MOMENTARY)]
    return Again(record.label, len({*before, *now}), tuple(_differences(before, now)), tuple(surroundings))


def _results(record: Record) -> dict[str, Any]:
    """Every value of a record that must be reproduced, by its path."""
    stored = record.model_dump(include={*REPRODUCIBLE, "cost"})
    sections = {name: stored[name] for name in REPRODUCIBLE}
    sections |= {f"cost.{name}": stored["cost"][name] for name in COUNTED}
    values = {path: value for name, section in sections.items() for path, value in leaves(section, name)}
    values["scores.predictions"] = answers_digest(record.folder / PREDICTIONS)  # a pack may leave out texts
    return {path: value for path, value in values.items() if not path.startswith(ELSEWHERE)}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    paths = sorted({*before, *now})
    return [Difference(p, before.get(p), now.get(p)) for p in paths if before.get(p) != now.get(p)]


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
    """Train the study of `command`, with further settings. RecordError when no run has scores; AbsentError,
    before anything is trained, when its rows are not here.

    Each scale has a folder of its own: runs of two of them would be two conditions of one study.
    """
    if asks_for_code(command) and not asks_for_code(settings):  # a page is a file, too
        raise ConfigError(refusal("the model of this page"))
    check_settings(command, settings)
    tasks = {run.task.model_dump_json(): run.task for run in runs_of([*command, *settings])}
    for task in tasks.values():
        task.source.digest()
    arguments = [*command, *settings, f"runs={RUNS}/{scale}"]
    outcomes = launch(check(arguments), arguments)
    well = [outcome for outcome in outcomes if outcome.well and not outcome.trial]
    if not well:
        raise RecordError(f"{' '.join(command)}: no run ended with scores: {'; '.join(faults(outcomes))}")
    trained = sum(outcome.status != "kept" for outcome in outcomes)
    return Rerun(Path(well[0].study_folder), len(outcomes), trained)
