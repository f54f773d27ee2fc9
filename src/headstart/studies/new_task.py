"""New task: writes the yaml of a task for a user's file, with notes about the file as comments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from hydra.errors import HydraException

from headstart.config import Config
from headstart.data.images import decoded, image_cell
from headstart.data.rows import RawRows
from headstart.errors import ConfigError, DataError, UnfitError, WeightsError
from headstart.models.model import Model
from headstart.studies.config_search import shipped
from headstart.studies.overrides import as_text, parsed
from headstart.tasks.family import Task
from headstart.tasks.guess import FAMILIES, Guess, Reading, guess, written
from headstart.tasks.text_classification import ANSWERS

# Settings of task.files that change what is read.
READ_WITH = ("siblings", "encoding", "separator", "columns", "sentence")
GREY_MODELS = {"vit_tiny": 8, "cnn_tiny": 32}  # our models for small grey images -> pixels per side
READERS = ("minilm", "distilbert", "bert_base", "roberta")  # of text; the first that is here is chosen
WRITERS, LOOKERS = ("t5_small", "bart_base"), ("resnet18", "vit_base")
SAMPLED = 32  # images whose size and colours are checked
FETCHED = "the weights of model={0} come from the hub: headstart fetch task={1} model={0} brings them here"
NAMELESS = (
    "the tags are numbers ({0}), and nothing says which of them is outside of entities: give the names of "
    "0, 1, ... in {1}, or as task.names=[O,B-PER,...] behind this command"
)
UNPUBLISHED = "nobody published weights of model={0}, so this trains from random ones alone"


@dataclass(frozen=True)
class NewTask:
    """The yaml that was written, notes about the rows, and settings that run the task."""

    yaml: Path
    guess: Guess
    notes: tuple[str, ...]
    model: tuple[str, ...]  # settings
    written: bool  # False: the yaml was there

    @property
    def name(self) -> str:
        return self.yaml.stem

    @property
    def command(self) -> str:
        size = "size=all" if self.guess.rows < 500 else "size=n256"
        return shlex.join(["headstart", f"task={self.name}", *self.model, size, f"study.name={self.name}"])


class _Checked(Config):
    task: Task


def new_task(
    path: Path, name: str | None = None, settings: Sequence[str] = (), keep: bool = False
) -> NewTask:
    """Write conf/task/<name>.yaml for the rows in `path`, with settings such as task.label=stars where
    the guess is wrong; ConfigError where a setting is unknown or that name is taken. With `keep`, a yaml that
    is there for the same rows is kept as it is."""
    settings_given = _parsed(settings)
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name or path.stem.lower()).strip("_.+-") or "mine"
    file = Path("conf/task") / f"{name}.yaml"
    kept = keep and file.exists() and _reads(file, path)
    if not kept and (file.exists() or (shipped() / "task" / f"{name}.yaml").exists()):
        raise ConfigError(
            f"task={name}: there is one already; give another name: headstart new task {path} NAME"
        )
    roles = {
        key: tuple(cast(list[str], value)) if isinstance(value, list) else str(value)
        for key, value in settings_given.items()
        if key in FAMILIES
    }
    read_with = {key: settings_given[f"files.{key}"] for key in READ_WITH if f"files.{key}" in settings_given}
    guessed = guess(path, roles, read_with)
    task = _filled(name, path, guessed, settings_given)
    _Checked.read({"task": task})
    overrides, about_model = _model(name, guessed)
    other_readings = [
        f"or {_words(reading)}: {reading.command(path, f'{name}_{number}')}"
        for number, reading in enumerate(guessed.others, 2)
    ]
    notes = (*guessed.notes, *other_readings, *about_model)
    if guessed.nameless and not task["names"]:
        task["names"] = "???"
        notes = (*notes, NAMELESS.format(guessed.nameless, file))
    if not kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_text(path, task, guessed, notes), "utf8")
    return NewTask(file, guessed, notes, tuple(overrides), not kept)


def _reads(file: Path, path: Path) -> bool:
    """Whether the yaml of a task is about the rows in `path`."""
    try:
        return Path(yaml.safe_load(file.read_text("utf8"))["files"]["train"]).resolve() == path.resolve()
    except (yaml.YAMLError, KeyError, TypeError):
        return False


def settings_of(columns: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
    """Settings of the task for columns by role (`labels`: also several, A,B,C) and for how files are read."""
    names = {
        role: tuple(name.split(",")) if role == "labels" and "," in name else name
        for role, name in columns.items()
    }
    settings = [f"task.{role}={written(name)}" for role, name in names.items()]
    return settings + [f"task.files.{name}={written(value)}" for name, value in files.items()]


def _parsed(settings: Sequence[str]) -> dict[str, Any]:
    """{"label": ..., "files.encoding": ...} of task.label=... and so on, read as Hydra does."""
    values: dict[str, Any] = {}
    for setting in settings:
        try:
            override = parsed(setting)
        except HydraException:
            raise ConfigError(f"{setting}: not of the form task.label=COLUMN{as_text(setting)}") from None
        if override.is_sweep_override():
            raise ConfigError(f"{setting}: is read as several values{as_text(setting)}")
        outer, _, name = override.key_or_group.partition(".")
        if outer != "task" or not name:
            raise ConfigError(f"{setting}: only settings of the task are known here: task.label=COLUMN")
        values[name] = override.value()
    return values


def _text(path: Path, task: Mapping[str, Any], guessed: Guess, notes: Sequence[str]) -> str:
    """The yaml, with the notes as comments."""
    family = guessed.reading.kind.replace("_", " ")
    head = [f"# {guessed.rows} rows of {path.name}, read as {family}; correct what is wrong."]
    head += [f"# {' '.join(note.split())}" for note in notes]
    body = yaml.safe_dump(task, sort_keys=False, allow_unicode=True)
    comment = "validation and test are held out of train unless they are given"
    return "\n".join(head) + "\n" + body.replace("\nfiles:", f"\n# {comment}\nfiles:")


def _filled(name: str, path: Path, guessed: Guess, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The template of the family with this file, its columns, and the settings that were given."""
    reading = guessed.reading
    yamls = [yaml.safe_load(p.read_text("utf8")) for p in sorted((shipped() / "task").glob("files*.yaml"))]
    template = next(task for task in yamls if task["kind"] == reading.kind)
    columns = {
        role: names if isinstance(names, str) else list(names) for role, names in reading.columns.items()
    }
    task: dict[str, Any] = {**template, "name": name, **columns}
    task["files"] = {**template["files"], **guessed.files}
    if reading.kind == "text_classification":
        (answer,) = [role for role in ANSWERS if role in reading.columns]
        metrics = list(ANSWERS[answer].metrics)
        task |= {role: columns.get(role) for role in ("pair", *ANSWERS)}
        task |= {"metrics": metrics, "headline": metrics[0]}
    for key, value in settings.items():
        *outer, leaf = key.split(".")
        node = task
        for part in outer:
            node = node.setdefault(part, {})
        node[leaf] = value
    return task


