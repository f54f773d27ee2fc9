"""Records of earlier versions, brought to the names of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from headstart.records.fingerprint import fingerprint

READABLE = (2, 3)
RENAMED = {  # path of a key in schema 2: its name in schema 3
    ("init", "poured"): "loaded",
    ("init", "fresh"): "newly_initialised",
    ("init", "checkpoint", "met_before"): "contamination",
    ("cost", "energy", "evidence", "lease"): "device_lock",
    ("cost", "energy", "evidence", "alone"): "contention",
}


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of schema 2 in the form of schema 3: keys are renamed, no value is changed.

    Its ids were made by version 1 of the fingerprint, and stay.
    """
    if record.get("schema") != 2:
        return dict(record)
    renamed = dict(record)
    for path, name in RENAMED.items():
        renamed = _renamed(renamed, path, name)
    if isinstance(record.get("config"), Mapping):
        names = fingerprint(record["config"], source="", built_from={}, weights=None, version=1)
        renamed["fingerprint"] = names.section()
    return {**renamed, "schema": 3}


def _renamed(mapping: dict[str, Any], path: tuple[str, ...], name: str) -> dict[str, Any]:
    """A copy in which the key at `path` is called `name`; as it is where there is no such key."""
    first, *rest = path
    if first not in mapping:
        return mapping
    if rest:
        below: Any = mapping[first]
        if not isinstance(below, dict):
            return mapping
        return {**mapping, first: _renamed(cast(dict[str, Any], below), tuple(rest), name)}
    return {name if key == first else key: value for key, value in mapping.items()}
