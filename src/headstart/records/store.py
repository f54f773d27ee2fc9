"""The store of finished runs: files written whole or not at all, and read with every doubt named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.config import renamed
from headstart.errors import ConfigError, RecordError
from headstart.records.fingerprint import fingerprint
from headstart.records.record import CURVE, PREDICTIONS, RECORD, TOLD, Record, read_curve
from headstart.records.schema import VERSION, faults

TEXT_LENGTH = 400  # characters of an example that predictions.parquet keeps
_STATISTIC = re.compile(r"[a-z_0-9]+")  # the name of a statistic's column


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


def write_record(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write record.json, whole or not at all; RecordError when it breaks the schema or cannot be written."""
    found = faults(record)
    if found:
        raise RecordError(f"{folder / RECORD}: not written, it breaks the schema: {'; '.join(found[:5])}")
    try:
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{folder / RECORD}: not written: {error}; write null and a reason") from None
    return _write_whole(folder / RECORD, lambda file: file.write_text(text + "\n", "utf-8"))


def append_point(file: Path, point: Mapping[str, Any]) -> None:
    """Append one evaluation to a curve and flush it; a half line of a killed process is cut off first."""
    try:
        line = json.dumps(point, allow_nan=False) + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as stream:
            _cut_half_line(stream)
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except (TypeError, ValueError) as error:
        raise RecordError(f"{file}: point not written: {error}; write null instead") from None
    except OSError as error:
        raise RecordError(f"{file}: cannot be written: {error.strerror}") from None


def write_predictions(
    folder: Path,
    ids: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str],
    predictions: Sequence[str],
    statistics: Mapping[str, Sequence[float] | np.ndarray],
) -> Path:
    """Write predictions.parquet, whole or not at all; one row per test example, statistics as float32.

    A statistic is a number per example that metrics are sums of: {"score": (examples,)}. RecordError when
    columns differ in length or a name is not one of a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / PREDICTIONS
    wrong = sorted(name for name in statistics if name in TOLD or not _STATISTIC.fullmatch(name))
    if wrong:
        raise RecordError(f"{file}: not written: {', '.join(map(repr, wrong))} cannot name a statistic")
    lengths = {len(column) for column in (ids, texts, labels, predictions, *statistics.values())}
    if len(lengths) > 1:
        raise RecordError(f"{file}: not written: columns of {sorted(lengths)} rows")
    told = (ids, [text[:TEXT_LENGTH] for text in texts], labels, predictions)
    columns = {name: pa.array(map(str, each), pa.string()) for name, each in zip(TOLD, told, strict=True)}
    columns |= {name: pa.array(np.asarray(each, dtype=np.float32)) for name, each in statistics.items()}
    return _write_whole(file, lambda whole: pq.write_table(pa.table(columns), whole, compression="zstd"))


def predictions_digest(folder: Path) -> str | None:
    """16 hex of a run's predictions.parquet, byte for byte; None when it left none."""
    file = folder / PREDICTIONS
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else None
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error.strerror}") from None


def read_study(folder: Path) -> StoredStudy:
    """Read every run at or below `folder`, by folder name; ConfigError where it holds several studies."""
    folder = Path(folder)
    try:
        runs = sorted({f.parent for name in (RECORD, CURVE) for f in folder.glob(f"**/{name}")})
        if not folder.is_dir():
            raise RecordError(f"{folder}: no such folder; name the folder of a study, like runs/less_data")
        os.listdir(folder)
    except OSError as error:
        raise RecordError(f"{folder}: cannot be read: {error.strerror}") from None
    problems: list[Problem] = []
    records = [record for run in runs if (record := _read_run(run, problems))]
    _refuse_several(folder, records)
    kept = _of_one_study(records, problems)
    return StoredStudy(folder, tuple(kept), tuple(problems))


def _read_run(folder: Path, problems: list[Problem]) -> Record | None:
    """The record of one run, or None; what is wrong with it goes to `problems`."""
    try:
        record = read_record(folder)
        doubts = _doubts(record)
    except RecordError as error:
        problems.append(Problem(folder, f"{folder.name}: left out: {error}"))
        return None
    problems.extend(Problem(folder, f"{folder.name}: {doubt}") for doubt in doubts)
    return record