def _words(reading: Reading) -> str:
    *inputs, (role, answer) = ((role, written(names)) for role, names in reading.columns.items())
    read = " and ".join(names for _, names in inputs)
    return f"{reading.kind.replace('_', ' ')}, {role} {answer} of {read}"


def _model(name: str, guessed: Guess) -> tuple[list[str], tuple[str, ...]]:
    """Settings that choose a model for the rows, one whose weights are here if there is any; and notes."""
    kind = guessed.reading.kind
    if kind != "image_classification":
        return _here(WRITERS if kind == "text_to_text" else READERS, name)
    side, grey = _size_and_grey(guessed.raw, guessed.reading.used[0])
    model = next((model for model, pixels in GREY_MODELS.items() if grey and side <= pixels), None)
    if model:
        return [f"model={model}", "arm=scratch"], (UNPUBLISHED.format(model),)
    size_note = (
        f"images are up to {side} pixels wide or high{'' if grey else ', in colour'}: model=resnet18 and "
    )
    chosen, notes = _here(LOOKERS, name)
    return chosen, (f"{size_note}model=vit_base see 224 x 224 in colour", *notes)


def _here(models: Sequence[str], name: str) -> tuple[list[str], tuple[str, ...]]:
    """The first of these models whose weights are on this machine; else the first, and how to get them."""
    for model in models:
        settings = yaml.safe_load((shipped() / "model" / f"{model}.yaml").read_text("utf8"))
        with suppress(WeightsError):
            if Model.read(settings).find(fetch=False).weights:
                return [f"model={model}"], ()
    return [f"model={models[0]}"], (FETCHED.format(models[0], name),)


def _size_and_grey(raw: RawRows, column: str) -> tuple[int, bool]:
    """Of a sample of images: the longest side in pixels, and whether all of them are grey."""
    import numpy as np

    values = raw.column(column)
    chosen = [value for value in values[:: max(1, len(values) // SAMPLED)] if value]
    images_at = [raw.folder / v if isinstance(v, str) and raw.folder is not None else v for v in chosen]
    try:
        images = [decoded(image_cell(image)) for image in images_at]
    except UnfitError as problem:
        raise DataError(
            f"{raw.where}: column {column!r} holds {problem}".replace("{role}", "image")
        ) from None
    grey = all(np.ptp(np.asarray(image), axis=2).max() == 0 for image in images)
    return max(max(image.size) for image in images), grey
