"""Listing: the models that have a yaml, with their sizes, read without training, fetching or a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml

from headstart.data.cache import cached
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
    weights: str  # "cached", "on the hub", or "none yet" for what is defined here


def yamls(folders: Iterable[Path]) -> list[Path]:
    """The files of the group `model` below folders of configuration, by name; the first of a name counts."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("model/*.yaml")):
            files.setdefault(path.stem, path)
    return [files[name] for name in sorted(files)]


def listed(yamls: Iterable[Path]) -> list[Listed]:
    """The models of these files in the order given; those that need a name or other settings are left out."""
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
            continue  # a study that uses it reports its mistakes
    return models


def count(model: Model) -> int | None:
    """Parameters of the architecture without a head, from the cache when it was counted before.

    None where config.json is not on this machine. A vocabulary that follows a tokenizer counts as large as
    that tokenizer is meant to be.
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

        others = {name: value for name, value in settings.items() if name != "model_type"}
        config = AutoConfig.for_model(settings["model_type"], **others)
        with torch.device("meta"):  # shapes without numbers, tied weights once
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
