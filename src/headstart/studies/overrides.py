"""Overrides: each setting=value is read by itself, before anything is composed."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from headstart.config import NEW_NAMES, nearest, settings_at
from headstart.run import Run
from headstart.studies.config_search import choices

FOLDER = "a run's folder is RUNS/STUDY/...: choose it with runs=... and study.name=..."
UNUSED = {  # Hydra's settings that would have no effect: their value in config.yaml, and what to do instead
    "run.dir": ("${runs}/${study.name}", FOLDER),
    "sweep.dir": ("${runs}/${study.name}", FOLDER),
    "sweep.subdir": (".", FOLDER),
    "output_subdir": (None, "record.json keeps the configuration of each run"),
    "job.chdir": (False, "runs stay in the current folder"),
}


@cache
def parsed(text: str) -> Override:
    """One override; HydraException when it is not of the form setting=value."""
    return OverridesParser.create().parse_overrides([text])[0]


def readable(typed: Iterable[str]) -> tuple[list[str], dict[str, str | None]]:
    """The readable overrides; and for each unreadable one a sentence with its setting."""
    good: list[str] = []
    mistakes: dict[str, str | None] = {}
    groups = choices()
    for text in typed:
        name, _, value = text.lstrip("+").partition("=")
        try:
            override = parsed(text)
        except HydraException:
            mistakes[f"{text}: not of the form setting=value{as_text(text)}"] = name
            continue
        if name in groups and value in ("", "null"):
            mistakes[f"{text}: no such choice; {nearest(value, groups[name])}"] = name
        elif override.is_sweep_override() and name.startswith("hydra"):
            advice = "Hydra's own settings take one value; a study's axis is written seed=0,1"
            mistakes[f"{text}: {advice}"] = name
        elif override.is_sweep_override() and os.path.exists(value):  # False for a name that is too long
            mistakes[f"{text}: is read as several values{as_text(text)}"] = name
        else:
            good.append(text)
    return good, mistakes


def is_axis(text: str) -> bool:
    """Does the override list several values?"""
    return parsed(text).is_sweep_override()


def arm_of(text: str, arms: Sequence[str]) -> str | None:
    """The one arm that the setting is for, as in `lora.arm.rank=16`; None: it is for all."""
    arm, dot, _ = text.lstrip("+~").partition("=")[0].partition(".")
    return arm if dot and arm in arms and arm not in Run.model_fields else None


def as_text(text: str) -> str:
    """How to type a text with characters that are special to Hydra or to a shell."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[+\w.]+", name):
        return ""
    quoted = QuotedString(value.replace("${", "\\${"), Quote.double).with_quotes()
    return f"; as a text it is typed {shlex.quote(f'{name}={quoted}')}"


def put(config: DictConfig, text: str) -> str | None:
    """Put one setting into a composed configuration, as Hydra does; or return why that is not possible."""
    override = parsed(text)
    key, value = override.key_or_group, override.value()
    try:
        if override.is_delete():
            parent, _, name = key.rpartition(".")
            node = OmegaConf.select(config, parent) if parent else config
            if not isinstance(node, DictConfig) or name not in node:
                return f"{key}: there is no such setting to leave out"
            with open_dict(config):
                del node[name]
        elif (
            override.is_add()
            and OmegaConf.select(config, key) is not None
            and not isinstance(value, dict | list)
        ):
            return f"{key}: has a value already; write it without +"
        else:
            force = override.is_add() or override.is_force_add()
            OmegaConf.update(config, key, value, merge=True, force_add=force)
    except (ConfigKeyError, ConfigAttributeError):
        return f"{key}: {_unknown(key)}"
    except OmegaConfBaseException as error:
        return f"{key}: {str(error).splitlines()[0]}"
    return None


def put_value(settings: dict[str, Any], text: str) -> bool:
    """Replace one value in plain data; False, and nothing done, when `put` has to decide."""
    override = parsed(text)
    *groups, name = override.key_or_group.split(".")
    value, group = override.value(), settings
    for key in groups:
        below: Any = group.get(key)
        if not isinstance(below, dict):
            return False
        group = cast(dict[str, Any], below)
    if override.type is not OverrideType.CHANGE or isinstance(value, list) or "${" in str(value):
        return False
    if name not in group or isinstance(group[name], dict | list):
        return False
    if isinstance(value, dict) and (group[name] is not None or not _is_flat(cast(dict[Any, Any], value))):
        return False
    group[name] = value
    return True


def _is_flat(value: dict[Any, Any]) -> bool:
    """Is it a mapping of texts to texts, as the values of a run's axes are?"""
    return all(isinstance(text, str) for item in value.items() for text in item)


def _unknown(path: str) -> str:
    """Why a setting cannot be given: renamed, not Hydra's, not in the chosen yaml, or unknown."""
    if path in NEW_NAMES:
        return f"is now {NEW_NAMES[path]}"
    *parents, leaf = path.split(".")
    if parents[:1] == ["hydra"]:
        return "Hydra has no such setting; --cfg hydra shows all of them"
    names = settings_at(Run, parents) if parents else set(Run.model_fields)
    if leaf in names:
        return f"not in the chosen {parents[0]}; choose another {parents[0]}, or add it with +{path}=..."
    return f"no such setting; {nearest(path, ['.'.join([*parents, name]) for name in names])}"


def unused(hydra: DictConfig) -> list[str]:
    """A sentence per setting of Hydra's that would be ignored."""
    values: Mapping[str, Any] = OmegaConf.to_container(hydra, resolve=False)  # pyright: ignore[reportAssignmentType]
    sentences: list[str] = []
    for path, (usual, instead) in UNUSED.items():
        group, _, name = path.rpartition(".")
        value = values[group][name] if group else values[name]
        if value != usual:
            sentences.append(f"hydra.{path}={value}: is not used by headstart; {instead}")
    return sentences
