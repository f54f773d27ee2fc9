"""Listing: the models that have a yaml, with their sizes; needs no network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml

from headstart.cache import cached
from headstart.errors import ConfigError, WeightsError
from headstart.models.architecture import left_open, rounded
from headstart.models.contents import CONFIG, read_json
from headstart.models.ladder import HERE
from headstart.models.model import Model

OPEN = "???"  # a setting that a yaml leaves to the user


@dataclass(frozen=True)
class Listed:
    """One choice of the group `model`."""

    choice: str
    name: str
    family: str | None  # None: its config.json is not on this machine
    parameters: int | None  # counted, of the architecture without a task's head; None: as above
    weights: str  # "cached", "on the hub", or "none yet" for a model that is defined here


def yamls(folders: Iterable[Path]) -> list[Path]:
    """The yaml files of the group `model`, sorted by name; of equal names, the first folder counts."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("model/*.yaml")):
            files.setdefault(path.stem, path)
    return [files[name] for name in sorted(files)]


def listed(yamls: Iterable[Path]) -> list[Listed]:
    """The models of these files, in order, without those that need a name or other settings."""
    models = []
    for path in yamls:
        try:
            mapping = yaml.safe_load(path.read_text("utf8")) or {}
            if OPEN not in mapping.values():
                model = Model.read(mapping)
                models.append(
                    Listed(path.stem, model.name, model.family(fetch=False), count(model), _weights(model))
                )
        except (ConfigError, yaml.YAMLError, AttributeError):
            continue  # its mistakes are reported by a study that uses it
    return models


def count(model: Model) -> int | None:
    """Parameters of the architecture without a head; cached.

    None where config.json is not on this machine. For a tokenizer that is trained here, the vocabulary has
    the size in its settings.
    """
    settings = model.settings()
    if settings is None:
        try:
            settings = read_json(model.find(fetch=False).folder / CONFIG)
        except WeightsError:
            return None
    elif "vocab_size" in left_open(settings) and model.tokenizer and model.tokenizer.train:
        settings["vocab_size"] = rounded(model.tokenizer.train.size)
    facts = json.dumps([version("transformers"), settings], sort_keys=True)
    key = hashlib.sha256(facts.encode()).hexdigest()[:32]

    def write(path: Path) -> None:
        import torch
        from transformers import AutoConfig, AutoModel

        options = {name: value for name, value in settings.items() if name != "model_type"}
        config = AutoConfig.for_model(settings["model_type"], **options)
        with torch.device("meta"):  # shapes without values, tied weights once
            parameters = sum(weights.numel() for weights in AutoModel.from_config(config).parameters())
        path.write_text(str(parameters), "utf8")

    return json.loads(cached(f"parameters/{key}.json", write).read_text("utf8"))


def _weights(model: Model) -> str:
    if model.name.startswith(HERE) and model.folder is None:
        return "none yet"
    try:
        return "cached" if model.find(fetch=False).weights else "on the hub"
    except WeightsError:
        return "on the hub"
