"""Run folder: the ids of a run, the folder of its record, and whether it is finished."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from headstart.config import defaults_of
from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import Fingerprint, fingerprint
from headstart.records.record import Record
from headstart.records.store import read_contents, read_run, same_run
from headstart.run import Run

LONGEST = 40  # characters of one part of a folder's name
ROOM = 2**20  # bytes: what a record, its curve and its predictions may take
SETTLED = ("finished", "diverged")  # training again would give the same


def identify(run: Run, fetch: bool = True) -> Fingerprint:
    """The run's names, from its settings and the content of its data, its model's files and its weights."""
    weights = run.arm.weights_digest(run.model, fetch)
    source, built_from = run.task.source.digest(), run.model.built_from()
    return fingerprint(run.config(), source, built_from, weights, defaults_of(run))


def run_folder(run: Run, names: Fingerprint) -> Path:
    """runs/<study>/<task>-<model>-<size>-<what else is swept>-<arm>-seed<seed>-<run id>.

    A run that exists keeps its folder, also when other axes are swept now: it is found by its id.
    """
    for folder in sorted(run.study_folder.glob(f"*-{names.run_id[:8]}")):
        _refuse_changed_default(folder, names)
        return folder
    parts = (*(name[:LONGEST] for name in run.shared_names), run.arm.name, f"seed{run.seed}")
    words = [re.sub(r"[^A-Za-z0-9.+_]+", "_", part) for part in parts]
    for path in sorted(run.study_folder.glob(f"*-{words[-2]}-{words[-1]}-*/record.json")):
        with path.open("rb") as file:
            earlier = b'"schema": 2,' in file.read(40)  # named by version 1 of the fingerprint
        if earlier and (record := _record(path.parent)) and same_run(record, names):
            return path.parent
    return run.study_folder / f"{'-'.join(words)}-{names.run_id[:8]}"


def _refuse_changed_default(folder: Path, names: Fingerprint) -> None:
    """ConfigError when the folder holds a run of this name that was trained with another default."""
    record = _record(folder)
    if record is None or record.run_id != names.run_id or same_run(record, names):
        return
    then, now = record.fingerprint.defaults, names.defaults
    path = next((path for path in then if path in now and then[path] != now[path]), None)
    if path is None:
        raise ConfigError(f"{folder}: holds another run of the same name; give this study another study.name")
    raise ConfigError(
        f"{path}: its default was {then[path]!r} when {folder} was trained, and is {now[path]!r} now; "
        f"give this study another study.name"
    )


def _record(folder: Path) -> Record | None:
    """The record of a run whose files are all as it left them; None for any other folder."""
    try:
        return read_run(folder)
    except RecordError:
        return None


def settled(folder: Path, names: Fingerprint) -> bool:
    """Does the folder hold the record of this run, finished or diverged?"""
    record = _record(folder)
    return record is not None and record.status in SETTLED and same_run(record, names)


def check_study_folder(run: Run) -> None:
    """ConfigError when the study's folder cannot be written or holds another study's runs."""
    folder = run.study_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
    except OSError as error:
        raise ConfigError(
            f"runs: {folder} cannot be written ({error.strerror or error}); choose another with runs=..."
        ) from None
    for path in folder.glob("*/record.json"):
        try:
            name = read_contents(path.parent).get("study")
        except RecordError:
            continue  # the report names what is wrong with it
        if name not in (None, run.study.name):
            raise ConfigError(
                f"study.name: {folder} holds runs of another study, {name} ({path.parent.name}); "
                f"choose another study.name, or move that folder away"
            )
