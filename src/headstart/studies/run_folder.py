"""Identity: what a run is called, where its record lives, and whether it is there already."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import Fingerprint, fingerprint
from headstart.records.store import read_record
from headstart.run import Run

LONGEST = 40  # characters of one part of a folder's name
ROOM = 2**20  # bytes: what a record, its curve and its predictions may take
SETTLED = ("finished", "diverged")  # training again would give the same


def identify(run: Run, fetch: bool = True) -> Fingerprint:
    """The run's names, from its settings and the content of its data, its model's files and its weights."""
    weights = run.arm.weights_digest(run.model, fetch)
    return fingerprint(run.config(), run.task.source.digest(), run.model.built_from(), weights)


def run_folder(run: Run, names: Fingerprint) -> Path:
    """runs/<study>/<task>-<model>-<size>-<what else is swept>-<arm>-seed<seed>-<run id>.

    A run that is there already keeps its folder, whatever is swept now: its id alone says that it is the one.
    """
    if found := sorted(run.study_folder.glob(f"*-{names.run_id[:8]}")):
        return found[0]
    parts = (*(name[:LONGEST] for name in run.shared_names), run.arm.name, f"seed{run.seed}")
    slug = "-".join(re.sub(r"[^A-Za-z0-9.+_]+", "_", part) for part in parts)
    return run.study_folder / f"{slug}-{names.run_id[:8]}"


def settled(folder: Path, names: Fingerprint) -> bool:
    """Does the folder hold the record of this very run, with an end that is final?"""
    try:
        record = read_record(folder)
    except RecordError:
        return False
    return record.run_id == names.run_id and record.status in SETTLED


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
        name = _study_of(path)
        if name not in (None, run.study.name):
            raise ConfigError(
                f"study.name: {folder} holds runs of another study, {name} ({path.parent.name}); "
                f"choose another study.name, or move that folder away"
            )


def _study_of(path: Path) -> str | None:
    try:
        return json.loads(path.read_text("utf8"))["study"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the report names what is wrong with it
