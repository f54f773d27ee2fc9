"""Run folder: the ids of a run, the folder of its record, and whether it is finished."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from headstart.config import defaults_of
from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import Fingerprint, Unseeded, kept_one, unseeded
from headstart.records.record import RECORD, Record
from headstart.records.store import damage, read_contents, read_own, read_run, same_run
from headstart.run import Run

LONGEST = 40  # characters of one part of a folder's name
ROOM = 2**20  # bytes: what a record, its curve and its predictions may take
SETTLES = 2_000_000_000  # nanoseconds after which the time of a folder tells one listing from the next
SETTLED = ("finished", "diverged")  # training again would give the same


Digests = tuple[str, Mapping[str, str], str | None]  # of the data, the model's files and the weights


@dataclass
class Known:
    """What was found of the runs of a study, by settings that several share, while no file changes."""

    files: dict[str, Digests] = field(default_factory=dict[str, Digests])
    names: dict[str, Unseeded] = field(default_factory=dict[str, Unseeded])


def identify(run: Run, fetch: bool = True, known: Known | None = None) -> Fingerprint:
    """The run's names, from its settings and the content of its data, its model's files and its weights."""
    known = known or Known()
    key = run.model_dump_json(exclude={"seed"})
    return kept_one(known.names, key, lambda: _unseeded(run, fetch, known)).named(run.seed)


def _unseeded(run: Run, fetch: bool, known: Known) -> Unseeded:
    key = run.model_dump_json(include={"task", "model", "arm"})
    if key not in known.files:
        weights = run.arm.weights_digest(run.model, fetch)
        known.files[key] = run.task.source.digest(), run.model.built_from(), weights
    return unseeded(run.config(), *known.files[key], defaults_of(run))


def run_folder(run: Run, names: Fingerprint) -> Path:
    """runs/<study>/<task>-<model>-<size>-<what else is swept>-<arm>-seed<seed>-<run id>.

    A run that exists keeps its folder, also when other axes are swept now: it is found by its id.
    """
    listed = _listed(run.study_folder)
    for name in listed.get(names.run_id[:8], ()):
        folder = run.study_folder / name
        _refuse_changed_default(folder, names)
        return folder
    parts = (*(name[:LONGEST] for name in run.shared_names), run.arm.name, f"seed{run.seed}")
    words = [re.sub(r"[^A-Za-z0-9.+_]+", "_", part) for part in parts]
    for name in listed.get(f"{words[-2]}-{words[-1]}", ()):
        folder = run.study_folder / name
        if _is_earlier(folder) and (record := _record(folder)) and same_run(record, names):
            return folder
    return run.study_folder / f"{'-'.join(words)}-{names.run_id[:8]}"


def _listed(folder: Path) -> Mapping[str, list[str]]:
    """The names of a study's run folders, by the end of their run ids, and by arm and seed.

    A listing is kept while the folder's time says that nothing was added to it.
    """
    try:
        changed = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    if time.time_ns() - changed < SETTLES:  # something may be added in the same tick of its clock
        _listing.cache_clear()
    return _listing(folder, changed)


@lru_cache(maxsize=8)
def _listing(folder: Path, changed: int) -> Mapping[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        *others, run_id = name.rsplit("-", 3)
        names.setdefault(run_id, []).append(name)
        if len(others) == 3:
            names.setdefault(f"{others[1]}-{others[2]}", []).append(name)
    return names


def _is_earlier(folder: Path) -> bool:
    """Was its record named by version 1 of the fingerprint?"""
    try:
        with (folder / RECORD).open("rb") as file:
            return b'"schema": 2,' in file.read(40)
    except FileNotFoundError:
        return False


def _refuse_changed_default(folder: Path, names: Fingerprint) -> None:
    """ConfigError when the folder holds a run of this name that was trained with another default."""
    try:
        if read_contents(folder).get("fingerprint") == names.section():
            return
    except RecordError:
        return
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
    return settled_record(folder, names) is not None


def settled_record(folder: Path, names: Fingerprint) -> dict[str, Any] | None:
    """The record of this run if it is finished or diverged, and all its files are as it left them."""
    try:
        if (contents := read_own(folder, names)) is not None:
            return contents if contents["status"] in SETTLED else None
        record = read_run(folder)
    except RecordError:
        return None
    if record.status not in SETTLED or not same_run(record, names) or doubt(record):
        return None
    return read_contents(folder)


def finished_record(run: Run, names: Fingerprint) -> dict[str, Any] | None:
    """As settled_record of the run's folder; a record that bears these very names is read once."""
    study = run.study_folder
    for name in _listed(study).get(names.run_id[:8], ()):
        try:
            contents = read_own(study / name, names)
        except RecordError:
            break
        if contents is not None:
            return contents if contents["status"] in SETTLED else None
        break
    return settled_record(run_folder(run, names), names)


def wrong(folder: Path) -> str | None:
    """What is damaged of a run that has a record, in one sentence; None where nothing is."""
    record = _record(folder)
    return damage(folder) if record is None else doubt(record)


def doubt(record: Record) -> str | None:
    """Where a record of an earlier version, which has no digest of its content, contradicts its curve or its
    predictions; None where it agrees, and for a record that has one."""
    if record.digest is not None:
        return None
    from headstart.compare.trusted import contradictions

    try:
        return next(contradictions(record), None)
    except RecordError as error:
        return str(error)


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