def read_record(folder: Path) -> Record:
    """Read one record.json and recompute its fingerprint; RecordError says why it cannot be trusted."""
    raw = _read_json(folder / RECORD)
    if raw.get("schema") != VERSION:
        raise RecordError(
            f"{RECORD} has schema {raw.get('schema')!r}; this headstart reads schema {VERSION}, "
            "in which runs have other names: train it again, or read it with the version that wrote it"
        )
    found = faults(raw)
    if found:
        raise RecordError(f"{RECORD} breaks the schema: {'; '.join(found[:3])}")
    init, checkpoint = raw["init"], raw["init"]["checkpoint"]
    weights = checkpoint and checkpoint["sha256"]
    raw["config"] = renamed(raw["config"])
    names = fingerprint(raw["config"], raw["data"]["source"], init["built_from"], weights)
    for name in ("pair_id", "run_id"):
        if raw[name] != getattr(names, name):
            raise RecordError(f"{name} is {raw[name]} but its config gives {getattr(names, name)}")
    if raw["seed"] != raw["config"].get("seed", raw["seed"]):
        raise RecordError(f"seed is {raw['seed']} but its config says {raw['config']['seed']}")
    fields = {name: value for name, value in raw.items() if name not in ("schema", "argv")}
    return Record(folder=folder, condition_id=names.condition_id, argv=tuple(raw["argv"]), **fields)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        raw = json.loads(file.read_text("utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise RecordError(f"it has a curve but no {RECORD}: killed, or still running") from None
    except OSError as error:
        raise RecordError(f"{RECORD} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{RECORD} is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise RecordError(f"{RECORD} is not a mapping")
    return raw


def _refuse_constant(token: str) -> None:
    raise ValueError(f"{token} is not a JSON value")


def _doubts(record: Record) -> list[str]:
    """What a record that can be used lacks: its curve, its predictions, the end of its curve."""
    found: list[str] = []
    if not (record.folder / CURVE).exists():
        found.append(f"{CURVE} is missing: no learning curve and no cost to a target for this run")
    elif read_curve(record.folder / CURVE)[1]:
        found.append(f"the last point of {CURVE} was half written and is dropped")
    if record.finished and not (record.folder / PREDICTIONS).exists():
        found.append(f"{PREDICTIONS} is missing: its gain has no interval over test examples")
    return found


def _refuse_several(folder: Path, records: Iterable[Record]) -> None:
    """ConfigError for a folder of studies, which lie in folders of their own: they are not one study."""
    homes: dict[Path, Counter[str]] = {}
    for record in records:
        homes.setdefault(record.folder.parent, Counter())[record.study] += 1
    studies = {home: count.most_common(1)[0][0] for home, count in homes.items()}
    if len(set(studies.values())) > 1:
        listed = ", ".join(f"{home} ({studies[home]}, {n.total()} runs)" for home, n in sorted(homes.items()))
        raise ConfigError(f"{folder}: holds several studies; name the folder of one: {listed}")


def _of_one_study(records: Iterable[Record], problems: list[Problem]) -> list[Record]:
    """The records of the study that most of them belong to; the others become problems."""
    records = list(records)
    if not records:
        return []
    study = Counter(record.study for record in records).most_common(1)[0][0]
    for record in records:
        if record.study != study:
            sentence = f"{record.folder.name}: left out: holds runs of another study, {record.study}"
            problems.append(Problem(record.folder, f"{sentence}; the others are of {study}"))
    return [record for record in records if record.study == study]


def _cut_half_line(stream: Any) -> None:
    """Truncate an open file after its last whole line."""
    stream.seek(0)
    content = stream.read()
    if content and not content.endswith(b"\n"):
        stream.truncate(content.rfind(b"\n") + 1)


def _write_whole(file: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary neighbour, sync it to disk, then put it in place in one step."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            _sync(temporary)
            temporary.chmod(0o666 & ~_umask())  # mkstemp gives 0600; a record is for everybody to read
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"{file}: cannot be written: {error.strerror or error}") from None
    return file


def _sync(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
