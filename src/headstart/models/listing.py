"""Listing: the models that have a yaml, with their sizes, read without training, fetching or a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from headstart.data.cache import cached
from headstart.errors import ConfigError, WeightsError
from headstart.models.architecture import left_open, rounded
from headstart.models.ladder import HERE
from headstart.models.model import Model

OPEN = "???"  # what a yaml leaves to the user


@dataclass(frozen=True)
class Listed:
    """One choice of the group `model`."""

    choice: str
    name: str
    family: str | None  # None: its config.json is not on this machine
    parameters: int | None  # counted, of the architecture without a task's head; None: as above
    weights: str  # "cached", "on the hub", or "none yet" for what is defined here


def listed(yamls: Iterable[Path]) -> list[Listed]:
    """The models of these files in the order given; those that need a name or other settings are left out."""
    return [_listed(path.stem, model) for path in yamls if (model := _model(path)) is not None]


def count(model: Model) -> int | None:
    """Parameters of the architecture without a head, from the cache when it was counted before.

    A vocabulary that follows a tokenizer counts as large as that tokenizer is meant to be.
    """
    settings = _settings(model)
    if settings is None:
        return None
    facts = json.dumps([version("transformers"), settings], sort_keys=True)
    key = hashlib.sha256(facts.encode()).hexdigest()[:32]

    def write(path: Path) -> None:
        path.write_text(str(_counted(settings)), "utf8")

    return json.loads(cached(f"parameters/{key}.json", write).read_text("utf8"))


def _listed(choice: str, model: Model) -> Listed:
    return Listed(choice, model.name, model.family(fetch=False), count(model), _weights(model))


def _model(path: Path) -> Model | None:
    try:
        mapping = yaml.safe_load(path.read_text("utf8")) or {}
        return None if OPEN in mapping.values() else Model.read(mapping)
    except (ConfigError, yaml.YAMLError, AttributeError):
        return None  # a study that uses it says what is wrong with it


def _weights(model: Model) -> str:
    if model.name.startswith(HERE) and model.folder is None:
        return "none yet"
    try:
        return "cached" if model.find(fetch=False).weights else "on the hub"
    except WeightsError:
        return "on the hub"


def _settings(model: Model) -> dict[str, Any] | None:
    """The architecture as a mapping, model_type included; None where config.json is not here."""
    settings = model.settings()
    if settings is None:
        try:
            found = model.find(fetch=False)
        except WeightsError:
            return None
        return json.loads((found.folder / "config.json").read_text("utf8"))
    if "vocab_size" in left_open(settings) and model.tokenizer and model.tokenizer.train:
        settings["vocab_size"] = rounded(model.tokenizer.train.size)
    return settings


def _counted(settings: dict[str, Any]) -> int:
    """Parameters of a skeleton: shapes without numbers, tied weights once."""
    import torch
    from transformers import AutoConfig, AutoModel

    rest = {name: value for name, value in settings.items() if name != "model_type"}
    config = AutoConfig.for_model(settings["model_type"], **rest)
    with torch.device("meta"):
        return sum(weights.numel() for weights in AutoModel.from_config(config).parameters())


def yamls(folders: Iterable[Path]) -> Iterator[Path]:
    """The files of the group `model` below folders of configuration, by name; the first of a name counts."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("model/*.yaml")):
            found.setdefault(path.stem, path)
    yield from (found[name] for name in sorted(found))
