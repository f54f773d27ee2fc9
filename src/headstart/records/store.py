"""The store of finished runs: records are written whole or not at all, and every doubt is named when read."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import from_json

from headstart.config import renamed
from headstart.errors import ConfigError, RecordError
from headstart.records.curve import CURVE, RECENT_CURVES
from headstart.records.fingerprint import ARM, VERSION, Fingerprint, digest, fingerprint
from headstart.records.kept import kept_for_long
from headstart.records.predictions import PREDICTIONS
from headstart.records.record import RECORD, Contents, Record, ended_early, faults, faults_of
from headstart.records.upgrade import READABLE, upgraded
from headstart.records.whole_file import file_digest, write_whole


@dataclass(frozen=True)
class Problem:
    """A run folder that cannot be used, or only in part, and one sentence that says why."""

    folder: Path
    sentence: str


@dataclass(frozen=True)
class StoredStudy:
    """What is on disk of a study: the records that can be trusted and the problems of the rest."""

    folder: Path
    records: tuple[Record, ...]
    problems: tuple[Problem, ...]


def write_record(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Write record.json, whole or not at all, and return it with its digest.

    RecordError when it breaks the schema or cannot be written.
    """
    file = folder / RECORD
    if wrong := faults(record):
        raise RecordError(f"{file}: not written, it breaks the schema: {'; '.join(wrong[:5])}")
    try:
        whole = sealed(record)
        text = json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{file}: not written: {error}; write null and a reason") from None
    write_whole(file, lambda path: path.write_text(text + "\n", "utf-8"))
    return whole


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the digest of its content, so that damage is seen when it is read."""
    content = {name: value for name, value in record.items() if name != "digest"}
    as_read = json.loads(json.dumps(content, allow_nan=False))
    return content | {"digest": digest(as_read)}


def read_study(
    folder: Path, beside: Sequence[Record] = (), read: Callable[[Path], Record] | None = None
) -> StoredStudy:
    """Read every run at or below `folder`, by folder name; ConfigError where it holds several studies.

    A run whose files are not those that it left is a problem, and none of the records.

    `beside`: records of another study with which the ids of these must agree. `read` replaces read_run.
    """
    folder = Path(folder)
    try:
        runs = sorted(Path(at) for at, _, files in os.walk(folder) if RECORD in files or CURVE in files)
        if not folder.is_dir():
            raise RecordError(f"{folder}: no such folder; name the folder of a study, like runs/less_data")
        os.listdir(folder)
    except OSError as error:
        raise RecordError(f"{folder}: cannot be read: {error.strerror}") from None
    records: list[Record] = []
    problems: list[Problem] = []
    with kept_for_long():
        for run in runs:
            try:
                record = (read or read_run)(run)
                doubts = _doubts(record)
            except RecordError as error:
                problems.append(Problem(run, f"{run.name}: left out: {error}"))
                continue
            records.append(record)
            problems += [Problem(run, f"{run.name}: {doubt}") for doubt in doubts]
    return StoredStudy(folder, tuple(one_study(folder, records, problems, beside)), tuple(problems))


def one_study(
    folder: Path, records: Sequence[Record], problems: list[Problem], beside: Sequence[Record] = ()
) -> list[Record]:
    """The records of the study that most of these are of, with ids made in one way; the others become
    `problems`. ConfigError where the folder is one of several studies."""
    _refuse_several(folder, records)
    kept = _of_one_study(records, problems)
    return _under_one_rule([*kept, *beside])[: len(kept)]


def read_run(folder: Path) -> Record:
    """Read a record whose curve and predictions are those that its run left; RecordError says what is not."""
    record = read_record(folder)
    _check_files(folder, record.scores.predictions, record.curve_digest)
    return record


def read_own(folder: Path, names: Fingerprint) -> dict[str, Any] | None:
    """The mapping in the record of the run that has these very names, its files checked; None for any other.

    The digest says that it is what a run wrote, and `write_record` writes nothing that breaks the schema, so
    that is not checked again: a store of thousands of runs is read in seconds. RecordError as `read_run`.
    """
    contents = read_contents(folder)
    same = contents.get("run_id") == names.run_id and contents.get("fingerprint") == names.section()
    if not same or contents.get("digest") is None:
        return None
    _check_seal(contents)
    _check_files(folder, contents["scores"]["predictions"], contents["curve_digest"])
    return contents


def _check_files(folder: Path, predictions: str | None, curve: str | None) -> None:
    """RecordError when a file is not the one whose digest the record has."""
    for name, stored in ((PREDICTIONS, predictions), (CURVE, curve)):
        if stored is None:
            continue
        now = file_digest(folder / name)
        if now is None:
            raise RecordError(f"{name} is missing")
        if stored != now:
            raise RecordError(f"{name} is not what its run left (digest {stored}, now {now})")


def damage(folder: Path) -> str | None:
    """What is damaged of a run that has a record, in one sentence; None where nothing is."""
    if not (folder / RECORD).exists():
        return None
    try:
        if not ended_early(read_sealed(folder)):
            read_run(folder)
    except RecordError as error:
        return str(error)
    return None


def read_record(folder: Path) -> Record:
    """Read one record.json and recompute its fingerprint; RecordError says why it cannot be trusted."""
    mapping = read_contents(folder)
    if ended_early(mapping) and not faults(mapping):
        _check_seal(mapping)
        reason = mapping["scores"]["reason"]
        raise RecordError(f"{mapping['status']} before its first step: {reason}")
    try:
        contents = Contents.model_validate(mapping)
    except ValidationError as error:
        raise RecordError(f"{RECORD} breaks the schema: {'; '.join(faults_of(error)[:3])}") from None
    stored = contents.fingerprint
    names = names_of(contents, stored.defaults, stored.version)
    for name, written, computed in (
        ("pair_id", contents.pair_id, names.pair_id),
        ("run_id", contents.run_id, names.run_id),
        ("fingerprint.config", stored.config, names.config),
    ):
        if written != computed:
            raise RecordError(f"{name} is {written} but its config gives {computed}")
    seed = contents.config.get("seed", contents.seed)
    if contents.seed != seed:
        raise RecordError(f"seed is {contents.seed} but its config says {seed}")
    _check_seal(mapping)
    found: dict[str, Any] = dict(contents) | {"config": renamed(contents.config)}
    return Record.model_construct(folder=folder, condition_id=names.condition_id, **found)  # pyright: ignore[reportArgumentType]


def names_of(record: Contents, defaults: Mapping[str, Any], version: int = VERSION) -> Fingerprint:
    """The names of a recorded run, computed from its configuration under these defaults."""
    checkpoint = record.init.checkpoint
    weights = checkpoint.sha256 if checkpoint else None
    source, built_from = record.data.source, record.init.built_from
    return fingerprint(record.config, source, built_from, weights, defaults, version)


def same_run(record: Record, names: Fingerprint) -> bool:
    """Whether the record is of the run that has these names now, whichever version named it then."""
    return names_of(record, names.defaults).run_id == names.run_id


def _under_one_rule(records: list[Record]) -> list[Record]:
    """The records, with pair_id and condition_id made in one way where their own were made in several.

    The defaults that all records agree on are left out; where a default was changed in between, its setting
    is part of the ids. Records of one version with the same defaults keep their ids.
    """
    values: dict[str, list[Any]] = {}
    every = {repr(record.fingerprint.defaults): record.fingerprint.defaults for record in records}
    for defaults in every.values():
        for path, value in defaults.items():
            if path.partition(".")[0] not in ARM:  # each arm has defaults of its own, and they name no pair
                values.setdefault(path, []).append(value)
    shared = {path: v[0] for path, v in values.items() if all(value == v[0] for value in v)}
    if len(shared) == len(values) and len({record.fingerprint.version for record in records}) == 1:
        return records
    named: list[Record] = []
    for record in records:
        names = names_of(record, shared)
        ids = {"pair_id": names.pair_id, "condition_id": names.condition_id}
        section = record.fingerprint.model_copy(update={"defaults": names.defaults})
        named.append(record.model_copy(update={**ids, "fingerprint": section}))
    return named


def read_contents(folder: Path) -> dict[str, Any]:
    """The mapping in record.json under the names of today; RecordError when there is none."""
    try:
        raw: Any = from_json((folder / RECORD).read_bytes(), allow_inf_nan=False)
    except FileNotFoundError:
        raise RecordError(f"it has a curve but no {RECORD}: killed, or still running") from None
    except OSError as error:
        raise RecordError(f"{RECORD} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{RECORD} is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise RecordError(f"{RECORD} is not a mapping")
    contents = cast(dict[str, Any], raw)
    if contents.get("schema") not in READABLE:
        raise RecordError(
            f"{RECORD} has schema {contents.get('schema')!r}; this headstart reads "
            f"{' and '.join(map(str, READABLE))}: train it again, or read it with the version that wrote it"
        )
    return upgraded(contents)


def read_status(folder: Path, run_id: str) -> tuple[str | None, str | None]:
    """The status of a run and why it has no scores; None without a record of this run."""
    try:
        contents = read_contents(folder)
        if contents["run_id"] != run_id:
            return None, None
        return contents["status"], contents["scores"]["reason"]
    except (RecordError, KeyError, TypeError):
        return None, None


def read_sealed(folder: Path) -> dict[str, Any]:
    """The mapping in record.json, whatever its status; RecordError when it is not what the run wrote."""
    contents = read_contents(folder)
    if wrong := faults(contents):
        raise RecordError(f"{RECORD} breaks the schema: {'; '.join(wrong[:3])}")
    _check_seal(contents)
    return contents


def _check_seal(contents: Mapping[str, Any]) -> None:
    """RecordError when the record names a digest of its content and that is another one."""
    content = {name: value for name, value in contents.items() if name != "digest"}
    stored = contents.get("digest")  # absent from records of earlier versions
    if stored is not None and stored != (now := digest(content)):
        raise RecordError(f"{RECORD} is not what its run wrote (digest {stored}, now {now})")


def _doubts(record: Record) -> list[str]:
    """What a record that can be used lacks: its curve, its predictions, the end of its curve."""
    doubts: list[str] = []
    curve = record.folder / CURVE
    if not curve.exists():
        doubts.append(f"{CURVE} is missing: no learning curve and no cost to a target for this run")
    elif RECENT_CURVES.read(curve)[1]:
        doubts.append(f"the last point of {CURVE} was half written and is dropped")
    if record.finished and not (record.folder / PREDICTIONS).exists():
        doubts.append(f"it left no {PREDICTIONS}: its gain has no interval over test examples")
    return doubts


def _refuse_several(folder: Path, records: Sequence[Record]) -> None:
    """ConfigError for a folder of studies, which lie in folders of their own: they are not one study."""
    by_parent: dict[Path, Counter[str]] = {}
    for record in records:
        by_parent.setdefault(record.folder.parent, Counter())[record.study] += 1
    studies = {parent: count.most_common(1)[0][0] for parent, count in by_parent.items()}
    if len(set(studies.values())) > 1:
        listed = ", ".join(f"{at} ({studies[at]}, {n.total()} runs)" for at, n in sorted(by_parent.items()))
        raise ConfigError(f"{folder}: holds several studies; name the folder of one: {listed}")


def _of_one_study(records: Sequence[Record], problems: list[Problem]) -> list[Record]:
    """The records of the study that most of them belong to; the others become problems."""
    if not records:
        return []
    study = Counter(record.study for record in records).most_common(1)[0][0]
    for record in records:
        if record.study != study:
            sentence = f"{record.folder.name}: left out: holds runs of another study, {record.study}"
            problems.append(Problem(record.folder, f"{sentence}; the others are of {study}"))
    return [record for record in records if record.study == study]
