"""Naming: a study without a name gets one from its settings, so that no folder mixes two studies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from headstart.records.fingerprint import PLUMBING, SCIENCE
from headstart.studies.overrides import parsed

WITHIN_A_STUDY = ("seed", "arm", "hydra", *PLUMBING)  # other values of these are runs of the same study
TO_A_STUDY = ("study.tune", "study.free")  # the part of PLUMBING that changes what is compared
LONGEST = 60  # characters of a name


def naming(overrides: Sequence[str], compose_default: Callable[[], Any]) -> list[str]:
    """The override that names the study of `overrides`; none for the default study and for a named one.

    A chosen study under another name is another study: its question is not the chosen one's, unless typed.
    `compose_default` returns the configuration without overrides; it is called only when needed.
    """
    all_parsed = [parsed(text) for text in overrides]
    typed = {override.key_or_group: override.value() for override in all_parsed}
    if {"study", "study.name"} <= typed.keys() and typed["study"] != typed["study.name"]:
        return [] if "study.question" in typed else ["study.question="]
    if {"study", "study.name"} & typed.keys():
        return []
    default = cache(compose_default)
    differing = sorted((override for override in all_parsed if _differs(override, default)), key=_place)
    return [f"study.name={safe('-'.join(map(_part, differing)))}"] if differing else []


def _differs(override: Override, default: Callable[[], Any]) -> bool:
    """Does the override describe another study than the default one?"""
    key = _key(override)
    if key in WITHIN_A_STUDY or (key.split(".")[0] in PLUMBING and key not in TO_A_STUDY):
        return False
    if override.is_sweep_override() or key.startswith("hydra."):
        return not key.startswith("hydra.")
    choices = default().hydra.runtime.choices
    before = choices[key] if key in choices else OmegaConf.select(default(), key)
    return before != override.value()


def _key(override: Override) -> str:
    """The dotted path; an axis may also be given as one of the sweeper's."""
    return override.key_or_group.removeprefix("hydra.sweeper.params.")


def _place(override: Override) -> tuple[int, str]:
    """Where the override stands in the name, whatever the order in which it was typed."""
    group = _key(override).split(".")[0]
    return SCIENCE.index(group) if group in SCIENCE else len(SCIENCE), _key(override)


def _part(override: Override) -> str:
    """A choice by its name, an axis as `by_size`, a setting as `lr_1e-4`."""
    name = _key(override).rpartition(".")[2]
    if override.is_sweep_override():
        return f"by_{name}"
    value = override.get_value_element_as_str()
    return value if override.value() == value and "." not in _key(override) else f"{name}_{value}"


def safe(text: str) -> str:
    """The text as a folder name; a digest is added when characters are replaced or cut."""
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).lstrip("_.-+")
    if name == text and len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(text.encode("utf8", "surrogatepass")).hexdigest()[:6]
    return f"{name[:LONGEST].strip('_.-+') or 'study'}-{digest}"
