"""Settings: the dotted paths of a run's configuration, and those that the study leaves free per arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headstart.records.fingerprint import as_mapping, free_settings, leaves
from headstart.records.record import Record


def own_settings(record: Record) -> dict[str, str]:
    """The settings of a run that may differ between the arms of a pair, as words by dotted path."""
    return {
        path: word(value)
        for name in free_settings(record.config)
        for path, value in leaves(at(record.config, name), name)
    }


def at(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    value: Any = config
    for name in path.split("."):
        value = as_mapping(value).get(name)
    return value


def is_free(path: str, freed: tuple[str, ...]) -> bool:
    """Whether a setting, or a group that it is in, is among the freed ones."""
    return any(path == name or path.startswith(f"{name}.") for name in freed)


def word(value: Any) -> str:
    """A setting as a person writes it."""
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def told(settings: Mapping[str, str]) -> str:
    """'optim.lr 0.001, optim.warmup 0.1'."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())
