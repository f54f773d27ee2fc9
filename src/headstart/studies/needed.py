"""Needed: what the runs of a study read outside its folder: files with rows, and weights."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.arms.from_run import weights_folder
from headstart.cache import file_sha256
from headstart.data.files import Files
from headstart.errors import DataError, RecordError
from headstart.models.weights import PATTERNS, CheckpointSource
from headstart.records.fingerprint import as_mapping
from headstart.records.record import Record
from headstart.studies.frozen import FrozenStudy

FILES = ("task.files", "model.tokenizer.train.files")  # settings with files of rows
ROWS, WEIGHTS = "rows", "weights"  # folders of a pack


@dataclass(frozen=True)
class Needed:
    """A file or folder: the setting that names it, its value, and where it lies in a pack."""

    setting: str  # task.files.train, model.folder, arm.run
    value: str  # of the setting; of model.folder, the name of the model
    name: str
    sha256: str | None  # of a file, or of weights; None: not known
    packed: str | None  # path in the pack; None: it is not there
    table: bool = False  # is it one file with columns?


def needed_rows(frozen: FrozenStudy, records: Iterable[Record], to: Path | None) -> Iterator[Needed]:
    """The files of the rows; with `to`, they are copied into this folder. Relative paths start here.

    RecordError when one that is to be copied is not here or has changed since the runs were trained.
    """
    configs = [*(run.config for run in frozen.every), *frozen.pretrainings.values()]
    sources = {_key(record.config["task"].get("files")): record.data.source for record in records}
    distinct: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for config in configs:
        for setting in FILES:
            node: Any = config
            for name in setting.split("."):
                node = as_mapping(node).get(name)
            if node:
                distinct[_key(node)] = setting, node
    for number, (key, (setting, node)) in enumerate(distinct.items()):
        files = Files.read(node)
        try:
            paths, digest = files.paths(), files.digest()
            fault = (
                None
                if sources.get(key) in (None, digest)
                else f"{setting} has changed since the runs were trained"
            )
        except DataError as error:
            paths, fault = {}, str(error)
        if fault and to is not None:
            raise RecordError(
                f"{fault}; bring back the files that they were trained on, or pack without --rows"
            )
        for split in ("train", "validation", "test"):
            if (path := paths.get(split, Path(node.get(split) or ""))) == Path():
                continue
            value = node.get(split)
            beside = split if value else "train"  # a file that is found by its name stays beside train
            name = re.sub(r'[:\\<>"|?*\x00-\x1f]', "_", path.name)  # that every system has room for
            place = f"{ROWS}/{number}/{beside}/{name}"
            if to is not None:
                _copy(path, to / place)
            sha = file_sha256(path) if path.is_file() and not fault else None
            yield Needed(
                f"{setting}.{split}" if value else f"{setting}.train, beside it",
                value or str(path),
                path.name,
                sha,
                place if to is not None else None,
                table=path.is_file(),
            )


def needed_weights(records: Iterable[Record], to: Path | None) -> Iterator[Needed]:
    """The weights that runs begin with; with `to`, they are copied. Those of a pretraining are made again."""
    distinct: dict[tuple[str, str, str | None], Needed] = {}
    for record in records:
        checkpoint, arm, model = record.init.checkpoint, record.config["arm"], record.config["model"]
        if checkpoint is None or arm.get("pretraining"):
            continue
        setting, value = ("arm.run", arm["run"]) if arm.get("run") else ("model.folder", model["name"])
        if (setting, value, checkpoint.sha256) in distinct:
            continue
        place = f"{WEIGHTS}/{len(distinct)}"
        if to is not None and setting == "arm.run":
            folder = weights_folder(Path(value).expanduser(), arm.get("checkpoint_step"))
            _copy(folder, to / place / folder.name)
        elif to is not None:
            names = ("name", "revision", "folder", "distribution")
            source = CheckpointSource(**{name: model.get(name) for name in names})
            folder = source.find(fetch=False).folder
            for file in sorted({file for pattern in PATTERNS for file in folder.glob(pattern)}):
                _copy(file, to / place / file.name)
        packed = place if to is not None else None
        distinct[setting, value, checkpoint.sha256] = Needed(
            setting, value, Path(value).name, checkpoint.sha256, packed
        )
    yield from distinct.values()


def _key(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.is_dir():
            shutil.copytree(path, to)
        else:
            shutil.copyfile(path, to)
    except (OSError, shutil.Error) as error:
        raise RecordError(f"{path}: cannot be copied: {error}") from None
